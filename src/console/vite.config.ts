import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The console is built once, by `npm ci`, into dist/console. During development its server passes API calls on to a running Gatehouse. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: 'public',
  plugins: [react()],
  html: { cspNonce: '__STYLE_NONCE__' },
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: 'manifest.json',
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8081' } },
});
