import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { consolePlaces, consoleRoutes } from '../../src/admin/console/routes.js';

const script = `export const words = '${'gate '.repeat(400)}';`;
const page = '<!doctype html><meta property="csp-nonce" nonce="__STYLE_NONCE__"><script type="module" src="/assets/main-abc123.js"></script>';

/** A built console as Vite leaves it, with things beside it that must not be served. */
async function serve(t: Test, isBuilt = true): Promise<FastifyInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-console-'));
  const app = Fastify();
  t.teardown(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  });
  if (isBuilt) {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), page);
    writeFileSync(join(folder, 'manifest.json'), '{"secret":"of the build"}');
    writeFileSync(join(folder, 'favicon.svg'), '<svg/>');
    writeFileSync(join(folder, 'assets/main-abc123.js'), script);
    writeFileSync(join(folder, 'assets/main-abc123.js.map'), '{}');
  }
  await app.register(async (scope) => consoleRoutes(scope, folder));
  return app;
}

const nonceOf = (policy: unknown): string => /'nonce-([\w-]{24})'/.exec(String(policy))?.[1] ?? '';

t.test('every place of the console begins with the page, under a policy that lets no foreign script run', async (t) => {
  const app = await serve(t);
  const seen = new Set<string>();
  for (const url of ['/', ...consolePlaces.flatMap((place) => [`/${place}`, `/${place}/0190-some-id`])]) {
    const { statusCode, headers, body } = await app.inject({ url });
    const policy = String(headers['content-security-policy']);
    t.equal(statusCode, 200, url);
    t.match(headers['content-type'], 'text/html', url);
    t.notMatch(policy, /unsafe|\*|https?:/, url);
    for (const rule of ["default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]) {
      t.ok(policy.includes(rule), `${url}: ${rule}`);
    }
    t.equal(headers['cache-control'], 'no-store', url);
    t.equal(headers['x-content-type-options'], 'nosniff', url);
    t.ok(body.includes(`nonce="${nonceOf(policy)}"`), 'the page carries the nonce of its own policy');
    seen.add(nonceOf(policy));
  }
  t.equal(seen.size, 1 + consolePlaces.length * 2, 'and every answer a new one');
});

t.test('files with a hash in their name are kept for good, compressed where the browser takes it', async (t) => {
  const app = await serve(t);
  const packed = await app.inject({ url: '/assets/main-abc123.js', headers: { 'accept-encoding': 'br;q=1.0, gzip' } });
  t.equal(packed.statusCode, 200);
  t.equal(packed.headers['cache-control'], 'public, max-age=31536000, immutable');
  t.equal(packed.headers['content-encoding'], 'gzip');
  t.equal(packed.headers.vary, 'accept-encoding');
  t.equal(gunzipSync(packed.rawPayload).toString(), script);
  for (const accepted of ['', 'identity', 'gzip;q=0', 'gzip; q=0.0, br']) {
    const plain = await app.inject({ url: '/assets/main-abc123.js', headers: { 'accept-encoding': accepted } });
    t.equal(plain.headers['content-encoding'], undefined, accepted);
    t.equal(plain.body, script, accepted);
  }
  const again = await app.inject({ url: '/assets/main-abc123.js', headers: { 'if-none-match': String(packed.headers.etag) } });
  t.equal(again.statusCode, 304);
  t.equal(again.body, '');
  t.equal((await app.inject({ url: '/favicon.svg' })).headers['cache-control'], 'no-cache', 'without a hash it is asked for again');
});

t.test('nothing else of the folder is served, and unknown addresses stay unknown', async (t) => {
  const app = await serve(t);
  const hostile = [
    ...['/manifest.json', '/index.html', '/assets/', '/assets/main-abc123.js.map', '/assets/other.js', '/no-such-place', '/loginx'],
    ...['/assets/..%2findex.html', '/assets/..%2f..%2f..%2fetc%2fpasswd', '/assets/%2e%2e/manifest.json', '/assets/main-abc123.js%00.svg'],
  ];
  for (const url of hostile) {
    const { statusCode, body } = await app.inject({ url });
    t.equal(statusCode, 404, url);
    t.notMatch(body, /of the build|root:|doctype/, url);
  }
});

t.test('where the console was not built, that is said and what to do', async (t) => {
  const app = await serve(t, false);
  const { statusCode, headers, body } = await app.inject({ url: '/' });
  t.equal(statusCode, 404);
  t.match(headers['content-type'], 'text/plain');
  t.match(body, /npm run build/);
  t.equal((await app.inject({ url: '/assets/main.js' })).statusCode, 404);
});
