import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import t from 'tap';
import { checkCryptoEngineConfig, createCryptoEngineIssuer, testCryptoEngine } from '../../../src/connectors/crypto-engine/index.js';
import { createEngine, type Engine, type EngineCaller, engineScopes, registerEngineApi } from '../../../src/crypto-engine/index.js';
import type { CertificateRequest, Issuer } from '../../../src/enrolment/ports.js';
import {
  buildName,
  type Certificate,
  createSigner,
  directoryName,
  dnsName,
  extendedKeyUsageExtension,
  extendedKeyUsageOf,
  ipName,
  keyUsageExtension,
  keyUsageOf,
  nameFromText,
  parseCertificate,
  publicKeyOf,
  signCsr,
  subjectAltNames,
  toPem,
  uriName,
} from '../../../src/pkix/index.js';
import { contextConstructed, der, encode, oids } from '../../../src/protocol/der/index.js';
import { stoppedClock, systemClock } from '../../../src/runtime/clock.js';
import { uuidv7 } from '../../../src/runtime/ids.js';
import { createLog } from '../../../src/runtime/log.js';
import { Secret } from '../../../src/runtime/secret.js';
import { cryptoEngineConfigSchema } from '../../../src/tenancy/connector.js';
import { memoryEngineStore } from '../../support/memory-engine-store.js';

const log = createLog('silent');
const secrets = { clientSecret: { value: new Secret('s3cret :ü') } };

function configOf(fields: Record<string, unknown>) {
  return cryptoEngineConfigSchema.parse({ clientId: 'ra one', timeoutMs: 2_000, ...fields });
}

function newRef(): string {
  return `${uuidv7()}-${uuidv7()}`;
}

function requestFor(fields: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' }),
    subject: buildName([[oids.commonName, 'device-1']]).der,
    sans: [dnsName('device-1.example').der],
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.clientAuth],
    validitySeconds: 30 * 86_400,
    backdateSeconds: 300,
    ...fields,
  };
}

function certificate(bytes: Buffer): Certificate {
  const parsed = parseCertificate(bytes);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

async function issued(issuer: Issuer, request: CertificateRequest, ref = newRef()): Promise<Certificate> {
  const answer = await issuer.issue(ref, request);
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer));
  return certificate(answer.certificate);
}

async function newEngine(store = memoryEngineStore()): Promise<Engine> {
  const engine = createEngine({ store, clock: systemClock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  return engine;
}

/** The engine's own HTTP API, listening. */
async function serveEngine() {
  const store = memoryEngineStore();
  const engine = await newEngine(store);
  const app = Fastify();
  const known = new Map<string, EngineCaller['scopes']>([
    ['ra one', engineScopes],
    ['other', engineScopes],
    ['reader', ['ca.read']],
  ]);
  let tokens = 0;
  const clients = {
    authenticate(clientId: string, secret: string) {
      tokens += 1;
      const scopes = known.get(clientId);
      return scopes !== undefined && secret === 's3cret :ü' ? { clientId, scopes } : undefined;
    },
    scopesOf: (clientId: string) => known.get(clientId),
    catchUp: async () => {},
  };
  const deps = { engine, clock: systemClock, log, tokenKey: randomBytes(32), clients, version: '1.0' };
  await app.register(async (scope) => registerEngineApi(scope, deps), { prefix: '/engine' });
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/engine`;
  t.teardown(() => app.close());
  return { engine, store, app, url, known, tokens: () => tokens };
}

function remote(url: string, fields: Record<string, unknown> = {}): Issuer {
  return createCryptoEngineIssuer(configOf({ url, ...fields }), secrets, { log });
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Answer = (response: ServerResponse, call: Call) => void;

function listen(server: Server): Promise<string> {
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)));
}

/** A server that answers call after call as it is told; the last answer goes on. */
async function serveScript(...answers: Answer[]): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
      calls.push(call);
      (answers.length > 1 ? answers.shift() : answers[0])?.(response, call);
    });
  });
  return { url: await listen(server), calls };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const coded = (status: number, code: string, headers = {}) => json(status, { code, title: 'title', detail: 'why' }, headers);
const cutInTheMiddle: Answer = (response) => {
  response.writeHead(201, { 'content-length': '500' });
  response.write('{', () => response.socket?.end());
};
const cut: Answer = (response) => void response.socket?.destroy();
const open = { clientId: '', caId: 'ca', profileId: 'p' };

t.test('configuration', async (t) => {
  t.test('is checked in words before it is used', async (t) => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ url: 'https://engine.example', dialect: 'vault' }, /not "vault"/],
      [{ url: 'embedded:', caId: 'other' }, /no issuing CA "other"/],
      [{ url: 'engine.example' }, /cannot be read|must begin/],
      [{ url: 'ftp://engine.example' }, /must begin with https/],
      [{ url: 'https://user:pw@engine.example' }, /user name or password/],
      [{ url: 'https://engine.example/?a=b' }, /without \? or #/],
    ];
    for (const [fields, text] of wrong) {
      const checked = checkCryptoEngineConfig(configOf(fields));
      t.match(checked.ok ? '' : checked.error, text);
      t.throws(() => createCryptoEngineIssuer(configOf(fields), secrets, { log }), text);
      const report = await testCryptoEngine(configOf(fields), secrets, { log });
      t.match(report, { ok: false, steps: [{ name: 'configuration', ok: false, message: text }] });
    }
    t.same(checkCryptoEngineConfig(configOf({ url: 'https://engine.example/base' })), { ok: true, value: true });
  });

  t.test('"embedded:" without an engine in this process is a fault, not a silence', async (t) => {
    t.throws(() => createCryptoEngineIssuer(configOf({ url: 'embedded:' }), {}, { log }), /does not run in this process/);
  });
});

t.test('the embedded engine', async (t) => {
  t.test('signs at once, issues once per ref, looks up and revokes', async (t) => {
    const engine = await newEngine();
    const issuer = createCryptoEngineIssuer(configOf({ url: 'embedded:' }), {}, { engine, log });
    t.same(issuer.capabilities, { lookup: true, uniqueRef: true });
    t.same(issuer.timing, { timeoutMs: 2_000, maxProcessingMs: 60_000, concurrency: 16 });
    t.match(issuer.local?.sign(requestFor()), { ok: true, value: { caId: 'issuing' } });
    const [ref, request] = [newRef(), requestFor()];
    t.same(await issuer.lookup(ref, request.publicKey, null), { kind: 'none' });
    const first = await issued(issuer, request, ref);
    t.same((await issued(issuer, request, ref)).der, first.der);
    t.same(await issuer.lookup(ref, request.publicKey, null), { kind: 'found', certificate: first.der });
    t.same(await issuer.revoke(first.der, 1), { ok: true, value: true });
    t.same(await issuer.chain(), engine.chain());
    t.match(await issuer.issue(newRef(), requestFor({ keyUsage: ['x'] })), { kind: 'refused', reason: /not a key usage/ });
    t.match(await testCryptoEngine(configOf({ url: 'embedded:' }), {}, { engine, log }), { ok: true });
  });

  t.test('leaves the outcome uncertain when the database fails in between', async (t) => {
    const broken = { ...memoryEngineStore(), record: async () => Promise.reject(new Error('away')), findByRef: async () => Promise.reject(new Error('away')) };
    const issuer = createCryptoEngineIssuer(configOf({ url: 'embedded:' }), {}, { engine: await newEngine(broken), log });
    t.match(await issuer.issue(newRef(), requestFor()), { kind: 'uncertain' });
    t.match(await issuer.lookup(newRef(), Buffer.alloc(0), null), { kind: 'unknown' });
  });
});

t.test('Crypto Engine API v1, spoken to the engine behind its own HTTP API', async (t) => {
  const { engine, store, url, app, tokens } = await serveEngine();

  t.test('issues for a public key alone, with the names and validity asked for', async (t) => {
    const subject = nameFromText('CN=a\\, b\\+c \\"d\\",OU=Läden & Söhne,O=x=y');
    if (!subject.ok) throw new Error(subject.error);
    const directory = encode(directoryName(buildName([[oids.commonName, 'dir, name']])));
    const upn = encode(der.constructed(contextConstructed(0), der.oid('1.3.6.1.4.1.311.20.2.3'), der.explicit(0, der.utf8String('user@example'))));
    const other = encode(der.constructed(contextConstructed(0), der.oid('1.3.6.1.5.5.7.8.9'), der.explicit(0, der.utf8String('smtp'))));
    const email = der.implicitPrimitive(1, Buffer.from('a@b.example'));
    const sans = [dnsName('*.d.example').der, ipName('192.0.2.9').der, ipName('2001:db8::1').der, uriName('urn:x:1').der, email, directory, upn, other];
    const request = requestFor({ subject: subject.value.der, sans });
    const before = Date.now();
    const got = await issued(remote(url), request);
    t.same(got.publicKey.spki, request.publicKey);
    t.same(got.subject.der, subject.value.der);
    const names = subjectAltNames(got.extensions);
    t.same(names.ok && names.value.map((name) => name.der), sans);
    const length = got.notAfter.getTime() - got.notBefore.getTime();
    t.equal(length, (30 * 86_400 + 300) * 1000);
    t.ok(Math.abs(got.notAfter.getTime() - before - 30 * 86_400_000) < 60_000);
  });

  t.test('issues for the PKCS#10 of the device, under the names the registration authority decided', async (t) => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signer = createSigner(pair.privateKey, publicKeyOf(pair.publicKey));
    const extensions = [keyUsageExtension(['digitalSignature']), extendedKeyUsageExtension([oids.clientAuth, oids.cmcRA])];
    const pkcs10 = signCsr({ subject: buildName([[oids.commonName, 'asked']]), extensions }, signer);
    const request = requestFor({ publicKey: signer.publicKey.spki, pkcs10, subject: buildName([[oids.commonName, 'decided']]).der, sans: [] });
    const got = await issued(remote(url), request);
    t.same(got.subject.der, request.subject);
    t.same(keyUsageOf(got.extensions), { ok: true, value: ['digitalSignature'] });
    t.same(extendedKeyUsageOf(got.extensions), { ok: true, value: [oids.clientAuth] }, 'the profile "device" gives no cmcRA');
    const ra = await issued(remote(url, { profileId: 'ra' }), request);
    t.same(extendedKeyUsageOf(ra.extensions), { ok: true, value: [oids.clientAuth, oids.cmcRA] });
  });

  t.test('answers the same ref with the same certificate, also to another process', async (t) => {
    const [ref, request, count] = [newRef(), requestFor(), store.records.length];
    const first = await issued(remote(url), request, ref);
    const again = await issued(remote(url), request, ref);
    t.same(again.der, first.der);
    t.equal(store.records.length, count + 1);
    t.match(await remote(url).issue(ref, requestFor()), { kind: 'uncertain', reason: /idempotency-key-reused/ }, 'another request under the same ref');
  });

  t.test('shows the chain and revokes, once and again', async (t) => {
    const issuer = remote(url);
    t.same(await issuer.chain(), engine.chain());
    const got = await issued(issuer, requestFor());
    const isHeld = async () => (await engine.find('issuing', got.serial.toString('hex')))?.reason === 6;
    for (const round of ['once', 'once more, though the same answer could be replayed']) {
      t.same(await issuer.revoke(got.der, 6), { ok: true, value: true });
      t.ok(await isHeld(), `CMP-144 on hold ${round}`);
      t.same(await issuer.revoke(got.der, 8), { ok: true, value: true });
      t.notOk(await isHeld(), `CMP-144 released ${round}`);
    }
    t.same(await issuer.revoke(got.der, 6), { ok: true, value: true });
    t.same(await issuer.revoke(got.der, 1), { ok: true, value: true });
    t.same(await issuer.revoke(got.der, 1), { ok: true, value: true });
    t.same(await issuer.revoke(got.der, 4), { ok: true, value: true }, 'revoked is revoked, whatever the reason');
    t.match(await issuer.revoke(got.der, 8), { ok: false, error: /already-revoked/, final: true }, 'CMP-144 what is revoked for good is not released');
    t.match(await engine.find('issuing', got.serial.toString('hex')), { reason: 1 });
    const stranger = await engine.issue('tenant-order', requestFor());
    t.match(await issuer.revoke(stranger.ok ? stranger.value : Buffer.alloc(0), 1), { ok: false, error: /certificate-not-found/ });
    const other = createCryptoEngineIssuer(configOf({ url, clientId: 'other' }), secrets, { log });
    t.match(await other.revoke(got.der, 1), { ok: false, error: /certificate-not-found/, final: true }, 'clients do not reach each other’s certificates');
  });

  t.test('refuses for good what the engine refuses for good', async (t) => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'der', type: 'spki' });
    t.match(await remote(url).issue(newRef(), requestFor({ publicKey: weak })), { kind: 'refused', reason: /key-not-allowed.*2048/ });
    t.match(await remote(url).issue(newRef(), requestFor({ validitySeconds: 4000 * 86_400 })), { kind: 'refused', reason: /validity-not-allowed.*3650/ });
    t.match(await remote(url).issue(newRef(), requestFor({ subject: Buffer.from('3000', 'hex'), sans: [] })), { kind: 'refused', reason: /policy-violation/ });
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signer = { ...createSigner(pair.privateKey, publicKeyOf(pair.publicKey)), sign: () => randomBytes(64) };
    const pkcs10 = signCsr({ subject: buildName([[oids.commonName, 'x']]) }, signer);
    t.match(await remote(url).issue(newRef(), requestFor({ pkcs10 })), { kind: 'refused', reason: /pop-failed/ });
  });

  t.test('sends nothing when the configuration does not fit', async (t) => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ caId: 'other', profileId: 'device' }, /ca-not-found/],
      [{ caId: 'other' }, /shows this client no CA "other"/],
      [{ profileId: 'other' }, /no profile "other"/],
      [{ caId: 'issuing', profileId: 'other' }, /profile-not-found/],
      [{ clientId: 'nobody' }, /invalid_client/],
      [{ clientId: '' }, /unauthorized/],
      [{ clientId: 'reader' }, /insufficient-scope/],
    ];
    const count = store.records.length;
    for (const [fields, reason] of wrong) t.match(await remote(url, fields).issue(newRef(), requestFor()), { kind: 'notSent', reason });
    t.equal(store.records.length, count);
  });

  t.test('asks for one token for many calls', async (t) => {
    const issuer = remote(url);
    const before = tokens();
    await Promise.all(Array.from({ length: 8 }, () => issued(issuer, requestFor())));
    await issued(issuer, requestFor());
    t.equal(tokens(), before + 1);
  });

  t.test('the connection test names each step, and the one that fails', async (t) => {
    const good = await testCryptoEngine(configOf({ url }), secrets, { log });
    t.match(good, { ok: true });
    t.same(
      good.steps.map((step) => step.name),
      ['connection', 'token', 'certification authority', 'chain'],
    );
    const failing: [Record<string, unknown>, string, RegExp][] = [
      [{ url: 'http://127.0.0.1:1' }, 'connection', /ECONNREFUSED/],
      [{ url: url.replace('/engine', '/elsewhere') }, 'connection', /no Crypto Engine/],
      [{ url, clientId: 'nobody' }, 'token', /invalid_client/],
      [{ url, caId: 'other' }, 'certification authority', /no CA "other"/],
    ];
    for (const [fields, name, message] of failing) {
      const report = await testCryptoEngine(configOf(fields), secrets, { log });
      t.match(report.steps.at(-1), { name, ok: false, message });
      t.equal(report.ok, false);
    }
  });

  t.test('the API itself', async (t) => {
    const basic = `Basic ${Buffer.from('ra+one:s3cret+%3A%C3%BC').toString('base64')}`;
    const token = async (body: string, headers = {}) =>
      app.inject({ method: 'POST', url: '/engine/oauth2/token', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body });
    t.match((await token('grant_type=client_credentials', { authorization: basic })).json(), {
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'ca.read ca.issue ca.revoke',
    });
    t.match((await token('grant_type=client_credentials&client_id=ra+one&client_secret=s3cret+%3A%C3%BC&scope=ca.read')).json(), { scope: 'ca.read' });
    t.match((await token('grant_type=password', { authorization: basic })).json(), { error: 'unsupported_grant_type' });
    t.match((await token('grant_type=client_credentials&scope=x', { authorization: basic })).json(), { error: 'invalid_scope' });
    t.equal((await token('grant_type=client_credentials')).statusCode, 401);
    const forged = `${Buffer.from(JSON.stringify({ c: 'x', s: ['ca.issue'], e: 9e9 })).toString('base64url')}.${randomBytes(32).toString('base64url')}`;
    for (const bearer of ['', 'Bearer x', `Bearer ${forged}`]) {
      const answer = await app.inject({ url: '/engine/v1/cas', headers: { authorization: bearer } });
      t.equal(answer.statusCode, 401);
      t.match(answer.json(), { code: 'unauthorized', retryable: false });
      t.equal(answer.headers['content-type'], 'application/problem+json');
    }
    const { access_token: good } = (await token('grant_type=client_credentials', { authorization: basic })).json<{ access_token: string }>();
    const headers = { authorization: `Bearer ${good}` };
    const post = (body: unknown, more: Record<string, string> = { 'idempotency-key': '01890a5d-ac96-774b-bcce-b302099a8057' }) =>
      app.inject({ method: 'POST', url: '/engine/v1/cas/issuing/certificates', headers: { ...headers, ...more }, body: body as object });
    const publicKey = toPem('PUBLIC KEY', requestFor().publicKey);
    t.match((await post({ publicKey, subject: 'CN=x' }, {})).json(), { code: 'invalid-request', detail: /Idempotency-Key/ });
    t.match((await post({ subject: 'CN=x' })).json(), { code: 'invalid-request', detail: /csr and publicKey/ });
    t.match((await post({ csr: 'x' })).json(), { code: 'csr-invalid' });
    t.match((await post({ publicKey, subject: 'x' })).json(), { code: 'invalid-request' });
    t.match((await post({ publicKey, subject: 'CN=x', subjectAltNames: [{ type: 'ip', value: 'x' }] })).json(), { code: 'invalid-request' });
    t.match((await post({ publicKey, subject: 'CN=x', notAfter: '2020-01-01T00:00:00Z' })).json(), { code: 'validity-not-allowed' });
    const made = await post({ publicKey, subject: 'CN=x' });
    t.equal(made.statusCode, 201);
    t.match(made.json(), { status: 'ACTIVE', subject: 'CN=x', profileId: 'device', chain: { length: 2 } });
    const again = await post({ publicKey, subject: 'CN=x' });
    t.equal(again.headers['idempotency-replayed'], 'true');
    t.equal(again.json().certificate, made.json().certificate);
    const location = String(made.headers.location);
    t.match((await app.inject({ url: location, headers })).json(), { serialNumber: made.json().serialNumber, status: 'ACTIVE' });
    t.match((await app.inject({ url: `${location}00`, headers })).json(), { code: 'certificate-not-found' });
    const revoke = (reason: string) => app.inject({ method: 'POST', url: `${location}/revoke`, headers, body: { reason } });
    t.match((await revoke('unused')).json(), { code: 'revocation-not-allowed' });
    t.match((await revoke('certificateHold')).json(), { status: 'ON_HOLD', revocationReason: 'certificateHold' });
    t.match((await revoke('removeFromCRL')).json(), { status: 'ACTIVE' }, 'CMP-144 a hold is lifted');
    t.equal((await revoke('certificateHold')).statusCode, 200);
    t.match((await revoke('nonsense')).json(), { code: 'invalid-request' });
    t.match((await revoke('superseded')).json(), { status: 'REVOKED', revocationReason: 'superseded' });
    t.equal((await revoke('superseded')).statusCode, 200);
    t.equal((await revoke('keyCompromise')).statusCode, 409);
    t.equal((await revoke('removeFromCRL')).statusCode, 409, 'for good');
    t.match((await app.inject({ url: '/engine/v1/operations/x', headers })).json(), { code: 'operation-not-found' });
    t.equal((await app.inject({ url: '/engine/v1/cas/issuing/crl', headers })).headers['content-type'], 'application/pkix-crl');
    t.match((await app.inject('/engine/v1/health')).json(), { status: 'UP', version: '1.0' });
    t.equal((await app.inject('/engine/v1/nothing')).statusCode, 404);
  });
});

t.test('answers of an engine', async (t) => {
  const engine = await newEngine();
  const made = await engine.sign(requestFor());
  const leaf = made.ok ? made.value.certificate : Buffer.alloc(0);
  const pem = toPem('CERTIFICATE', leaf);
  const retry = { 'retry-after': '30' };

  t.test('mean issued, pending, refused, not sent or uncertain', async (t) => {
    const table: [string, Answer, object][] = [
      ['201', json(201, { certificate: pem }), { kind: 'issued', certificate: leaf }],
      ['201 without a certificate', json(201, { certificate: 'x' }), { kind: 'uncertain' }],
      ['201 with broken JSON', (response) => void response.writeHead(201).end('{"certif'), { kind: 'uncertain' }],
      ['202 pending', json(202, { id: 'op-1', state: 'PENDING' }, retry), { kind: 'pending', reference: 'op-1', retryAfterSeconds: 30 }],
      ['202 with the operation in Location', json(202, {}, { location: '/v1/operations/op-2' }), { kind: 'pending', reference: 'op-2', retryAfterSeconds: 5 }],
      ['202 with nothing', json(202, {}), { kind: 'uncertain' }],
      ['202 that is done already', json(202, { id: 'op', state: 'SUCCEEDED', result: { certificate: pem } }), { kind: 'issued', certificate: leaf }],
      ['202 that failed already', json(202, { id: 'op', state: 'FAILED', error: { code: 'policy-violation' } }), { kind: 'refused', code: 'ca-policy' }],
      ['invalid-request', coded(400, 'invalid-request'), { kind: 'refused', reason: /invalid-request; why/ }],
      ['csr-invalid', coded(422, 'csr-invalid'), { kind: 'refused' }],
      ['pop-failed', coded(422, 'pop-failed'), { kind: 'refused' }],
      ['key-not-allowed', coded(422, 'key-not-allowed'), { kind: 'refused' }],
      [
        'policy-violation',
        json(422, { code: 'policy-violation', violations: [{ rule: 'cn' }, { detail: 'too long' }] }),
        { kind: 'refused', reason: /cn; too long/ },
      ],
      ['validity-not-allowed', coded(422, 'validity-not-allowed'), { kind: 'refused' }],
      ['duplicate-key', coded(409, 'duplicate-key'), { kind: 'refused', code: 'ca-duplicate' }],
      ['duplicate-subject', coded(409, 'duplicate-subject'), { kind: 'refused' }],
      ['unauthorized', coded(401, 'unauthorized'), { kind: 'notSent' }],
      ['insufficient-scope', coded(403, 'insufficient-scope'), { kind: 'notSent' }],
      ['ca-not-found', coded(404, 'ca-not-found'), { kind: 'notSent' }],
      ['profile-not-found', coded(404, 'profile-not-found'), { kind: 'notSent' }],
      ['rate-limited', coded(429, 'rate-limited', retry), { kind: 'notSent' }],
      ['ca-unavailable', coded(503, 'ca-unavailable', retry), { kind: 'notSent' }],
      ['upstream-timeout', coded(504, 'upstream-timeout', retry), { kind: 'uncertain' }],
      ['internal', coded(500, 'internal'), { kind: 'uncertain' }],
      ['idempotency-key-reused', coded(422, 'idempotency-key-reused'), { kind: 'uncertain' }],
      ['idempotency-in-progress', coded(409, 'idempotency-in-progress', retry), { kind: 'uncertain' }],
      ['a redirect, not followed', json(307, {}, { location: '/elsewhere' }), { kind: 'notSent', reason: /HTTP 307/ }],
      ['a proxy’s 404', (response) => void response.writeHead(404).end('<html>'), { kind: 'notSent', reason: /HTTP 404/ }],
      ['a 503 of nobody knows whom', (response) => void response.writeHead(503, retry).end('<html>'), { kind: 'uncertain' }],
      ['an unknown 422', json(422, { title: 'no' }), { kind: 'refused' }],
      [
        'a body over 1 MiB',
        (response) => void response.writeHead(201).end(Buffer.alloc(1_100_000, 0x20)),
        { kind: 'uncertain', reason: /longer than is read|max size/ },
      ],
      ['a connection cut without an answer', cut, { kind: 'uncertain' }],
      ['an answer cut in the middle', cutInTheMiddle, { kind: 'uncertain' }],
    ];
    for (const [name, answer, expected] of table) {
      const { url, calls } = await serveScript(answer);
      t.match(await remote(url, open).issue(newRef(), requestFor()), expected, name);
      t.equal(calls.length, 1, `${name}: one call`);
    }
  });

  t.test('that do not come end at the deadline, uncertain', async (t) => {
    const slow: Answer[] = [
      () => {},
      (response) => void response.writeHead(201).write('{'),
      (response) => void setInterval(() => response.write(' '), 20).unref(),
    ];
    for (const answer of slow) {
      const { url } = await serveScript(answer);
      t.match(await remote(url, { ...open, timeoutMs: 150 }).issue(newRef(), requestFor()), { kind: 'uncertain', reason: /in time/ });
    }
  });

  t.test('of nobody: a port without a listener is not sent', async (t) => {
    t.match(await remote('http://127.0.0.1:1', open).issue(newRef(), requestFor()), { kind: 'notSent', reason: /ECONNREFUSED/ });
  });

  t.test('that ask to come again are asked again with the same key and bytes', async (t) => {
    const { url, calls } = await serveScript(json(503, {}), json(429, {}), json(201, { certificate: pem }));
    t.match(await remote(url, open).issue(newRef(), requestFor()), { kind: 'issued' });
    t.equal(calls.length, 3);
    t.equal(new Set(calls.map((call) => `${call.headers['idempotency-key']} ${call.body}`)).size, 1);
  });

  t.test('a gateway timeout followed by silence stays uncertain', async (t) => {
    const { url } = await serveScript(json(504, {}), json(429, {}, retry));
    t.match(await remote(url, open).issue(newRef(), requestFor()), { kind: 'uncertain' });
  });

  t.test('the same ref sends the same bytes at any time', async (t) => {
    const { url, calls } = await serveScript(coded(500, 'internal'));
    const [ref, request] = [newRef(), requestFor()];
    for (const hours of [0, 1, 50]) {
      const clock = stoppedClock(new Date(Date.now() + hours * 3_600_000));
      await createCryptoEngineIssuer(configOf({ url, ...open }), secrets, { log, clock }).issue(ref, request);
    }
    t.equal(new Set(calls.map((call) => call.body)).size, 1);
    t.match(JSON.parse(calls[0]?.body ?? ''), { requestContext: { tenantId: ref.slice(0, 36), orderId: ref.slice(37) }, profileId: 'p' });
    t.match(calls[0]?.headers['idempotency-key'], /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  t.test('an operation is asked after', async (t) => {
    const table: [Answer, object][] = [
      [json(200, { id: 'op', state: 'PENDING' }, retry), { kind: 'pending', reference: 'op', retryAfterSeconds: 30 }],
      [json(200, { id: 'op', state: 'SUCCEEDED', result: { certificate: pem } }), { kind: 'found', certificate: leaf }],
      [json(200, { id: 'op', state: 'FAILED', error: { code: 'policy-violation', detail: 'no' } }), { kind: 'refused', reason: /no/ }],
      [json(200, { id: 'op', state: 'CANCELLED' }), { kind: 'refused', reason: /cancelled/ }],
      [coded(404, 'operation-not-found'), { kind: 'unknown' }],
      [json(200, { nothing: true }), { kind: 'unknown' }],
      [cut, { kind: 'unknown' }],
    ];
    for (const [answer, expected] of table) {
      const { url, calls } = await serveScript(answer);
      t.match(await remote(url, open).lookup(newRef(), Buffer.alloc(0), 'op/1'), expected);
      t.equal(calls[0]?.path, '/v1/operations/op%2F1');
    }
  });

  t.test('without an operation the ref may be asked again for a day, then nobody knows', async (t) => {
    const issuer = remote('http://127.0.0.1:1', open);
    t.same(await issuer.lookup(newRef(), Buffer.alloc(0), null), { kind: 'none' });
    const old = `${uuidv7()}-${uuidv7(Date.now() - 86_400_000)}`;
    t.match(await issuer.lookup(old, Buffer.alloc(0), null), { kind: 'unknown' });
    t.match(await issuer.lookup('no time in it', Buffer.alloc(0), null), { kind: 'unknown' });
  });
});

t.test('access tokens', async (t) => {
  const token = (name: string, more = {}) => json(200, { access_token: name, token_type: 'Bearer', ...more });
  const seen = (calls: Call[]) => calls.map((call) => (call.path.endsWith('/token') ? 'token' : call.headers.authorization));

  t.test('are replaced once when the engine no longer takes them', async (t) => {
    const { url, calls } = await serveScript(token('one'), coded(401, 'unauthorized'), token('two'), coded(500, 'internal'));
    await remote(url, { ...open, clientId: 'ra' }).issue(newRef(), requestFor());
    t.same(seen(calls), ['token', 'Bearer one', 'token', 'Bearer two']);
    t.equal(calls[0]?.headers.authorization, `Basic ${Buffer.from('ra:s3cret+%3A%C3%BC').toString('base64')}`);
    t.equal(calls[0]?.body, 'grant_type=client_credentials&scope=ca.read+ca.issue+ca.revoke');
  });

  t.test('are asked for anew when they are nearly over', async (t) => {
    const { url, calls } = await serveScript(token('one', { expires_in: 0.001 }), coded(500, 'internal'), token('two'), coded(500, 'internal'));
    const issuer = remote(url, { ...open, clientId: 'ra' });
    await issuer.issue(newRef(), requestFor());
    await issuer.issue(newRef(), requestFor());
    t.same(seen(calls), ['token', 'Bearer one', 'token', 'Bearer two']);
  });

  t.test('that are refused are not asked for again at once', async (t) => {
    const { url, calls } = await serveScript(json(401, { error: 'invalid_client', error_description: 'no such client' }));
    const issuer = remote(url, { ...open, clientId: 'ra' });
    t.match(await issuer.issue(newRef(), requestFor()), { kind: 'notSent', reason: /invalid_client: no such client/ });
    await issuer.issue(newRef(), requestFor());
    t.equal(calls.length, 1);
  });
});

t.test('TLS', async (t) => {
  const engine = await newEngine();
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tlsLeaf = await engine.sign(
    requestFor({ publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }), sans: [ipName('127.0.0.1').der], extendedKeyUsage: [oids.serverAuth] }),
  );
  const [issuing, root] = engine.chain().map((bytes) => toPem('CERTIFICATE', bytes));
  const cert = `${toPem('CERTIFICATE', tlsLeaf.ok ? tlsLeaf.value.certificate : Buffer.alloc(0))}${issuing}`;
  const server = createTlsServer({ cert, key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) }, (_request, response) =>
    response.writeHead(422).end(JSON.stringify({ code: 'policy-violation' })),
  );
  const url = (await listen(server as unknown as Server)).replace('http:', 'https:');

  t.test('trusts the configured CA', async (t) => {
    t.match(await remote(url, { ...open, trustedCa: root }).issue(newRef(), requestFor()), { kind: 'refused' });
  });
  t.test('trusts nobody else, and then nothing was sent', async (t) => {
    t.match(await remote(url, open).issue(newRef(), requestFor()), { kind: 'notSent', reason: /certificate/i });
  });
  t.test('does not take a certificate for another name', async (t) => {
    t.match(await remote(url.replace('127.0.0.1', 'localhost'), { ...open, trustedCa: root }).issue(newRef(), requestFor()), {
      kind: 'notSent',
      reason: /ALTNAME/,
    });
  });
});

t.test('addresses that connectors may not reach are not spoken to', async (t) => {
  const { url, calls } = await serveScript(json(201, {}));
  for (const target of [url, url.replace('127.0.0.1', 'localhost')]) {
    const issuer = createCryptoEngineIssuer(configOf({ url: target, ...open }), secrets, { log, guard: () => false });
    t.match(await issuer.issue(newRef(), requestFor()), { kind: 'notSent', reason: /GATEHOUSE_CONNECTOR_ALLOW/ });
  }
  t.equal(calls.length, 0);
});

t.test('F25 an engine lists what it issued to this client, page by page; one without the call lists nothing', async (t) => {
  const { url } = await serveEngine();
  const issuer = remote(url);
  const wanted: string[] = [];
  for (let made = 0; made < 105; made += 1) wanted.push((await issued(issuer, requestFor())).der.toString('hex'));
  const elsewhere = createCryptoEngineIssuer(configOf({ url, clientId: 'other' }), secrets, { log });
  await issued(elsewhere, requestFor());
  const listed = async (from: number, to: number, by = issuer) => {
    const found: string[] = [];
    for await (const page of by.issued?.(new Date(from), new Date(to), '') ?? [])
      for (const item of page) if (item.isOurs) found.push(item.certificate.toString('hex'));
    return found;
  };
  const now = Date.now();
  t.same((await listed(now - 600_000, now + 600_000)).sort(), wanted.sort());
  t.same(await listed(now - 600_000, now - 500_000), []);
  const { url: old } = await serveScript((response) => response.writeHead(404).end());
  t.same(await listed(0, now, remote(old, { caId: 'issuing', profileId: 'device', clientId: '' })), []);
  const { url: broken } = await serveScript((response) => response.writeHead(200).end('{'));
  await t.rejects(listed(0, now, remote(broken, { caId: 'issuing', profileId: 'device', clientId: '' })));
});
