import { execFile } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { type CaKeyType, createEngine, type Engine } from '../../src/crypto-engine/index.js';
import { registerOcsp } from '../../src/endpoints/ocsp.js';
import { buildName, encodeExtension, toPem } from '../../src/pkix/index.js';
import { Cursor, der, encode, oids } from '../../src/protocol/der/index.js';
import { type Clock, stoppedClock, systemClock } from '../../src/runtime/clock.js';
import type { Log } from '../../src/runtime/log.js';
import { renewOcspSignersJob } from '../../src/workers/renew-ocsp-signers.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';

const run = promisify(execFile);
t.setTimeout(120_000);

async function serve(t: Test, keyType: CaKeyType = 'P-256', clock: Clock = systemClock) {
  const store = memoryEngineStore();
  const options = { store, clock, publicBaseUrl: 'http://pki.example', ocspUrl: 'http://pki.example/ocsp', keyType };
  const engine = createEngine(options);
  await engine.ensureCas();
  const app = Fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  registerOcsp(app, { engine, clock });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/ocsp`;
  const folder = mkdtempSync(join(tmpdir(), 'ocsp-'));
  t.teardown(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });
  const [issuing = Buffer.alloc(0), root = Buffer.alloc(0)] = engine.chain();
  const file = (name: string, der: Buffer): string => {
    writeFileSync(join(folder, name), toPem('CERTIFICATE', der));
    return join(folder, name);
  };
  const paths = { issuing: file('issuing.pem', issuing), root: file('root.pem', root) };
  return { store, engine, app, url, folder, file, paths, options };
}

let devices = 0;

async function newDevice(engine: Engine): Promise<Buffer> {
  devices += 1;
  const issued = await engine.issue(`device-${devices}`, {
    publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' }),
    subject: buildName([[oids.commonName, `device-${devices}`]]).der,
    sans: [],
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [],
    validitySeconds: 86_400,
    backdateSeconds: 60,
  });
  if (!issued.ok) throw new Error(issued.error);
  return issued.value;
}

type Served = Awaited<ReturnType<typeof serve>>;

/** What `openssl ocsp` says, its verdict on the answer's signature included. */
async function openssl({ url, paths }: Served, certificates: readonly string[], ...more: string[]): Promise<string> {
  const asked = certificates.flatMap((path) => ['-cert', path]);
  const { stdout, stderr } = await run('openssl', [
    'ocsp',
    '-url',
    url,
    '-issuer',
    paths.issuing,
    ...more,
    ...asked,
    '-CAfile',
    paths.root,
    '-verify_other',
    paths.issuing,
  ]);
  return stdout + stderr;
}

/** The request that openssl makes, DER. */
async function requestFor({ folder, paths }: Served, certificates: readonly string[], ...more: string[]): Promise<Buffer> {
  const out = join(folder, 'request.der');
  await run('openssl', ['ocsp', '-issuer', paths.issuing, ...certificates.flatMap((path) => ['-cert', path]), ...more, '-reqout', out]);
  return readFileSync(out);
}

/** responseStatus of an OCSPResponse. */
function statusIn(response: Buffer): number | undefined {
  const lengthOctets = (response[1] as number) < 0x80 ? 1 : 1 + ((response[1] as number) & 0x7f);
  return response[1 + lengthOctets + 2];
}

/** The same request for one certificate with a nonce of these octets. */
function withNonce(request: Buffer, octets: Buffer): Buffer {
  const tbs = new Cursor(request).sequence().sequence();
  const list = tbs.element();
  const nonce = encodeExtension({ oid: '1.3.6.1.5.5.7.48.1.2', critical: false, value: der.octetString(octets) });
  return encode(der.sequence(der.sequence(list, der.explicit(2, der.sequence(nonce)))));
}

for (const keyType of ['P-256', 'RSA-2048'] as const) {
  t.test(`openssl ocsp believes the answers of a ${keyType} CA: good, revoked, on hold, released, unknown`, async (t) => {
    const served = await serve(t, keyType);
    const { engine, file } = served;
    const device = await newDevice(engine);
    const path = file('device.pem', device);
    const good = await openssl(served, [path]);
    t.match(good, /Response verify OK/);
    t.match(good, /device\.pem: good/);
    t.match(await openssl(served, [path], '-sha256', '-no_nonce'), /device\.pem: good/);
    await engine.revoke(device, 6);
    t.match(await openssl(served, [path]), /device\.pem: revoked[\s\S]*Reason: certificateHold/);
    t.match(await openssl(served, [path], '-no_nonce'), /device\.pem: revoked/, 'a prebuilt answer is given up when the state changes');
    await engine.revoke(device, 8);
    t.match(await openssl(served, [path], '-sha256', '-no_nonce'), /device\.pem: good/);
    await engine.revoke(device, 1);
    t.match(await openssl(served, [path], '-no_nonce'), /device\.pem: revoked[\s\S]*Reason: keyCompromise/);
    const { stdout } = await run('openssl', ['ocsp', '-url', served.url, '-issuer', served.paths.issuing, '-serial', '0x123456', '-CAfile', served.paths.root]);
    t.match(stdout, /0x123456: unknown/);
  });
}

t.test('several certificates are answered for in one answer, and the nonce comes back', async (t) => {
  const served = await serve(t);
  const { engine, file } = served;
  const [one, two] = [await newDevice(engine), await newDevice(engine)];
  await engine.revoke(two, 4);
  const text = await openssl(served, [file('one.pem', one), file('two.pem', two)], '-nonce');
  t.match(text, /Response verify OK/);
  t.notMatch(text, /no nonce in response|Nonce Verify error/i);
  t.match(text, /one\.pem: good[\s\S]*two\.pem: revoked/);
});

t.test('the delegated key is of the CA, for OCSP signing alone, needs no check, and is kept by the store', async (t) => {
  const served = await serve(t);
  const { engine, store, folder, file, options } = served;
  await openssl(served, [file('device.pem', await newDevice(engine))]);
  const [signer, ...others] = await store.listOcspSigners('issuing');
  t.same(others, [], 'one for all answers');
  const { stdout } = await run('openssl', ['x509', '-noout', '-text', '-in', file('signer.pem', signer?.certificate ?? Buffer.alloc(0))]);
  t.match(stdout, /OCSP Signing/);
  t.match(stdout, /OCSP No Check/);
  t.match(stdout, /Digital Signature/);
  const again = createEngine(options);
  await again.ensureCas();
  const request = await requestFor(served, [join(folder, 'device.pem')]);
  await again.ocsp(request);
  t.equal((await store.listOcspSigners('issuing')).length, 1, 'another process takes the same');
});

t.test('the key is renewed before its certificate ends', async (t) => {
  const clock = stoppedClock(new Date());
  const served = await serve(t, 'P-256', clock);
  const { engine, store, file } = served;
  const path = file('device.pem', await newDevice(engine));
  const request = await requestFor(served, [path]);
  await engine.ocsp(request);
  const [first] = await store.listOcspSigners('issuing');
  clock.advance(19 * 86_400_000);
  await engine.ocsp(request);
  t.equal((await store.listOcspSigners('issuing')).length, 1);
  clock.advance(2 * 86_400_000);
  await engine.ocsp(request);
  const [second, ...rest] = await store.listOcspSigners('issuing');
  t.equal(rest.length, 1);
  t.ok((second?.notAfter.getTime() ?? 0) > (first?.notAfter.getTime() ?? 0));
});

t.test('GET is answered with what caches need, POST and nonces are not kept', async (t) => {
  const served = await serve(t);
  const { app, engine, file } = served;
  const device = await newDevice(engine);
  const path = file('device.pem', device);
  const request = await requestFor(served, [path], '-no_nonce');
  const get = (text: string, headers = {}) => app.inject({ url: `/ocsp/${text}`, headers });
  const escaped = encodeURIComponent(request.toString('base64'));
  const first = await get(escaped);
  t.equal(first.statusCode, 200);
  t.match(first.headers, {
    'content-type': 'application/ocsp-response',
    'cache-control': /^max-age=300, public, no-transform, must-revalidate$/,
    etag: /^"/,
    expires: /GMT$/,
    'last-modified': /GMT$/,
  });
  t.same((await get(request.toString('base64'))).rawPayload, first.rawPayload, 'slashes and pluses as they are; the same bytes again');
  t.equal((await get(escaped, { 'if-none-match': String(first.headers.etag) })).statusCode, 304);
  const posted = await app.inject({ method: 'POST', url: '/ocsp', headers: { 'content-type': 'application/ocsp-request' }, payload: request });
  t.same(posted.rawPayload, first.rawPayload);
  await engine.revoke(device, 4);
  t.notSame((await get(escaped)).rawPayload, first.rawPayload);
  const withNonce = encodeURIComponent((await requestFor(served, [path], '-nonce')).toString('base64'));
  t.match((await get(withNonce)).headers, { 'cache-control': 'no-store' });
  t.equal((await app.inject({ method: 'POST', url: '/ocsp', payload: 'x', headers: { 'content-type': 'text/plain' } })).statusCode, 415);
});

t.test('what cannot be answered is answered with a status that says so', async (t) => {
  const served = await serve(t);
  const { engine, file } = served;
  const path = file('device.pem', await newDevice(engine));
  const request = await requestFor(served, [path], '-no_nonce');
  const statusOf = async (bytes: Buffer) => statusIn((await engine.ocsp(bytes)).der);
  t.equal(await statusOf(request), 0);
  t.equal(await statusOf(Buffer.alloc(0)), 1);
  t.equal(await statusOf(request.subarray(0, -1)), 1);
  t.equal(await statusOf(Buffer.concat([request, Buffer.alloc(1)])), 1);
  const seen = new Set<number | undefined>();
  for (let at = 0; at < request.length; at += 1) {
    const mutant = Buffer.from(request);
    mutant[at] = (mutant[at] as number) ^ 0x41;
    seen.add(await statusOf(mutant));
  }
  t.same([...seen].sort(), [0, 1, 6], 'one changed octet is another serial, nonsense, or another CA');
  const many = await requestFor(
    served,
    Array.from({ length: 17 }, () => path),
    '-no_nonce',
  );
  t.equal(await statusOf(many), 1, 'so many at once nobody asks for');
  const stranger = await serve(t);
  const strange = await requestFor(stranger, [stranger.file('x.pem', await newDevice(stranger.engine))]);
  t.equal(await statusOf(strange), 6, 'another CA');
  for (const [octets, status] of [
    [0, 1],
    [1, 0],
    [32, 0],
    [128, 0],
    [129, 1],
  ] as const) {
    t.equal(await statusOf(withNonce(request, Buffer.alloc(octets, 7))), status, `a nonce of ${octets} octets`);
  }
  const broken = { ...memoryEngineStore(), findBySerial: async () => Promise.reject(new Error('away')) };
  const away = createEngine({ store: broken, clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await away.ensureCas();
  const own = [...away.chain()];
  const paths = { ...served.paths, issuing: file('away.pem', own[0] ?? Buffer.alloc(0)) };
  const its = await requestFor({ ...served, paths }, [file('its.pem', await newDevice(away))]);
  t.equal(statusIn((await away.ocsp(its)).der), 3, 'try later');
});

t.test('an answer that is still good goes on being given while the database is away', async (t) => {
  const clock = stoppedClock(new Date());
  const memory = memoryEngineStore();
  let isAway = false;
  const store = {
    ...memory,
    findBySerial: async (caId: string, serial: string) => (isAway ? Promise.reject(new Error('away')) : memory.findBySerial(caId, serial)),
  };
  const engine = createEngine({ store, clock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const served = await serve(t);
  const [issuing = Buffer.alloc(0)] = engine.chain();
  const paths = { ...served.paths, issuing: served.file('own.pem', issuing) };
  const request = await requestFor({ ...served, paths }, [served.file('device.pem', await newDevice(engine))], '-no_nonce');
  const first = await engine.ocsp(request);
  isAway = true;
  clock.advance(1_800_000);
  t.same((await engine.ocsp(request)).der, first.der);
  clock.advance(1_801_000);
  t.equal(statusIn((await engine.ocsp(request)).der), 3);
});

t.test('new certificates name the responder, those of an engine without one do not', async (t) => {
  const { engine } = await serve(t);
  const device = new X509Certificate(await newDevice(engine));
  t.match(device.infoAccess, /OCSP - URI:http:\/\/pki\.example\/ocsp\n/);
  t.match(device.infoAccess, /CA Issuers - URI:http:\/\/pki\.example\/pki\/issuing\.cer/);
  const plain = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await plain.ensureCas();
  t.notMatch(new X509Certificate(await newDevice(plain)).infoAccess, /OCSP/);
});

t.test('the certificates of the CAs themselves are answered for by the root', async (t) => {
  const served = await serve(t);
  const text = await openssl({ ...served, paths: { ...served.paths, issuing: served.paths.root } }, [served.paths.issuing]);
  t.match(text, /Response verify OK/);
  t.match(text, /issuing\.pem: good/);
});

t.test('keys for OCSP answers are renewed ahead of their end although nobody asks', async (t) => {
  const clock = stoppedClock(new Date());
  const { engine, store, options } = await serve(t, 'P-256', clock);
  const [issuing] = engine.issuingIds();
  const signers = () => store.listOcspSigners(issuing ?? '');
  t.equal(await engine.renewOcspSigners(), 2, 'one for the issuing CA, one for the root');
  t.equal(await engine.renewOcspSigners(), 0);
  const [first] = await signers();
  clock.advance(19 * 86_400_000);
  t.equal(await engine.renewOcspSigners(), 0, 'eleven days are left');
  clock.advance(2 * 86_400_000);
  const other = createEngine(options);
  await other.ensureCas();
  t.equal(await other.renewOcspSigners(), 2);
  t.equal(await engine.renewOcspSigners(), 0, 'another process was first');
  const [newest] = await signers();
  t.not(newest?.serial, first?.serial);
  t.ok((newest?.notAfter ?? new Date(0)) > (first?.notAfter ?? new Date(0)));
});

t.test('near the end of its CA a key that lasts as long as the CA is not replaced again and again', async (t) => {
  const clock = stoppedClock(new Date());
  const { engine, store } = await serve(t, 'P-256', clock);
  const [issuing = ''] = engine.issuingIds();
  const end = new Date(new X509Certificate(engine.chain()[0] ?? Buffer.alloc(0)).validTo);
  clock.advance(end.getTime() - clock.now().getTime() - 5 * 86_400_000);
  await engine.renewOcspSigners();
  const [last] = await store.listOcspSigners(issuing);
  t.ok(last && last.notAfter.getTime() <= end.getTime());
  t.equal(await engine.renewOcspSigners(), 0);
  t.equal((await store.listOcspSigners(issuing)).length, 1);
  clock.advance(6 * 86_400_000);
  await engine.renewOcspSigners();
  t.equal((await store.listOcspSigners(issuing)).length, 1, 'a CA that is over gets none');
});

t.test('the background job renews', async (t) => {
  const { engine } = await serve(t);
  const told: unknown[] = [];
  const job = renewOcspSignersJob({ engine, log: { info: (what: unknown) => void told.push(what) } as unknown as Log });
  await job.run();
  await job.run();
  t.same(told, [{ keys: 2 }]);
});
