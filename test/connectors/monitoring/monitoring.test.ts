import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createCryptoEngineIssuer } from '../../../src/connectors/crypto-engine/index.js';
import { createRecorder, createTests, logged, loggedMailer, type TypeTester } from '../../../src/connectors/monitoring/index.js';
import { createMasker } from '../../../src/connectors/monitoring/masked-text.js';
import { createOutbound } from '../../../src/connectors/outbound.js';
import type { Issuer, IssuerAnswer, LookupAnswer } from '../../../src/enrolment/ports.js';
import type { SendOutcome } from '../../../src/notification/ports.js';
import { stoppedClock, systemClock } from '../../../src/runtime/clock.js';
import { uuidv7 } from '../../../src/runtime/ids.js';
import { createLog } from '../../../src/runtime/log.js';
import { fail, ok } from '../../../src/runtime/result.js';
import { Secret } from '../../../src/runtime/secret.js';
import { type Connector, cryptoEngineConfigSchema } from '../../../src/tenancy/connector.js';
import type { ConnectorCall } from '../../../src/tenancy/connector-call.js';
import { type ConnectorHealth, daysLeft, judgeHealth, type Probe } from '../../../src/tenancy/connector-health.js';
import { probeConnectorsJob } from '../../../src/workers/probe-connectors.js';

const log = createLog('silent');
const password = 'pa:ss "wörd"+/';

function connectorOf(config: Record<string, unknown> = {}): Connector {
  const secrets = { clientSecret: { value: new Secret(password), updatedAt: new Date() } };
  const stamps = { version: 3, createdAt: new Date(), updatedAt: new Date() };
  return { id: uuidv7(), tenantId: uuidv7(), type: 'crypto-engine', name: 'CA', description: '', status: 'active', config, secrets, ...stamps };
}

function recording(connector = connectorOf()) {
  const calls: ConnectorCall[] = [];
  return { connector, calls, record: createRecorder(connector, { note: (call) => void calls.push(call) }, systemClock) };
}

async function serving(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An issuer that answers as it is told. */
function told(answers: Partial<Record<'issue' | 'lookup' | 'revoke' | 'chain', unknown>>): Issuer {
  const say = async (name: keyof typeof answers) => {
    const answer = answers[name];
    if (answer instanceof Error) throw answer;
    return answer as never;
  };
  return {
    timing: { timeoutMs: 1_000, maxProcessingMs: 0, concurrency: 1 },
    capabilities: { lookup: true, uniqueRef: true },
    issue: () => say('issue'),
    lookup: () => say('lookup'),
    revoke: () => say('revoke'),
    chain: () => say('chain'),
  };
}

t.test('secrets are masked in every form in which they travel', async (t) => {
  const mask = createMasker([new Secret(password), new Secret('ab')]);
  const form = new URLSearchParams({ secret: password }).toString();
  const bytes = Buffer.from(password);
  const shown = [
    `plain ${password}.`,
    `url ${encodeURIComponent(password)}`,
    `form ${form}`,
    JSON.stringify({ any: password }),
    `base64 ${bytes.toString('base64')} ${bytes.toString('base64url')}`,
    `hex ${bytes.toString('hex')}`,
  ].map(mask);
  for (const text of shown) {
    t.match(text, /\[secret\]/);
    t.notMatch(text, /w(ö|%C3%B6|\\u00f6)rd/i, text);
  }
  t.equal(mask('an able man'), 'an able man', 'two letters are no secret worth hiding');
});

t.test('what looks like a secret of somebody else is masked, ordinary words are not', async (t) => {
  const mask = createMasker([]);
  const secret: [string, RegExp][] = [
    ['Authorization: Bearer abcDEF123456.xyz', /abcDEF/],
    ['{"access_token":"2YotnFZFEjr1zCsicMWpAA","n":1}', /2Yotn/],
    ["{'client_secret': 'opensesame'}", /opensesame/],
    ['grant_type=x&client_secret=opensesame&scope=y', /opensesame/],
    ['password=hunter2; next', /hunter2/],
    ['challengePassword=hunter2', /hunter2/],
    ['token eyJhbGciOi.eyJzdWIiOiIx.c2ln', /eyJ/],
    ['vault said hvs.CAESIJ1234567890', /CAES/],
    ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY----- rest', /MHcC/],
    ['-----BEGIN PRIVATE KEY-----\nMHcCAQEE and cut', /MHcC/],
  ];
  for (const [text, leaked] of secret) t.notMatch(mask(text), leaked, text);
  for (const text of ['No access token: 127.0.0.1: nothing listens there', 'The password is wrong.', 'basic checks passed', 'The challenge: none'])
    t.equal(mask(text), text);
  t.equal(mask('two\r\nlines\u0000'), 'two lines');
  t.equal(mask('x'.repeat(2_000)).length, 500);
});

t.test('each answer of a CA becomes an entry with its outcome', async (t) => {
  const rows: [IssuerAnswer, string, string][] = [
    [{ kind: 'issued', certificate: Buffer.alloc(0) }, 'ok', ''],
    [{ kind: 'pending', reference: 'op-7', retryAfterSeconds: 5 }, 'ok', 'op-7'],
    [{ kind: 'refused', reason: 'key too short' }, 'refused', 'key too short'],
    [{ kind: 'notSent', reason: 'down' }, 'failed', 'down'],
    [{ kind: 'uncertain', reason: 'cut' }, 'failed', 'cut'],
  ];
  for (const [answer, result, detail] of rows) {
    const { calls, connector, record } = recording();
    const orderId = uuidv7();
    const given = await logged(told({ issue: answer }), record).issue(`${connector.tenantId}-${orderId}`, {} as never);
    t.equal(given, answer, 'the answer passes through');
    t.match(calls, [{ operation: 'issue', outcome: answer.kind, result, orderId, requestId: `${connector.tenantId}-${orderId}`, connectorVersion: 3 }]);
    t.ok(calls[0]?.detail.includes(detail), answer.kind);
  }
  const lookups: [LookupAnswer, string][] = [
    [{ kind: 'found', certificate: Buffer.alloc(0) }, 'ok'],
    [{ kind: 'none' }, 'ok'],
    [{ kind: 'unknown', reason: 'no answer' }, 'failed'],
  ];
  for (const [answer, result] of lookups) {
    const { calls, record } = recording();
    await logged(told({ lookup: answer }), record).lookup('tenant-ra-key', Buffer.alloc(0), null);
    t.match(calls, [{ operation: 'lookup', outcome: answer.kind, result, orderId: null, requestId: 'tenant-ra-key' }]);
  }
});

t.test('revocations, chains and mails are entries too; answers from memory are none', async (t) => {
  const { calls, record } = recording();
  const issuer = logged(told({ revoke: ok(true), chain: [] }), record);
  await issuer.revoke(Buffer.alloc(0), 4);
  await issuer.chain();
  await issuer.chain();
  await logged(told({ revoke: fail('The CA said no.') }), record).revoke(Buffer.alloc(0), 4);
  await t.rejects(logged(told({ chain: new Error(`down: ${password}`) }), record).chain(), /down/);
  t.match(calls, [
    { operation: 'revoke', outcome: 'revoked', result: 'ok', detail: 'reason 4' },
    { operation: 'revoke', outcome: 'notRevoked', result: 'failed', detail: 'The CA said no.' },
    { operation: 'chain', outcome: 'error', result: 'failed', detail: 'down: [secret]' },
  ]);
  t.equal(calls.length, 3);

  const outcomes: [SendOutcome, string][] = [
    [{ kind: 'sent', response: '250 OK' }, 'ok'],
    [{ kind: 'refused', reason: '550 no such user' }, 'refused'],
    [{ kind: 'deferred', reason: '450 later' }, 'failed'],
    [{ kind: 'unreachable', reason: 'no way' }, 'failed'],
    [{ kind: 'uncertain', reason: 'cut' }, 'failed'],
  ];
  for (const [outcome, result] of outcomes) {
    const mails = recording();
    const mailer = loggedMailer({ send: async () => outcome, verify: async () => ({ ok: true, steps: [] }) }, mails.record);
    await mailer.send({ id: 'mail-1', to: 'ops@example.test', subject: 'hush', text: 'hush', html: 'hush', date: new Date() });
    t.match(mails.calls, [{ operation: 'send', outcome: outcome.kind, result, requestId: 'mail-1' }]);
    t.notMatch(JSON.stringify(mails.calls), /hush|ops@/);
  }
});

t.test('each page of what a CA has issued is an entry, the end of the list is none', async (t) => {
  const url = await serving(t, (_request, response) => response.end('{}'));
  const page = [{ certificate: Buffer.alloc(1), isOurs: true }];
  const { calls, record } = recording();
  const outbound = createOutbound({ guard: () => true, concurrency: 1 });
  const pages = async function* (fault?: Error) {
    for (const listed of [page, []]) {
      await outbound.send({ method: 'POST', url: `${url}/v2/certificate/search` }, AbortSignal.timeout(10_000));
      yield listed;
    }
    if (fault !== undefined) throw fault;
  };
  const span = [new Date(0), new Date(3_600_000)] as const;
  const read = async (fault?: Error) => {
    const seen: unknown[] = [];
    for await (const listed of logged({ ...told({}), issued: () => pages(fault) }, record).issued?.(...span, 'tenant') ?? []) seen.push(listed);
    return seen;
  };
  t.same(await read(), [page, []], 'the pages pass through');
  const entry = {
    operation: 'list',
    outcome: 'answered',
    result: 'ok',
    requestId: '1970-01-01T00:00:00.000Z/1970-01-01T01:00:00.000Z',
    attempts: 1,
    status: 200,
  };
  t.match(calls.splice(0), [
    { ...entry, detail: '1 certificates of ours' },
    { ...entry, detail: '0 certificates of ours' },
  ]);
  await t.rejects(read(new Error(`gone: ${password}`)), /gone/);
  t.match(calls.at(-1), { operation: 'list', outcome: 'error', result: 'failed', detail: 'gone: [secret]' });
  t.notOk('issued' in logged(told({}), record), 'a CA that lists nothing does not seem to');
});

t.test('what the embedded engine signs in this process is not logged', async (t) => {
  const { record } = recording();
  const local = { ...told({}), local: { sign: () => fail('none') } };
  t.equal(logged(local, record), local);
});

t.test('an entry tells of the requests that went out, and nothing secret that was in them', async (t) => {
  let tokens = 0;
  const url = await serving(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/oauth2/token') {
      tokens += 1;
      return void response.end(JSON.stringify({ access_token: 'the-access-token', token_type: 'Bearer', expires_in: 60 }));
    }
    const detail = `You sent ${request.headers.authorization} and ${password}`;
    response.writeHead(403).end(JSON.stringify({ code: 'insufficient-scope', detail }));
  });
  const config = cryptoEngineConfigSchema.parse({ url, clientId: 'ra', caId: 'issuing/1', profileId: 'p', timeoutMs: 2_000 });
  const { connector, calls, record } = recording(connectorOf(config));
  const issuer = logged(createCryptoEngineIssuer(config, connector.secrets, { log }), record);
  const ref = `${connector.tenantId}-${uuidv7()}`;
  const request = { publicKey: Buffer.alloc(0), subject: Buffer.from([0x30, 0]), sans: [], keyUsage: [], extendedKeyUsage: [] };
  await issuer.issue(ref, { ...request, validitySeconds: 60, backdateSeconds: 0 });
  t.equal(tokens, 1);
  t.match(calls, [
    { outcome: 'notSent', result: 'failed', method: 'POST', route: '/v1/cas/*/certificates', status: 403, attempts: 2, detail: /insufficient-scope/ },
  ]);
  t.notMatch(JSON.stringify(calls), /the-access-token|wörd/);
});

t.test('a test is bounded in time, has no secret in its words, and never throws', async (t) => {
  // Deadlines alone keep no process alive, and what hangs here holds nothing else.
  const alive = setInterval(() => {}, 1_000);
  t.teardown(() => clearInterval(alive));
  const { connector } = recording();
  const step = (message: string) => ({ name: 'step', ok: true, message, ms: 1 });
  const times = { testMs: 50, probeMs: 40 };
  const testing = (tester: TypeTester) => createTests({ 'crypto-engine': tester }, times);
  const seen: unknown[] = [];
  const good = testing({
    test: async (_connector, options) => {
      seen.push(options.to, options.isProbe);
      return { ok: true, steps: [step(`logged in with ${password}`)] };
    },
    credentials: async () => [{ kind: 'token', subject: 't', notBefore: new Date(0), notAfter: new Date(1) }],
  });
  t.same(await good.test(connector, 'ops@example.test'), { ok: true, steps: [step('logged in with [secret]')] });
  t.match(await good.probe(connector), { ok: true, credentials: [{ kind: 'token' }] });
  t.same(seen, ['ops@example.test', false, undefined, true], 'a probe sends no mail');

  const hanging = testing({ test: () => new Promise(() => {}), choices: () => new Promise(() => {}) });
  t.match(await hanging.test(connector), { ok: false, steps: [{ name: 'time', ok: false, message: /did not end within 0.05 seconds/ }] });
  t.match(await hanging.probe(connector), { ok: false, credentials: [] });
  t.match(await hanging.choices(connector), [{ values: [], missing: /in time/ }]);

  const throwing = testing({
    test: () => Promise.reject(new Error(`no: ${password}`)),
    choices: () => Promise.reject(new Error(`no: ${password}`)),
  });
  t.match(await throwing.test(connector), { ok: false, steps: [{ ok: false, message: 'no: [secret]' }] });
  t.match(await throwing.choices(connector), [{ values: [], missing: 'no: [secret]' }]);

  const forgetful = testing({ test: async () => ({ ok: true, steps: [] }), credentials: () => Promise.reject(new Error('gone')) });
  t.match(await forgetful.probe(connector), { ok: true, credentials: [] }, 'a connector that works is up');
  t.match(await createTests({}).test(connector), { ok: false, steps: [{ message: /"crypto-engine" cannot be tested/ }] });
  t.same(await createTests({}).choices(connector), []);
});

t.test('three failed probes in a row are an outage, one that succeeds ends it', async (t) => {
  const now = new Date();
  const idle = { calls: 0, failed: 0 };
  const passed: Probe = { ok: true, steps: [], credentials: [], ms: 1 };
  const broken: Probe = { ...passed, ok: false, steps: [{ name: 'tls', ok: false, message: 'expired', ms: 1 }] };
  let health: Pick<ConnectorHealth, 'state' | 'failures'> = { state: 'UNKNOWN', failures: 0 };
  const seen: string[] = [];
  for (const probe of [passed, broken, broken, broken, broken, passed, broken]) {
    const verdict = judgeHealth(health, probe, idle, now);
    seen.push(`${verdict.state} ${verdict.failures}`);
    t.equal(verdict.reason, probe.ok ? '' : 'tls: expired');
    health = verdict;
  }
  t.same(seen, ['UP 0', 'DEGRADED 1', 'DEGRADED 2', 'DOWN 3', 'DOWN 4', 'UP 0', 'DEGRADED 1']);

  const days = (count: number) => new Date(now.getTime() + count * 86_400_000);
  const credential = (notAfter: Date) => ({ ...passed, credentials: [{ kind: 'client-certificate', subject: 'CN=ra', notBefore: now, notAfter }] as const });
  t.match(judgeHealth(health, credential(days(15)), idle, now), { state: 'UP' });
  t.match(judgeHealth(health, credential(days(3.5)), idle, now), { state: 'DEGRADED', failures: 0, reason: 'The client certificate CN=ra expires in 3 days.' });
  t.match(judgeHealth(health, credential(days(-1)), idle, now), { state: 'DEGRADED', reason: /has expired/ });
  t.match(judgeHealth(health, passed, { calls: 20, failed: 3 }, now), { state: 'DEGRADED', reason: '3 of the last 20 calls failed.' });
  t.match(judgeHealth(health, passed, { calls: 20, failed: 2 }, now), { state: 'UP' });
  t.match(judgeHealth(health, passed, { calls: 4, failed: 4 }, now), { state: 'UP' }, 'too few to say');
  t.equal(daysLeft({ notAfter: days(0.5) }, now), 0);
  t.equal(daysLeft({ notAfter: days(-0.5) }, now), -1);
});

t.test('the probe job keeps what was known of credentials, tells of outages and their end, and waits for nobody when it stops', async (t) => {
  const connector = connectorOf();
  const tellings: string[] = [];
  const records: unknown[] = [];
  const credentials = [{ kind: 'token', subject: 't', notBefore: new Date(0), notAfter: new Date(Date.now() + 1e10) }] as const;
  const blank = { connectorId: connector.id, tenantId: connector.tenantId, since: new Date(), reason: '', checkedAt: null, lastSuccessAt: null };
  let health: ConnectorHealth = { ...blank, state: 'UP', failures: 0, lastFailureAt: null, probeMs: null, steps: [], credentials };
  const probes: (Probe | Promise<Probe>)[] = [];
  let isStale = false;
  const job = probeConnectorsJob({
    connectors: { find: async () => connector },
    connectorHealth: {
      claimDue: async () => [{ health, fence: 1 }],
      record: async (_context, _due, probe, verdict, nextInMs) => {
        records.push({ credentials: probe.credentials.length, nextInMs });
        if (!isStale) health = { ...health, ...verdict };
        return !isStale;
      },
    },
    connectorLog: { recent: async () => ({ calls: 0, failed: 0 }) },
    probe: async () => probes.shift() as Probe,
    tell: async (_connector, state, reason) => void tellings.push(`${state} ${reason}`.trim()),
    clock: stoppedClock(new Date()),
    log,
  });
  const broken: Probe = { ok: false, steps: [{ name: 'tcp', ok: false, message: 'refused', ms: 1 }], credentials: [], ms: 1 };
  const passed: Probe = { ok: true, steps: [], credentials, ms: 1 };
  probes.push(broken, broken, broken, broken, passed, passed);
  for (let run = 0; run < 6; run += 1) await job.run();
  t.same(tellings, ['down tcp: refused', 'down tcp: refused', 'up', 'up'], 'said again: who dies in between has lost nothing');
  t.same(
    records.map((record) => (record as { credentials: number }).credentials),
    [1, 1, 1, 1, 1, 1],
  );
  for (const { nextInMs } of records as { nextInMs: number }[]) t.ok(nextInMs >= 48_000 && nextInMs <= 72_000, `${nextInMs}`);

  isStale = true;
  probes.push(passed);
  await job.run();
  t.equal(tellings.length, 4, 'whoever lost the lease tells nothing');

  const stopping = new AbortController();
  probes.push(new Promise<Probe>(() => {}));
  const running = job.run(stopping.signal);
  await sleep(5);
  stopping.abort();
  await running;
  t.equal(records.length, 7, 'a probe that was given up is no result');
});
