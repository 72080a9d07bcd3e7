import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify, { type LightMyRequestResponse } from 'fastify';
import t from 'tap';
import { engineAnswers, engineApiDocument } from '../../src/crypto-engine/api/document.js';
import { createEngine, createEngineClients, registerEngineApi } from '../../src/crypto-engine/index.js';
import { fromPem, parseCertificate, toPem } from '../../src/pkix/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { memoryEngineClients } from '../support/memory-engine-clients.js';
import { memoryEngineStore } from '../support/memory-engine-store.js';

const log = createLog('silent');
const start = new Date('2027-03-01T10:00:00.417Z');
const issuing = '/engine/v1/cas/issuing';

async function serve() {
  const clock = stoppedClock(start);
  const engine = createEngine({ store: memoryEngineStore(), clock, publicBaseUrl: 'http://pki.example' });
  await engine.ensureCas();
  const clients = createEngineClients(memoryEngineClients());
  const app = Fastify();
  await app.register(async (scope) => registerEngineApi(scope, { engine, clock, log, clients, tokenKey: randomBytes(32), version: '9.9' }), {
    prefix: '/engine',
  });
  t.teardown(() => app.close());

  async function tokenOf(clientId: string, clientSecret: string): Promise<LightMyRequestResponse> {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }).toString();
    return app.inject({ method: 'POST', url: '/engine/oauth2/token', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
  }

  const newClient = async (clientId: string) => {
    const made = await clients.create({ clientId, name: clientId, scopes: ['ca.read', 'ca.issue', 'ca.revoke'] }, 'test');
    if (made === undefined) throw new Error('The client id is taken.');
    const { access_token: token } = (await tokenOf(clientId, made.clientSecret)).json<{ access_token: string }>();
    const call = (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}) =>
      app.inject({ method, url, headers: { authorization: `Bearer ${token}`, ...headers }, ...(body && { body }) });
    const issue = (body: object, key: string = randomUUID()) => call('POST', `${issuing}/certificates`, body, { 'idempotency-key': key });
    return { ...made, call, issue };
  };
  return { engine, clock, clients, app, tokenOf, newClient };
}

const newKey = () => toPem('PUBLIC KEY', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' }));

function certificateIn(answer: LightMyRequestResponse) {
  const [der] = fromPem('CERTIFICATE', answer.json<{ certificate: string }>().certificate);
  const parsed = parseCertificate(der ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

t.test('every answer of the API is one that its description knows', async (t) => {
  const { app, newClient } = await serve();
  const { call, issue } = await newClient('ra');
  const document = engineApiDocument('9.9') as { paths: Record<string, Record<string, { responses: Record<string, unknown> }>> };
  const served = new Set<string>();
  const check = async (name: keyof typeof engineAnswers, path: string, method: string, answer: LightMyRequestResponse, status: number) => {
    t.equal(answer.statusCode, status, `${method} ${path}`);
    const parsed = engineAnswers[name].safeParse(answer.json());
    t.ok(parsed.success, `${name}: ${parsed.success ? '' : parsed.error.message}`);
    const { responses = {} } = document.paths[path]?.[method] ?? {};
    t.ok(responses[status] ?? responses[`${String(status)[0]}XX`], `${method} ${path} answers ${status} by its description`);
    served.add(`${method} ${path}`);
  };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const refused = await app.inject({ method: 'POST', url: '/engine/oauth2/token', headers: form, body: 'grant_type=client_credentials' });
  await check('TokenFault', '/oauth2/token', 'post', refused, 401);
  await check('Health', '/v1/health', 'get', await app.inject('/engine/v1/health'), 200);
  await check('Authorities', '/v1/cas', 'get', await call('GET', '/engine/v1/cas'), 200);
  await check('Problem', '/v1/cas', 'get', await app.inject('/engine/v1/cas'), 401);
  await check('Chain', '/v1/cas/{caId}/chain', 'get', await call('GET', `${issuing}/chain`), 200);
  await check('Problem', '/v1/cas/{caId}/chain', 'get', await call('GET', '/engine/v1/cas/other/chain'), 404);
  await check('Problem', '/v1/cas/{caId}/crl', 'get', await call('GET', `${issuing}/crl?delta=true`), 404);
  const made = await issue({ publicKey: newKey(), subject: 'CN=a' });
  await check('Certificate', '/v1/cas/{caId}/certificates', 'post', made, 201);
  const malformed = await issue({ publicKey: newKey(), subject: 7, subjectAltNames: [{ type: 'x', value: '' }] });
  await check('Problem', '/v1/cas/{caId}/certificates', 'post', malformed, 400);
  const hostile = await issue({ publicKey: newKey(), subject: { toString: 1, length: { toString: 1 } } });
  await check('Problem', '/v1/cas/{caId}/certificates', 'post', hostile, 400);
  const deep = Buffer.from(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
  const url = `${issuing}/certificates`;
  t.equal((await app.inject({ method: 'POST', url, headers, body: deep })).statusCode, 401, 'strangers are told nothing');
  t.equal((await call('POST', url, deep, headers)).statusCode, 400, 'however deep');
  t.match(malformed.json(), { violations: [{ field: 'subject' }, { field: 'subjectAltNames.0.type' }, { field: 'subjectAltNames.0.value' }] });
  const location = String(made.headers.location);
  await check('Certificate', '/v1/cas/{caId}/certificates/{serial}', 'get', await call('GET', location), 200);
  const span = `issuedAfter=${new Date(Date.now() - 60_000).toISOString()}&issuedBefore=${new Date(Date.now() + 60_000).toISOString()}`;
  await check('Certificates', '/v1/cas/{caId}/certificates', 'get', await call('GET', `${issuing}/certificates?${span}`), 200);
  await check('Problem', '/v1/cas/{caId}/certificates', 'get', await call('GET', `${issuing}/certificates?${span}&cursor=x`), 400);
  await check('Problem', '/v1/cas/{caId}/certificates', 'get', await call('GET', `${issuing}/certificates`), 400);
  const held = await call('POST', `${location}/revoke`, { reason: 'certificateHold' });
  await check('Certificate', '/v1/cas/{caId}/certificates/{serial}/revoke', 'post', held, 200);
  t.match(held.json(), { status: 'ON_HOLD', revocationReason: 'certificateHold' });
  const bare = await call('POST', `${location}/revoke`, {}, { 'idempotency-key': 'x' });
  await check('Problem', '/v1/cas/{caId}/certificates/{serial}/revoke', 'post', bare, 400);
  await check('Problem', '/v1/operations/{id}', 'get', await call('GET', '/engine/v1/operations/1'), 404);
  await check('Problem', '/v1/operations/{id}', 'delete', await call('DELETE', '/engine/v1/operations/1'), 404);
  const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  t.same(
    described.filter((call) => !served.has(call) && call !== 'get /v1/cas/{caId}/crl'),
    [],
    'nothing is described that is not served',
  );
  t.same((await app.inject('/engine/v1/openapi.json')).json(), JSON.parse(JSON.stringify(document)));
});

t.test('docs/crypto-engine-api.json is what the server says (npm run openapi writes it)', async (t) => {
  const written = JSON.parse(readFileSync(new URL('../../docs/crypto-engine-api.json', import.meta.url), 'utf8'));
  t.same(written, JSON.parse(JSON.stringify(engineApiDocument('1.0'))));
});

t.test('the revocation list is asked for once as long as it is the same', async (t) => {
  const { newClient } = await serve();
  const { call, issue } = await newClient('ra');
  const first = await call('GET', `${issuing}/crl`);
  t.equal(first.headers['content-type'], 'application/pkix-crl');
  const tag = String(first.headers.etag);
  t.equal((await call('GET', `${issuing}/crl`, undefined, { 'if-none-match': tag })).statusCode, 304);
  const made = await issue({ publicKey: newKey(), subject: 'CN=a' });
  t.equal((await call('POST', `${made.headers.location}/revoke`, { reason: 'superseded' })).statusCode, 200);
  t.equal((await call('GET', `${issuing}/crl`, undefined, { 'if-none-match': tag })).statusCode, 200);
});

t.test('a certificate runs exactly from and to the second that was asked for', async (t) => {
  const { clock, newClient } = await serve();
  const { issue } = await newClient('ra');
  const asked = { publicKey: newKey(), subject: 'CN=a', notBefore: '2027-03-01T09:00:00Z', notAfter: '2027-09-01T10:00:00Z' };
  const key = randomUUID();
  const made = certificateIn(await issue(asked, key));
  t.same([made.notBefore, made.notAfter], [new Date(asked.notBefore), new Date(asked.notAfter)]);
  clock.advance(301_301);
  const again = await issue(asked, key);
  t.match([again.statusCode, again.headers['idempotency-replayed']], [201, 'true'], 'later it is the same request');
  t.same(certificateIn(again).der, made.der);
  const other = await issue({ ...asked, notAfter: '2027-09-02T10:00:00Z' }, key);
  t.match([other.statusCode, other.json().code], [422, 'idempotency-key-reused'], 'with another end it is another request');
});

t.test('a certificate asked for past the end of the CA is the same request again, though it ends with the CA', async (t) => {
  const { clock, engine, newClient } = await serve();
  const [ca] = engine.chain();
  const parsed = parseCertificate(ca ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  const end = parsed.value.notAfter;
  clock.advance(end.getTime() - 86_400_000 - start.getTime());
  const { issue } = await newClient('ra');
  const asked = { publicKey: newKey(), subject: 'CN=a', notAfter: new Date(end.getTime() + 86_400_000).toISOString() };
  const key = randomUUID();
  t.same(certificateIn(await issue(asked, key)).notAfter, end);
  t.equal((await issue(asked, key)).headers['idempotency-replayed'], 'true');
});

t.test('a certificate keeps its chain when another CA takes over', async (t) => {
  const { engine, newClient } = await serve();
  const { call, issue } = await newClient('ra');
  const made = await issue({ publicKey: newKey(), subject: 'CN=a' });
  const { chain } = made.json();
  t.ok((await engine.prepareNext(new Date(start.getTime() + 1000), 'test')).ok);
  t.ok(await engine.activateNext('issuing-2', 'test'));
  t.same((await call('GET', String(made.headers.location))).json().chain, chain);
  const next = await issue({ publicKey: newKey(), subject: 'CN=a' });
  t.notSame(next.json().chain, chain);
  t.equal(next.json().chain[0], toPem('CERTIFICATE', engine.chain()[0] ?? Buffer.alloc(0)));
});

t.test('a client that is removed, or has a new secret, is out', async (t) => {
  const { clients, tokenOf, newClient } = await serve();
  const { client, clientSecret, call } = await newClient('ra');
  const made = await clients.rotateSecret(client.id, 'test');
  t.equal((await tokenOf('ra', clientSecret)).statusCode, 401, 'the old secret ends with the new one');
  t.equal((await tokenOf('ra', made?.clientSecret ?? '')).statusCode, 200);
  t.equal((await call('GET', '/engine/v1/cas')).statusCode, 200, 'its tokens last as long as they say');
  t.equal(await clients.remove(client.id, 'test'), true);
  t.equal((await call('GET', '/engine/v1/cas')).statusCode, 401, 'but not longer than the client');
  t.equal((await tokenOf('ra', made?.clientSecret ?? '')).statusCode, 401);
  t.equal(await clients.remove(client.id, 'test'), false);
  t.equal(await clients.rotateSecret(client.id, 'test'), undefined);
});
