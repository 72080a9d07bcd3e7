import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import t from 'tap';
import { clientTypes } from '../../scripts/client-types.js';
import { policyMeanings } from '../../scripts/policy-meanings.js';
import { guardRoutes } from '../../src/admin/caller.js';
import { openApiDocument } from '../../src/admin/document.js';
import { memoryIdempotencyStore } from '../../src/admin/index.js';
import { permissions } from '../../src/admin/permission.js';
import { problems } from '../../src/admin/problem.js';
import { refusalReasons, refusals } from '../../src/enrolment/refusal.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { systemContext } from '../../src/tenancy/context.js';
import type { Protocol } from '../../src/tenancy/profile.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { type Answer, type Json, type OpenStores, openDesk } from './desk.js';

const inMemory: OpenStores = async (clock) => {
  const memory = memoryAdmin(clock);
  return { ...memory, addOrder: async (order) => memory.addOrder(order), auditEvents: async () => memory.events, close: async () => {} };
};

const read = (file: string): string => readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');

t.test('a route without a declared access does not register', async (t) => {
  const desk = await openDesk(inMemory);
  t.teardown(() => desk.close());
  const app = Fastify();
  t.teardown(() => app.close());
  guardRoutes(app, desk.deps);
  t.throws(() => app.get('/forgotten', async () => 'open to all'), /GET \/forgotten declares no access/);
  app.get('/declared', { config: { access: 'order:read' } }, async () => 'ok');
  t.equal((await app.inject('/declared')).statusCode, 500, 'without the error handler a refusal is still a refusal');
});

t.test('what never reaches a handler is a problem too', async (t) => {
  const desk = await openDesk(inMemory, { limits: { bodyBytes: 2000, idempotencyMs: 1000, secretGraceSeconds: 1 } });
  t.teardown(() => desk.close());
  const { admin } = await desk.addTenant();
  const jsonType = { 'content-type': 'application/json' };
  const isProblem = (answer: Answer, status: number, code: string) => {
    t.equal(answer.status, status, answer.text);
    t.equal(answer.headers['content-type'], 'application/problem+json');
    t.match(answer.body, { type: `urn:gatehouse:problem:${code}`, status, requestId: String });
  };

  isProblem(await admin('GET', '/api/v1/nothing?x=1'), 404, 'not-found');
  isProblem(await admin('GET', '/api/v2/connectors'), 404, 'not-found');
  isProblem(await admin('GET', '/api'), 404, 'not-found');
  isProblem(await admin('GET', '/api/%zz'), 400, 'invalid-request');
  const wrong = await admin('PUT', '/api/v1/connectors', {});
  isProblem(wrong, 405, 'method-not-allowed');
  t.equal(wrong.headers.allow, 'GET, HEAD, POST');
  isProblem(await admin('OPTIONS', '/api/v1/connectors/x'), 405, 'method-not-allowed');
  isProblem(await admin('POST', '/api/v1/connectors', { name: 'x'.repeat(3000) }), 413, 'too-large');
  isProblem(await admin('POST', '/api/v1/connectors', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported-media-type');
  isProblem(await admin('POST', '/api/v1/connectors', '{}', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type');
  isProblem(await admin('POST', '/api/v1/connectors', '{}', { ...jsonType, 'content-encoding': 'gzip' }), 415, 'unsupported-media-type');
  isProblem(await admin('POST', '/api/v1/connectors', '{"name":', jsonType), 400, 'malformed-body');
  isProblem(await admin('POST', '/api/v1/connectors', '{"__proto__":{"role":"superadmin"}}', jsonType), 400, 'malformed-body');
  isProblem(await admin('POST', '/api/v1/connectors', '{"config":{"constructor":{"prototype":{"x":1}}}}', jsonType), 400, 'malformed-body');
  for (const name of ['{"toString":1,"length":{"toString":1,"length":-1,"constructor":"x"}}', '{"length":{"valueOf":{}}}', '[{"toJSON":null}]']) {
    isProblem(await admin('POST', '/api/v1/connectors', `{"name":${name}}`, jsonType), 400, 'malformed-body');
  }
  for (const deep of [`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, '['.repeat(200), `{"config":${'['.repeat(65)}${']'.repeat(65)}}`]) {
    isProblem(await admin('POST', '/api/v1/connectors', deep, jsonType), 400, 'malformed-body');
  }
  isProblem(await admin('POST', '/api/v1/connectors', '{"name":"[[[{{{\\"["}', jsonType), 400, 'invalid-request');
  isProblem(await admin('POST', '/api/v1/connectors', '', jsonType), 400, 'invalid-request');
  isProblem(await admin('POST', '/api/v1/connectors', '[]', jsonType), 400, 'invalid-request');
  isProblem(await desk.anonymous('POST', '/api/v1/connectors', '{"name":', jsonType), 401, 'unauthenticated');
});

t.test('a database that is away is 503 and worth another try, a broken one 500 with an incident id', async (t) => {
  const stores = await inMemory(stoppedClock(new Date()));
  let thrown: Error | undefined;
  const list: typeof stores.connectors.list = (...asked) => (thrown === undefined ? stores.connectors.list(...asked) : Promise.reject(thrown));
  const desk = await openDesk(async () => ({ ...stores, connectors: { ...stores.connectors, list } }));
  t.teardown(() => desk.close());
  const { admin } = await desk.addTenant();

  thrown = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });
  const away = await admin('GET', '/api/v1/connectors');
  t.match(away, { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': /^\d+$/ } });
  t.match(away.body, { type: 'urn:gatehouse:problem:unavailable', status: 503, requestId: String });
  t.notOk('incidentId' in away.body);
  t.notMatch(away.text, /10\.0\.0\.1/);

  thrown = Object.assign(new Error('relation "connectors" does not exist'), { code: '42P01' });
  const broken = await admin('GET', '/api/v1/connectors');
  t.match(broken.body, { type: 'urn:gatehouse:problem:internal', status: 500, incidentId: String });
  t.notMatch(broken.text, /relation/);
});

t.test('a store that forgets whose an object is leaks nothing: the API looks again', async (t) => {
  const stores = await inMemory(stoppedClock(new Date()));
  const all = systemContext('leak');
  const leaky = {
    ...stores,
    tenants: { ...stores.tenants, find: (_: unknown, id: string) => stores.tenants.find(all, id) },
    connectors: { ...stores.connectors, find: (_: unknown, id: string) => stores.connectors.find(all, id) },
    profiles: { ...stores.profiles, find: (_: unknown, protocol: Protocol, id: string) => stores.profiles.find(all, protocol, id) },
    orderReader: { ...stores.orderReader, find: (_: unknown, id: string) => stores.orderReader.find(all, id) },
  };
  const desk = await openDesk(async () => leaky);
  t.teardown(() => desk.close());
  const [a, b] = [await desk.addTenant('A'), await desk.addTenant('B')];
  const { body: profile } = await a.admin('POST', '/api/v1/cmp-profiles', { name: 'Of A', connectorId: a.connectorId });
  const place = { tenantId: a.id, profileId: profile.id, connectorId: a.connectorId };
  const order = await stores.addOrder({ ...place, state: 'ISSUED', device: 'one', transactionId: '01', subject: 'CN=of A' });
  for (const path of [`tenants/${a.id}`, `connectors/${a.connectorId}`, `cmp-profiles/${profile.id}`, `orders/${order}`, `orders/${order}/timeline`]) {
    t.equal((await a.admin('GET', `/api/v1/${path}`)).status, 200, path);
    t.equal((await b.admin('GET', `/api/v1/${path}`)).status, 404, path);
  }
  const theirs = await b.admin('POST', '/api/v1/cmp-profiles', { name: 'Theirs', connectorId: a.connectorId });
  t.match([theirs.status, theirs.body.errors], [400, [{ path: 'connectorId' }]]);
});

t.test('a bug tells the caller an incident id and nothing else; the log has the rest', async (t) => {
  const memory = await inMemory(stoppedClock(new Date()));
  const broken = { ...memory.connectors, list: async () => Promise.reject(new Error('password=hunter2 at db.internal:5432')) };
  const desk = await openDesk(inMemory, { connectors: broken });
  t.teardown(() => desk.close());
  const call = await desk.as('viewer', null);
  const answer = await call('GET', '/api/v1/connectors');
  t.equal(answer.status, 500);
  t.match(answer.body, { type: 'urn:gatehouse:problem:internal', incidentId: /^[0-9a-f-]{36}$/ });
  t.notMatch(answer.text, /hunter2|db\.internal|stack/);
  const logged = desk.lines.map((line) => JSON.parse(line)).filter(({ incidentId }) => incidentId === answer.body.incidentId);
  t.equal(logged.length, 1);
  t.match(logged[0], { level: 50, err: { message: /hunter2/ } });
});

t.test('tokens never reach the log', async (t) => {
  const desk = await openDesk(inMemory);
  t.teardown(() => desk.close());
  const token = await desk.tokenFor('viewer', null);
  t.equal((await desk.call(token)('GET', '/api/v1/connectors')).status, 200);
  t.notMatch(desk.lines.join(''), token);
});

t.test('answers may not be framed, sniffed, kept or read from another origin', async (t) => {
  const desk = await openDesk(inMemory);
  t.teardown(() => desk.close());
  for (const url of ['/api/v1/session', '/api/v1/connectors', '/api/nothing', '/healthz', '/metrics']) {
    const { headers } = await desk.call(await desk.tokenFor('viewer', null))('GET', url, undefined, { origin: 'https://evil.example.test' });
    t.match(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'", url);
    t.equal(headers['x-content-type-options'], 'nosniff', url);
    t.equal(headers['cache-control'], 'no-store', url);
    t.notOk('access-control-allow-origin' in headers, url);
  }
});

t.test('the probes need no token and tell no secrets', async (t) => {
  const desk = await openDesk(inMemory, {
    metrics: { text: async () => 'gatehouse_test_total 1\n' },
    readiness: async () => ({ ready: false, checks: { database: 'failed' } }),
  });
  t.teardown(() => desk.close());
  t.same((await desk.anonymous('GET', '/healthz')).body, { status: 'ok' });
  const ready = await desk.anonymous('GET', '/readyz');
  t.same([ready.status, ready.body], [503, { status: 'not ready', checks: { database: 'failed' } }]);
  const { text, headers } = await desk.anonymous('GET', '/metrics');
  t.equal(text, 'gatehouse_test_total 1\n');
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
});

t.test('OpenAPI', async (t) => {
  const text = await openApiDocument();
  const document: Json = JSON.parse(text);

  await t.test('docs/openapi.json is what the server says; `npm run openapi` writes it anew', (t) => {
    t.equal(read('docs/openapi.json') === text, true, 'docs/openapi.json differs');
    t.end();
  });
  await t.test('the types of the client are made from it', (t) => {
    for (const [name, types] of Object.entries(clientTypes(text))) t.equal(read(`src/client/${name}`) === types, true, `src/client/${name}: npm run openapi`);
    t.end();
  });
  await t.test('what the console says of policies is made from it', (t) => {
    const path = 'src/console/strings/policy-meanings.ts';
    t.equal(read(path) === policyMeanings(text), true, `${path}: npm run openapi`);
    t.end();
  });
  await t.test('is 3.1, every reference resolves, every operation is named and says who may call it', (t) => {
    t.match(document.openapi, /^3\.1/);
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) t.ok((name ?? '') in document.components.schemas, `${name}`);
    const operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, op]) => ({ path, method, op })),
    );
    t.ok(operations.length >= 25, `${operations.length} operations`);
    t.equal(new Set(operations.map(({ op }) => op.operationId)).size, operations.length);
    for (const { path, method, op } of operations) {
      t.match(op, { operationId: String, summary: String, tags: [String] }, `${method} ${path}`);
      t.ok(op['x-permission'] in permissions || op['x-permission'] === 'self' || op.security?.length === 0, `${method} ${path}`);
      t.ok(op.responses['4XX'].content['application/problem+json'], `${method} ${path}`);
    }
    t.end();
  });
  await t.test('has a readable page with a policy of its own', async (t) => {
    // Described, never called.
    const desk = await openDesk(inMemory, {
      identity: { provider: {} } as never,
      approvals: {} as never,
      orderEvents: {} as never,
      dashboard: {} as never,
      auditChain: {} as never,
      auditSinks: {} as never,
      unknownCertificates: {} as never,
      deviceSecrets: {} as never,
      notificationRules: {} as never,
      mails: {} as never,
    });
    t.teardown(() => desk.close());
    const page = await desk.anonymous('GET', '/api/docs/');
    t.equal(page.status, 200);
    t.match(page.headers['content-type'], 'text/html');
    t.match(page.headers['content-security-policy'], "script-src 'self'");
    t.match(page.headers['content-security-policy'], "frame-ancestors 'none'");
    t.notMatch(page.text, /<script>[^<]/, 'no inline script, which the policy would forbid');
    const served = await desk.anonymous('GET', '/api/docs/json');
    t.same(served.body.paths, document.paths);
    t.match((await desk.anonymous('GET', '/api/docs/static/swagger-ui-bundle.js')).headers['content-type'], 'javascript');
  });
});

t.test('docs/errors.md has a row for every problem, refusal and reason', async (t) => {
  const manual = read('docs/errors.md');
  const rows = (section: string): string[] => {
    const part = manual.split(/^## /m).find((text) => text.startsWith(section)) ?? '';
    return [...part.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code as string);
  };
  t.strictSame(rows('Problems of the API'), Object.keys(problems));
  t.strictSame(rows('Refusals'), Object.keys(refusals));
  t.strictSame(rows('Requests that never became an order'), [...refusalReasons]);
  for (const text of Object.values(refusals)) t.ok(manual.includes(text), text);
});

t.test('kept answers', async (t) => {
  const clock = stoppedClock(new Date('2026-03-01T12:00:00Z'));
  const in1s = () => new Date(clock.now().getTime() + 1000);
  const answer = { status: 201, headers: {}, body: '{}' };
  const store = memoryIdempotencyStore(clock, 2);
  const claim = (key: string, fingerprint: string) => store.claim({ tenantId: null, actor: 'token:1', key }, fingerprint, in1s());
  const first = await claim('a', 'x');
  t.match(await claim('a', 'x'), { kind: 'busy' }, 'two at the same moment: one waits');
  t.match(await claim('a', 'y'), { kind: 'other-request' });
  if (first.kind === 'mine') await first.held.keep(answer);
  t.same(await claim('a', 'x'), { kind: 'kept', answer });
  clock.advance(1000);
  t.match(await claim('a', 'y'), { kind: 'mine' }, 'forgotten when their time is over');
  await claim('b', 'x');
  await claim('c', 'x');
  t.match(await claim('b', 'x'), { kind: 'busy' }, 'the newest stay');
  t.match(await claim('a', 'y'), { kind: 'mine' }, 'the oldest went when there was no room');
});

t.test('an answer that cannot be kept is given all the same', async (t) => {
  const broken = async () => {
    throw new Error('gone');
  };
  const idempotency = { claim: async () => ({ kind: 'mine', held: { keep: broken, release: broken } }) as const };
  const desk = await openDesk(async (clock) => ({ ...(await inMemory(clock)), idempotency }));
  t.teardown(() => desk.close());
  const { admin } = await desk.addTenant();
  const key = { 'idempotency-key': 'k' };
  const body = { name: 'A', type: 'crypto-engine', config: { url: 'https://ca.example', clientId: 'x', clientSecret: 'y' } };
  t.equal((await admin('POST', '/api/v1/connectors', body, key)).status, 201);
  const unknown = { name: 'B', connectorId: '01890000-0000-7000-8000-000000000009' };
  t.equal((await admin('POST', '/api/v1/cmp-profiles', unknown, key)).status, 400);
  t.equal(desk.lines.filter((line) => line.includes('could not be kept')).length, 2);
});
