import Fastify from 'fastify';
import t from 'tap';
import { createEngine } from '../../src/crypto-engine/index.js';
import { registerPki } from '../../src/endpoints/pki.js';
import { parseCrl } from '../../src/pkix/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';

const start = new Date('2026-06-01T12:00:00Z');

async function serve() {
  const engine = createEngine({ store: memoryEngineStore(), clock: stoppedClock(start), publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const app = Fastify();
  registerPki(app, { engine });
  t.teardown(() => app.close());
  return { app, engine };
}

t.test('GET /pki/<ca>.cer answers the CA certificate (RFC 2585 section 4.1)', async (t) => {
  const { app, engine } = await serve();
  for (const ca of ['root', 'issuing']) {
    const answer = await app.inject(`/pki/${ca}.cer`);
    t.equal(answer.statusCode, 200);
    t.equal(answer.headers['content-type'], 'application/pkix-cert');
    t.same(answer.rawPayload, engine.certificateOf(ca));
    t.match(answer.headers['cache-control'], /^public, max-age=\d+$/);
  }
});

t.test('GET /pki/<ca>.crl answers the revocation list (RFC 2585 section 4.2)', async (t) => {
  const { app } = await serve();
  for (const ca of ['root', 'issuing']) {
    const answer = await app.inject(`/pki/${ca}.crl`);
    t.equal(answer.statusCode, 200);
    t.equal(answer.headers['content-type'], 'application/pkix-crl');
    t.equal(answer.headers['last-modified'], 'Mon, 01 Jun 2026 12:00:00 GMT');
    t.equal(answer.headers.expires, 'Mon, 08 Jun 2026 12:00:00 GMT');
    t.ok(parseCrl(answer.rawPayload).ok);
  }
});

t.test('a copy that is still current is not sent again', async (t) => {
  const { app } = await serve();
  const first = await app.inject('/pki/issuing.crl');
  const tag = String(first.headers.etag);
  for (const header of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const again = await app.inject({ url: '/pki/issuing.crl', headers: { 'if-none-match': header } });
    t.equal(again.statusCode, 304, header);
    t.equal(again.rawPayload.length, 0);
    t.equal(again.headers.etag, tag);
  }
  t.equal((await app.inject({ url: '/pki/issuing.crl', headers: { 'if-none-match': '"other"' } })).statusCode, 200);
});

t.test('HEAD tells the length and sends nothing', async (t) => {
  const { app, engine } = await serve();
  const answer = await app.inject({ method: 'HEAD', url: '/pki/issuing.cer' });
  t.equal(answer.statusCode, 200);
  t.equal(answer.headers['content-length'], String(engine.certificateOf('issuing')?.length));
  t.equal(answer.rawPayload.length, 0);
});

t.test('what is not there is a quiet 404', async (t) => {
  const { app } = await serve();
  for (const path of ['other.crl', 'other.cer', 'issuing', 'issuing.pem', '.crl', '__proto__.cer', '..%2fissuing.crl', `${'a'.repeat(65)}.cer`]) {
    const answer = await app.inject(`/pki/${path}`);
    t.equal(answer.statusCode, 404, path);
    t.equal(answer.body, '', path);
  }
});

t.test('only reading is served', async (t) => {
  const { app } = await serve();
  t.equal((await app.inject({ method: 'POST', url: '/pki/issuing.crl' })).statusCode, 404);
});
