/** The campaign's server in one script: a start costs a quarter of the processor time of one that loads a thousand files, and kills are what a campaign is for. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { tree } from '../bench/compiled.js';

interface Bundler {
  build(options: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export const packedName = 'packed.cjs';
/** With files or a WebAssembly module of their own beside their code. */
const leftOutside = ['@electric-sql/pglite', '@fastify/swagger-ui', 'pg-native'];

/** The bundler that tsx brings along; undefined where it does not. */
function bundler(): Bundler | undefined {
  const require = createRequire(import.meta.url);
  try {
    return createRequire(require.resolve('tsx/package.json'))('esbuild') as Bundler;
  } catch {
    return undefined;
  }
}

/** Packs `test/chaos/server` of the compiled tree; gives the script that a node runs, which is the unpacked one where there is no bundler. */
export async function packServer(): Promise<string> {
  const server = join(tree, 'test/chaos/server.js');
  const esbuild = bundler();
  if (esbuild === undefined) return server;
  const outfile = join(tree, 'test/chaos', packedName);
  const options = { bundle: true, platform: 'node', target: 'node20', format: 'cjs', external: leftOutside, logLevel: 'error' };
  const self = { define: { 'import.meta.url': 'packedUrl' }, banner: { js: "const packedUrl = require('node:url').pathToFileURL(__filename).href;" } };
  if (!existsSync(outfile)) await esbuild.build({ ...options, ...self, entryPoints: [server], outfile });
  return join(tree, 'test/chaos/packed-server.js');
}
