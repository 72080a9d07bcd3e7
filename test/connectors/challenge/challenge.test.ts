import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { type AddressGuard, createAddressGuard } from '../../../src/connectors/address-guard.js';
import { createChallengeJudge } from '../../../src/connectors/challenge/index.js';
import { intuneRefusals } from '../../../src/connectors/challenge/intune.js';
import { failureResults } from '../../../src/connectors/challenge/intune-notice.js';
import { createEmbeddedIssuer } from '../../../src/connectors/crypto-engine/embedded.js';
import { createEngine, type Engine } from '../../../src/crypto-engine/index.js';
import { deviceKey } from '../../../src/device-client/scep.js';
import type { Outcome } from '../../../src/enrolment/outcome.js';
import type { EnrolmentRequest } from '../../../src/enrolment/request.js';
import { createEnrolment, enrolmentDeps } from '../../../src/enrolment/service.js';
import {
  commonNameOf,
  createSigner,
  ipName,
  nameFromText,
  parseCertificate,
  publicKeyOf,
  serialHex,
  signCsr,
  subjectAltNameExtension,
  toPem,
} from '../../../src/pkix/index.js';
import { stoppedClock, systemClock } from '../../../src/runtime/clock.js';
import { uuidv7 } from '../../../src/runtime/ids.js';
import { createLog } from '../../../src/runtime/log.js';
import { Secret } from '../../../src/runtime/secret.js';
import { openStore } from '../../../src/store/open.js';
import type { Store } from '../../../src/store/store.js';
import { intuneSettingsSchema, webhookSettingsSchema } from '../../../src/tenancy/challenge-check.js';
import type { ChallengeQuestion, OrderNotice } from '../../../src/tenancy/challenge-judge.js';
import { systemContext, tenantContext } from '../../../src/tenancy/context.js';
import { type Policy, policySchema } from '../../../src/tenancy/policy.js';
import type { ScepProfile } from '../../../src/tenancy/profile.js';
import { notifyJudgesJob } from '../../../src/workers/notify-judges.js';
import { authority, certify, name } from '../../endpoints/scep/world.js';
import { createDatabase } from '../../support/database.js';
import { memoryEngineStore } from '../../support/memory-engine-store.js';
import { scepProfile } from '../../support/profiles.js';

const secret = new Secret('a canary that signs');
const canary = 'canary-challenge';
const checked = { secret, secretUpdatedAt: new Date('2026-03-01T00:00:00Z') };
const lines: string[] = [];
const log = createLog('debug', { write: (line: string) => void lines.push(line) });
const open: AddressGuard = () => true;

// A database is opened, on a machine that may be busy.
t.setTimeout(120_000);

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Answer = (request: Received, response: ServerResponse) => void;

/** A server on this machine that keeps what it was sent. */
async function serve(t: Test, answer: Answer) {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const item = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(item);
      answer(item, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const json =
  (status: number, body: unknown): Answer =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));

const webhookProfile = (url: string, settings: object = {}): ScepProfile =>
  scepProfile({ challengeMode: 'webhook', challengeCheck: { kind: 'webhook', settings: webhookSettingsSchema.parse({ url, ...settings }), ...checked } });

function question(change: Partial<ChallengeQuestion> = {}): ChallengeQuestion {
  return {
    requestId: createHash('sha256').update(JSON.stringify(change)).digest('hex'),
    transactionId: 'T-1',
    operation: 'enrolment',
    challenge: canary,
    subject: 'CN=device-1',
    sans: ['dns:device-1.example'],
    pkcs10: Buffer.from('the request'),
    clientIp: '192.0.2.7',
    clientFamily: 'apple',
    isSuspect: false,
    ...change,
  };
}

t.test('a webhook is asked by a signed POST that says everything about the request', async (t) => {
  const clock = stoppedClock(new Date('2026-03-01T00:00:00Z'));
  const judge = createChallengeJudge({ guard: open, clock, log });
  const { url, received } = await serve(t, json(200, { allow: true }));
  const profile = webhookProfile(`${url}/hook?site=7`);
  t.same(await judge.judge(profile, question()), { kind: 'allowed' });
  const [sent] = received;
  t.match(sent, { method: 'POST', url: '/hook?site=7', headers: { 'content-type': 'application/json', 'gatehouse-request-id': question().requestId } });
  const mac = createHmac('sha256', 'a canary that signs').update(`1772323200.${sent?.body}`).digest('hex');
  t.equal(sent?.headers['gatehouse-signature'], `t=1772323200,v1=${mac}`);
  t.same(JSON.parse(sent?.body ?? ''), {
    version: 1,
    requestId: question().requestId,
    transactionId: 'T-1',
    operation: 'enrolment',
    tenantId: profile.tenantId,
    profile: { id: profile.id, name: profile.name, endpointPath: profile.endpointPath },
    challenge: canary,
    subject: 'CN=device-1',
    sans: ['dns:device-1.example'],
    csr: Buffer.from('the request').toString('base64'),
    client: { address: '192.0.2.7', family: 'apple' },
  });
});

t.test('AB-19 only a plain yes lets a request in, only a plain no is one, and anything else is no verdict', async (t) => {
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const elsewhere = await serve(t, json(200, { allow: true }));
  const denied = { kind: 'denied', reason: 'the webhook said no: not [challenge] but another' };
  for (const [name, answer, expected] of [
    ['yes', json(200, { allow: true, more: 1 }), { kind: 'allowed' }],
    ['no', json(200, { allow: false }), { kind: 'denied', reason: 'the webhook said no: no reason given' }],
    ['no, with a reason', json(200, { allow: false, reason: `not ${canary}\nbut another` }), denied],
    ['text for a boolean', json(200, { allow: 'true' }), { kind: 'unavailable' }],
    ['a number', json(200, { allow: 1 }), { kind: 'unavailable' }],
    ['true alone', json(200, 'true'), { kind: 'unavailable' }],
    ['a list', json(200, [{ allow: true }]), { kind: 'unavailable' }],
    ['nothing', json(200, ''), { kind: 'unavailable' }],
    ['a page', json(200, '<html>allow: true</html>'), { kind: 'unavailable' }],
    ['201', json(201, { allow: true }), { kind: 'unavailable', reason: /status 201/ }],
    ['403', json(403, { allow: true }), { kind: 'unavailable', reason: /status 403/ }],
    ['500', json(500, { allow: true }), { kind: 'unavailable', reason: /status 500/ }],
    ['too much', json(200, { allow: true, padding: 'x'.repeat(70_000) }), { kind: 'unavailable' }],
    ['a redirect', (_, response) => response.writeHead(307, { location: elsewhere.url }).end(), { kind: 'unavailable', reason: /status 307/ }],
    [
      'an end in the middle',
      (_, response) => response.writeHead(200, { 'content-length': '100' }).write('{"allow": true') && response.destroy(),
      { kind: 'unavailable' },
    ],
  ] as readonly (readonly [string, Answer, object])[]) {
    const { url } = await serve(t, answer);
    t.match(await judge.judge(webhookProfile(url), question()), expected, name);
  }
  t.same(elsewhere.received, [], 'redirects are not followed');
  t.notMatch(lines.join(''), /canary/, 'SCEP-100 neither challenge nor secret is logged');
});

t.test('AB-19 a webhook that is silent, away or out of bounds lets nobody in', async (t) => {
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const silent = await serve(t, () => undefined);
  t.match(await judge.judge(webhookProfile(silent.url, { timeoutMs: 100 }), question()), { kind: 'unavailable', reason: /did not answer in time/ });
  t.match(await judge.judge(webhookProfile('http://127.0.0.1:1/'), question()), { kind: 'unavailable', reason: /ECONNREFUSED/ });
  t.match(await judge.judge(webhookProfile('https://webhook.invalid/'), question()), { kind: 'unavailable' });
  const { url, received } = await serve(t, json(200, { allow: true }));
  for (const [guard, target] of [
    [createAddressGuard([], true), 'https://169.254.169.254/latest/meta-data'],
    [createAddressGuard([], true), 'https://[fe80::1]/'],
    [createAddressGuard([], true), 'https://[::ffff:169.254.169.254]/'],
    [createAddressGuard([], false), url],
    [createAddressGuard(['mdm.example'], false), url],
    [createAddressGuard(['mdm.example'], false), url.replace('127.0.0.1', 'localhost')],
  ] as const) {
    const verdict = await createChallengeJudge({ guard, clock: systemClock, log }).judge(webhookProfile(target), question());
    t.match(verdict, { kind: 'unavailable', reason: /GATEHOUSE_CONNECTOR_ALLOW/ }, target);
  }
  t.same(received, []);
  const allowed = createChallengeJudge({ guard: createAddressGuard(['127.0.0.1'], false), clock: systemClock, log });
  t.same(await allowed.judge(webhookProfile(url), question()), { kind: 'allowed' });
});

t.test('a webhook that hangs is asked so many at a time, the others hear that it is busy, and nobody else waits', async (t) => {
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const held: ServerResponse[] = [];
  const { url, received } = await serve(t, (_, response) => void held.push(response));
  const profile = webhookProfile(url, { concurrency: 2, timeoutMs: 20_000 });
  const answers = Array.from({ length: 12 }, (_, index) => judge.judge(profile, question({ transactionId: `T-${index}` })));
  t.same(await Promise.all(answers.slice(10)), [{ kind: 'busy' }, { kind: 'busy' }], 'two are asked, eight wait, the rest is told');
  const other = await serve(t, json(200, { allow: true }));
  t.same(await judge.judge(webhookProfile(other.url), question()), { kind: 'allowed' });
  let most = 0;
  let served = 0;
  while (served < 10) {
    most = Math.max(most, held.length);
    for (const response of held.splice(0)) {
      served += 1;
      json(200, { allow: true })({} as Received, response);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.same(new Set((await Promise.all(answers.slice(0, 10))).map(({ kind }) => kind)), new Set(['allowed']));
  t.equal(received.length, 10);
  t.ok(most <= 2, 'never more than two at once');
  const silent = webhookProfile(url, { concurrency: 1, timeoutMs: 150 });
  const both = await Promise.all([judge.judge(silent, question()), judge.judge(silent, question({ transactionId: 'T-x' }))]);
  t.notOk(
    both.some(({ kind }) => kind === 'allowed'),
    'the wait counts into the deadline',
  );
  t.equal(received.length, 11, 'the second was not asked any more');
});

t.test('a webhook is spoken to over TLS, and only if its certificate is that of its name and chains to who is trusted', async (t) => {
  const ca = authority('/CN=Webhook CA');
  const leaf = deviceKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const extensions = [subjectAltNameExtension([ipName('127.0.0.1')])];
  const certificate = certify({ key: ca.key, name: ca.certificate.subject }, { publicKey: leaf.publicKey, subject: name('/CN=webhook'), extensions });
  const options = { cert: toPem('CERTIFICATE', certificate.der), key: leaf.privateKey.export({ format: 'pem', type: 'pkcs8' }) };
  let asked = 0;
  const server = createTlsServer(options, (request, response) => {
    asked += 1;
    request.resume().on('end', () => response.end('{"allow": true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const trustedCa = toPem('CERTIFICATE', ca.certificate.der);
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  t.same(await judge.judge(webhookProfile(url, { trustedCa }), question()), { kind: 'allowed' });
  t.match(await judge.judge(webhookProfile(url), question()), { kind: 'unavailable', reason: /certificate/i });
  const other = toPem('CERTIFICATE', authority('/CN=Another CA').certificate.der);
  t.match(await judge.judge(webhookProfile(url, { trustedCa: other }), question()), { kind: 'unavailable', reason: /certificate/i });
  t.match(await judge.judge(webhookProfile(url.replace('127.0.0.1', 'localhost'), { trustedCa }), question()), { kind: 'unavailable', reason: /ALTNAME/ });
  t.equal(asked, 1);
});

t.test('AB-04 who guesses challenges cannot keep the others from being judged', async (t) => {
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const held: ServerResponse[] = [];
  const { url } = await serve(t, (request, response) => {
    if (request.body.includes('guess')) held.push(response);
    else json(200, { allow: true })(request, response);
  });
  const profile = webhookProfile(url, { concurrency: 4, timeoutMs: 20_000 });
  const guesses = Array.from({ length: 100 }, () => judge.judge(profile, question({ challenge: 'guess', isSuspect: true })));
  for (let index = 0; index < 20; index += 1) t.same(await judge.judge(profile, question()), { kind: 'allowed' });
  t.equal((await Promise.all(guesses.slice(10))).filter(({ kind }) => kind === 'busy').length, 90, 'two are asked, eight wait');
  const release = setInterval(() => {
    for (const response of held.splice(0)) response.writeHead(200).end('{"allow": false}');
  }, 5);
  t.teardown(() => clearInterval(release));
  t.same(new Set((await Promise.all(guesses.slice(0, 10))).map(({ kind }) => kind)), new Set(['denied']));
});

interface FakeIntune {
  readonly url: string;
  readonly received: Received[];
  /** What an action is answered; by default Success. */
  answer: { status: number; body: unknown };
  /** Every token issued before counts as expired. */
  expireTokens(): void;
  readonly actions: () => readonly { readonly action: string; readonly body: { request?: Record<string, unknown>; notification?: Record<string, unknown> } }[];
  serviceUri: (url: string) => string;
  tokens: { status: number; body: unknown } | undefined;
}

/** The parts of Entra, Graph and Intune that the ScepActions need: client credentials, the list of endpoints, three actions. */
async function serveIntune(t: Test): Promise<FakeIntune> {
  let generation = 0;
  const success = { code: 'Success', errorDescription: '' };
  const { url, received } = await serve(t, (request, response) => {
    const form = new URLSearchParams(request.body);
    const bearer = request.headers.authorization;
    if (request.url === '/contoso.example/oauth2/v2.0/token') {
      if (intune.tokens !== undefined) return json(intune.tokens.status, intune.tokens.body)(request, response);
      const isGood = form.get('grant_type') === 'client_credentials' && form.get('client_id') === 'app' && form.get('client_secret') === secret.reveal();
      if (!isGood) return json(401, { error: 'invalid_client', error_description: 'AADSTS7000215' })(request, response);
      return json(200, { token_type: 'Bearer', expires_in: 3599, access_token: `${form.get('scope')} ${generation}` })(request, response);
    }
    if (request.url === '/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints') {
      if (bearer !== `Bearer ${url}/.default ${generation}`) return json(401, { error: { code: 'InvalidAuthenticationToken' } })(request, response);
      const value = [
        { capability: 'x', providerName: 'PkiConnectorFEService', uri: `${url}/other` },
        { capability: 'y', providerName: 'ScepRequestValidationFEService', uri: intune.serviceUri(url) },
      ];
      return json(200, { value })(request, response);
    }
    if (!request.url.startsWith('/StatelessScep/ScepActions/')) return json(404, {})(request, response);
    if (bearer !== `Bearer https://api.manage.microsoft.com//.default ${generation}`) return json(401, {})(request, response);
    json(intune.answer.status, intune.answer.body)(request, response);
  });
  const intune: FakeIntune = {
    url,
    received,
    answer: { status: 200, body: success },
    expireTokens: () => {
      generation += 1;
    },
    actions: () => {
      const called = received.filter((item) => item.url.startsWith('/StatelessScep/'));
      return called.map((item) => ({ action: item.url.replace('/StatelessScep/ScepActions/', ''), body: JSON.parse(item.body) }));
    },
    serviceUri: (base) => `${base}/StatelessScep/`,
    tokens: undefined,
  };
  return intune;
}

const intuneProfile = (url: string, change: Partial<ScepProfile> = {}, settings: object = {}): ScepProfile =>
  scepProfile({
    challengeMode: 'intune',
    challengeCheck: {
      kind: 'intune',
      settings: intuneSettingsSchema.parse({ tenant: 'contoso.example', clientId: 'app', loginUrl: `${url}/`, graphUrl: url, ...settings }),
      ...checked,
    },
    ...change,
  });

t.test('CT-05 Intune validates a request: tokens by client credentials, the service by its list of endpoints, each asked for once', async (t) => {
  const intune = await serveIntune(t);
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const profile = intuneProfile(intune.url);
  const asked = Array.from({ length: 5 }, (_, index) => judge.judge(profile, question({ transactionId: `T-${index}` })));
  t.same(new Set((await Promise.all(asked)).map(({ kind }) => kind)), new Set(['allowed']));
  t.same(await judge.judge(profile, question()), { kind: 'allowed' });
  t.equal(intune.received.filter(({ url }) => url.endsWith('/token')).length, 2, 'one token for Graph, one for Intune');
  const last = intune.received.at(-1);
  t.match(last, {
    method: 'POST',
    url: '/StatelessScep/ScepActions/validateRequest',
    headers: {
      'api-version': '2018-02-20',
      'content-type': 'application/json',
      'client-request-id': /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    },
  });
  t.same(JSON.parse(last?.body ?? ''), {
    request: { transactionId: 'T-1', certificateRequest: Buffer.from('the request').toString('base64'), callerInfo: 'Gatehouse' },
  });
  intune.expireTokens();
  t.same(await judge.judge(profile, question()), { kind: 'allowed' });
  t.equal(intune.received.filter(({ url }) => url.endsWith('/token')).length, 3, 'a token that is refused is replaced once');
  const direct = intuneProfile(intune.url, {}, { serviceUrl: `${intune.url}/StatelessScep` });
  const before = intune.received.length;
  t.same(await judge.judge(direct, question()), { kind: 'allowed' });
  t.equal(intune.received.length - before, 2, 'with an address of the service nothing is looked up');
});

t.test('AB-19 CT-05 of what Intune says, Success alone lets a request in; every reason is a no, everything else no verdict', async (t) => {
  const intune = await serveIntune(t);
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const profile = intuneProfile(intune.url);
  for (const code of intuneRefusals) {
    intune.answer = { status: 200, body: { code, errorDescription: 'because' } };
    t.match(await judge.judge(profile, question()), { kind: 'denied', reason: `Intune says ${code}: because` });
  }
  intune.answer = { status: 400, body: { code: 'ChallengeExpired', errorDescription: null } };
  t.match(await judge.judge(profile, question()), { kind: 'denied' });
  for (const code of ['ChallengeDecodingError', 'SomethingNew']) {
    intune.answer = { status: 200, body: { code, errorDescription: `cannot read ${canary}.` } };
    const { reason } = (await judge.judge(profile, question())) as { reason?: string };
    t.equal(reason, `Intune says ${code}: cannot read [challenge].`, 'AB-18 a challenge that is repeated to us goes no further');
  }
  for (const [status, body] of [
    [200, { code: 'Unknown', errorDescription: '' }],
    [200, { code: 'SomethingNew', errorDescription: '' }],
    [200, { code: true }],
    [200, {}],
    [200, 'Success'],
    [204, ''],
    [500, { code: 'Success', errorDescription: '' }],
    [503, { code: 'ChallengeExpired', errorDescription: '' }],
    [429, {}],
    [401, {}],
    [403, { code: 'Success' }],
  ] as const) {
    intune.answer = { status, body };
    t.match(await judge.judge(profile, question()), { kind: 'unavailable' }, `${status} ${JSON.stringify(body)}`);
  }
});

t.test('AB-19 without a token, without the service, or with one at a wrong address nobody gets in', async (t) => {
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const intune = await serveIntune(t);
  intune.tokens = { status: 401, body: { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret' } };
  t.match(await judge.judge(intuneProfile(intune.url), question()), { kind: 'unavailable', reason: /invalid_client: AADSTS7000215/ });
  intune.tokens = { status: 200, body: { token_type: 'Bearer' } };
  t.match(await judge.judge(intuneProfile(intune.url), question()), { kind: 'unavailable', reason: /no access token/ });
  intune.tokens = undefined;
  for (const address of ['http://attacker.example', 'ftp://127.0.0.1', 'not a URL', 'https://user@127.0.0.1/']) {
    intune.serviceUri = () => address;
    t.match(await judge.judge(intuneProfile(intune.url), question()), { kind: 'unavailable', reason: /no https URL/ }, address);
  }
  t.match(await judge.judge(intuneProfile('http://127.0.0.1:1'), question()), { kind: 'unavailable' });
  t.same(intune.actions(), []);
  t.notMatch(lines.join(''), /canary/);
});

t.test('Intune hears of every way to fail under a number of its own', async (t) => {
  const intune = await serveIntune(t);
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const profile = intuneProfile(intune.url);
  const notice = (code: string, text = 'It failed.'): OrderNotice => ({
    kind: 'failed',
    noticeId: uuidv7(),
    transactionId: 'T-1',
    pkcs10: Buffer.from('csr'),
    code,
    text,
  });
  for (const [code, hResult] of [...Object.entries(failureResults), ['whatever', 0xa000ffff] as const]) {
    t.same(await judge.notify(profile, notice(code)), { kind: 'taken' });
    t.match(intune.actions().at(-1), {
      action: 'failureNotification',
      body: { notification: { transactionId: 'T-1', certificateRequest: 'Y3Ny', hResult, errorDescription: 'It failed.', callerInfo: 'Gatehouse' } },
    });
  }
  t.equal(new Set(Object.values(failureResults)).size, Object.keys(failureResults).length);
  await judge.notify(profile, notice('order-failed', 'x'.repeat(1000)));
  t.equal(intune.actions().at(-1)?.body.notification?.errorDescription, 'x'.repeat(255));
});

let shared: Promise<Store> | undefined;

/** One database for all tests, PostgreSQL where there is one; each test has a tenant of its own. */
function openShared(): Promise<Store> {
  shared ??= openDatabase();
  return shared;
}

async function openDatabase(): Promise<Store> {
  const database = await createDatabase();
  const opened = await openStore({ ...(database && { databaseUrl: database.url }), masterKey: Buffer.alloc(32, 5), nodeId: 'test', log });
  if (!opened.ok) throw new Error(opened.error.kind);
  t.teardown(async () => {
    await opened.value.close();
    await database?.drop();
  });
  return opened.value;
}

/** A whole core over a real database, with a CA of its own. */
async function house(intuneUrl: string, policy: Policy = policySchema.parse({})) {
  const store = await openShared();
  const tenant = tenantContext(uuidv7(), 'user:test');
  await store.tenants.create(systemContext('test'), { id: tenant.tenantId, name: tenant.tenantId, slug: tenant.tenantId, status: 'active' });
  const connectorId = uuidv7();
  await store.connectors.create(tenant, { id: connectorId, type: 'crypto-engine', name: 'Engine', description: '', status: 'active', config: {}, secrets: {} });
  const {
    tenantId: _tenantId,
    version: _version,
    createdAt: _created,
    updatedAt: _updated,
    challengeUpdatedAt: _time,
    ...fields
  } = intuneProfile(intuneUrl, { policy, connectorId, endpointPath: tenant.tenantId });
  const created = await store.profiles.createScep(tenant, fields);
  if (!created.ok) throw new Error(created.error.kind);
  const engine: Engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const issuer = createEmbeddedIssuer(engine, { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 4 }, log);
  const judge = createChallengeJudge({ guard: open, clock: systemClock, log });
  const deps = enrolmentDeps({
    ...store,
    judge,
    issuers: { forProfile: async () => issuer, forOrder: async () => issuer },
    challengeMacKey: Buffer.alloc(32, 1),
    clock: systemClock,
    log,
  });
  const job = notifyJudgesJob({ ...store, judge, clock: systemClock, log });
  /** Runs the job until `isDone`; notices wait a moment between two tries. */
  const notifyUntil = async (isDone: () => boolean): Promise<void> => {
    for (let round = 0; round < 100 && !isDone(); round += 1) {
      await job.run();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return { store, profile: created.value, enrolment: createEnrolment(deps), job, notifyUntil, tenant };
}

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = publicKeyOf(pair.publicKey);
const subject = nameFromText('CN=device-1');
let counter = 0;

function request(): EnrolmentRequest {
  counter += 1;
  if (!subject.ok) throw new Error(subject.error);
  const pkcs10 = signCsr({ subject: subject.value, challengePassword: canary }, createSigner(pair.privateKey, key));
  return {
    protocol: 'scep',
    intent: 'initial',
    transactionId: `T-${counter}`,
    requester: key.fingerprint,
    content: Buffer.concat([pkcs10, Buffer.from([counter])]),
    evidence: { challenge: canary },
    wanted: { publicKey: key, subject: subject.value, extensions: [], pkcs10 },
    facts: { clientIp: '192.0.2.1', clientFamily: 'unknown', keyType: key.name, digest: 'sha256', cipher: 'aes128-cbc' },
    session: {},
  };
}

function certificateOf(outcome: Outcome) {
  if (outcome.kind !== 'issued') throw new Error(JSON.stringify(outcome));
  const parsed = parseCertificate(outcome.certificate);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

t.test('CT-05 an order of Intune: validated, issued, and told of once its end is recorded, though Intune be away meanwhile', async (t) => {
  const intune = await serveIntune(t);
  const { store, profile, enrolment, job, notifyUntil } = await house(intune.url);
  const asked = request();
  const outcome = await enrolment.enrol(profile, asked);
  const certificate = certificateOf(outcome);
  t.same((await enrolment.enrol(profile, asked)).kind, 'issued', 'a retransmission is answered as before');
  t.same(
    intune.actions().map(({ action }) => action),
    ['validateRequest'],
    'and Intune is asked once',
  );
  intune.answer = { status: 503, body: {} };
  await job.run();
  t.equal(intune.actions().filter(({ action }) => action === 'successNotification').length, 1, 'it was told, and did not listen');
  intune.answer = { status: 200, body: { code: 'Success', errorDescription: '' } };
  const isTold = () => intune.actions().filter(({ action }) => action === 'successNotification').length > 1;
  await notifyUntil(isTold);
  const notices = intune.actions().filter(({ action }) => action === 'successNotification');
  t.same(notices.at(-1)?.body.notification, {
    transactionId: asked.transactionId,
    certificateRequest: asked.wanted.pkcs10?.toString('base64'),
    certificateThumbprint: createHash('sha1').update(certificate.der).digest('hex').toUpperCase(),
    certificateSerialNumber: serialHex(certificate.serial).toUpperCase(),
    certificateExpirationDateUtc: certificate.notAfter.toISOString(),
    issuingCertificateAuthority: commonNameOf(certificate.issuer),
    callerInfo: 'Gatehouse',
  });
  const ids = intune.received.filter(({ url }) => url.endsWith('successNotification')).map(({ headers }) => headers['client-request-id']);
  t.equal(new Set(ids).size, 1, 'the same notice under the same id');
  await job.run();
  await job.run();
  t.equal(intune.actions().filter(({ action }) => action === 'successNotification').length, 2, 'and then no more');
  t.equal((await store.notices.claim(systemContext('test'), 10, 1_000)).length, 0);
});

t.test('CT-05 an order that is denied is told of as a failure, and one that waits is not told of yet', async (t) => {
  const intune = await serveIntune(t);
  const { store, profile, enrolment, job, notifyUntil, tenant } = await house(intune.url, policySchema.parse({ approval: { mode: 'manual' } }));
  const outcome = await enrolment.enrol(profile, request());
  if (outcome.kind !== 'pending') return t.fail(JSON.stringify(outcome));
  await job.run();
  t.same(
    intune.actions().map(({ action }) => action),
    ['validateRequest'],
  );
  await store.orders.move(tenant, outcome.orderId, ['AWAITING_APPROVAL'], 'REJECTED', 'not one of ours');
  const failures = () => intune.actions().filter(({ action }) => action === 'failureNotification');
  await notifyUntil(() => failures().length > 0);
  t.match(failures(), [{ body: { notification: { hResult: 0xa0000001, errorDescription: 'The request was rejected. not one of ours' } } }]);
  await job.run();
  t.equal(failures().length, 1);
});

t.test('a request that Intune does not vouch for leaves no order and no notice', async (t) => {
  const intune = await serveIntune(t);
  const { store, profile, enrolment, job, tenant } = await house(intune.url);
  intune.answer = { status: 200, body: { code: 'ChallengeExpired', errorDescription: 'too late' } };
  t.match(await enrolment.enrol(profile, request()), { kind: 'refused', refusal: { code: 'credential-invalid' } });
  intune.answer = { status: 500, body: {} };
  t.match(await enrolment.enrol(profile, request()), { kind: 'refused', refusal: { code: 'challenge-unchecked' } });
  await job.run();
  t.same(
    intune.actions().map(({ action }) => action),
    ['validateRequest', 'validateRequest'],
  );
  t.equal((await store.orderReader.list(tenant, { limit: 10 })).items.length, 0);
});
