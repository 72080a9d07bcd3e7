import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { Secret } from '../../src/runtime/secret.js';
import type { Store } from '../../src/store/store.js';
import type { ConnectorCall } from '../../src/tenancy/connector-call.js';
import type { Probe } from '../../src/tenancy/connector-health.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { testDatabases } from '../support/database.js';

const system = systemContext('test');
const hourMs = 3_600_000;

async function withConnector(store: Store, status: 'active' | 'inactive' = 'active') {
  const [tenantId, connectorId] = [uuidv7(), uuidv7()];
  await store.tenants.create(system, { id: tenantId, name: tenantId, slug: tenantId, status: 'active' });
  const context = tenantContext(tenantId, 'test');
  const connector = { id: connectorId, type: 'crypto-engine', name: 'CA', description: '', status, config: { url: 'https://ca.example' } } as const;
  await store.connectors.create(context, { ...connector, secrets: { clientSecret: new Secret('s3cret') } });
  return { tenantId, connectorId, context };
}

type Connector = Awaited<ReturnType<typeof withConnector>>;

const callOf = ({ tenantId, connectorId }: Connector, given: Partial<ConnectorCall> = {}): ConnectorCall => ({
  tenantId,
  connectorId,
  connectorVersion: 1,
  at: new Date(),
  operation: 'issue',
  outcome: 'issued',
  result: 'ok',
  orderId: null,
  requestId: 'ref',
  method: 'POST',
  route: '/v1/cas/*/certificates',
  status: 201,
  durationMs: 50,
  attempts: 1,
  peer: null,
  detail: '',
  ...given,
});

async function pages(store: Store, connector: Connector, query: Parameters<Store['connectorLog']['list']>[2]) {
  const items = [];
  for (let cursor: string | undefined; ; ) {
    const page = await store.connectorLog.list(connector.context, connector.connectorId, { ...query, ...(cursor !== undefined && { cursor }) });
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === undefined) return items;
  }
}

function logTests(t: Test, store: Store): void {
  t.test('calls are written a moment later, newest first, page by page, each once', async (t) => {
    const connector = await withConnector(store);
    const begun = Date.now() - 10_000;
    for (let n = 0; n < 25; n += 1) store.connectorLog.note(callOf(connector, { at: new Date(begun + n), requestId: `ref-${n}`, detail: 'zero \u0000 byte' }));
    await store.flush();
    const found = await pages(store, connector, { limit: 10 });
    t.same(
      found.map(({ requestId }) => requestId),
      Array.from({ length: 25 }, (_, n) => `ref-${24 - n}`),
    );
    t.match(found[0], { level: 'info', status: 201, route: '/v1/cas/*/certificates', durationMs: 50, at: new Date(begun + 24), connectorVersion: 1 });
  });

  t.test('calls are found by level, operation, outcome, order, time and text, and only by their tenant', async (t) => {
    const [connector, other] = [await withConnector(store), await withConnector(store)];
    const orderId = uuidv7();
    const old = new Date(Date.now() - 2 * hourMs);
    store.connectorLog.note(callOf(connector, { requestId: 'a', orderId }));
    store.connectorLog.note(callOf(connector, { requestId: 'b', outcome: 'refused', result: 'refused', status: 422, detail: 'The key is too short 100%' }));
    store.connectorLog.note(callOf(connector, { requestId: 'c', operation: 'lookup', outcome: 'unknown', result: 'failed', status: null, at: old }));
    store.connectorLog.note(callOf(other, { requestId: 'd' }));
    await store.flush();
    const ids = async (query: object) => (await pages(store, connector, { limit: 50, ...query })).map(({ requestId }) => requestId).sort();
    const since = new Date(Date.now() - hourMs);
    const rows: [object, string[]][] = [
      [{}, ['a', 'b', 'c']],
      [{ level: 'warning' }, ['b']],
      [{ level: 'error' }, ['c']],
      [{ operation: 'lookup' }, ['c']],
      [{ outcome: 'issued' }, ['a']],
      [{ result: 'refused' }, ['b']],
      [{ orderId }, ['a']],
      [{ orderId: 'no uuid' }, []],
      [{ since }, ['a', 'b']],
      [{ until: since }, ['c']],
      [{ q: 'TOO short 100%' }, ['b']],
      [{ q: 'short 1000' }, []],
    ];
    for (const [query, expected] of rows) t.same(await ids(query), expected, JSON.stringify(query));
    t.same((await store.connectorLog.list(other.context, connector.connectorId, { limit: 50 })).items, [], "another tenant's connector has no log");
    t.equal((await store.connectorLog.list(system, connector.connectorId, { limit: 50 })).total, 3);
  });

  t.test('figures count calls by result and time, without our own probes, and are not of another tenant', async (t) => {
    const [connector, other] = [await withConnector(store), await withConnector(store)];
    for (let ms = 1; ms <= 100; ms += 1) store.connectorLog.note(callOf(connector, { durationMs: ms * 10 }));
    for (let n = 0; n < 10; n += 1) store.connectorLog.note(callOf(connector, { result: 'failed', outcome: 'notSent', durationMs: 5_000 }));
    for (let n = 0; n < 15; n += 1) store.connectorLog.note(callOf(connector, { result: 'refused', outcome: 'refused', durationMs: 20 }));
    store.connectorLog.note(callOf(connector, { operation: 'probe', result: 'failed', outcome: 'error', durationMs: 60_000 }));
    store.connectorLog.note(callOf(connector, { at: new Date(Date.now() - 30 * hourMs), durationMs: 60_000 }));
    await store.flush();
    const day = await store.connectorLog.figures(connector.context, connector.connectorId, 24);
    t.match(day, { calls: 125, ok: 100, refused: 15, failed: 10, successRate: 80 });
    t.ok((day.p50Ms ?? 0) > 400 && (day.p50Ms ?? 0) < 600, `the median of 10..1000 ms with others around it is ${day.p50Ms}`);
    t.ok((day.p95Ms ?? 0) >= 5_000 && (day.p95Ms ?? 0) <= 5_500, `the 119th of 125 took 5 s: ${day.p95Ms}`);
    t.equal((await store.connectorLog.figures(connector.context, connector.connectorId, 168)).calls, 126);
    const nothing = { calls: 0, ok: 0, refused: 0, failed: 0, successRate: null, p50Ms: null, p95Ms: null };
    t.same(await store.connectorLog.figures(other.context, connector.connectorId, 24), nothing);
    t.same(await store.connectorLog.recent(connector.context, connector.connectorId, 600), { calls: 125, failed: 10 });
    t.same(await store.connectorLog.recent(other.context, connector.connectorId, 600), { calls: 0, failed: 0 });
  });

  t.test('what is older than its time is forgotten, the rest stays', async (t) => {
    const connector = await withConnector(store);
    store.connectorLog.note(callOf(connector, { requestId: 'old', at: new Date(Date.now() - 91 * 24 * hourMs) }));
    store.connectorLog.note(callOf(connector, { requestId: 'new', at: new Date(Date.now() - 89 * 24 * hourMs) }));
    await store.flush();
    t.equal(await store.connectorLog.forget(system, 90), 1);
    t.same(
      (await pages(store, connector, { limit: 10 })).map(({ requestId }) => requestId),
      ['new'],
    );
  });
}

const passed: Probe = { ok: true, steps: [{ name: 'connection', ok: true, message: 'UP', ms: 3 }], credentials: [], ms: 3 };
const failed: Probe = { ...passed, ok: false, steps: [{ name: 'connection', ok: false, message: 'nothing listens there', ms: 3 }] };

async function claimOf(store: Store, { connectorId }: Connector, leaseMs: number) {
  return (await store.connectorHealth.claimDue(system, 100, leaseMs)).find(({ health }) => health.connectorId === connectorId);
}

function healthTests(t: Test, store: Store): void {
  t.test('an active connector is due at once, one process has it at a time, and only its result counts', async (t) => {
    const connector = await withConnector(store);
    const idle = await withConnector(store, 'inactive');
    const claims = await Promise.all([1, 2, 3].map(() => claimOf(store, connector, 1_500)));
    t.equal(claims.filter((claim) => claim !== undefined).length, 1, 'of three processes one');
    t.equal(await claimOf(store, idle, 50), undefined, 'an inactive connector is left alone');
    const first = claims.find((claim) => claim !== undefined);
    await sleep(1_600);
    const second = await claimOf(store, connector, 60_000);
    if (first === undefined || second === undefined) return t.fail('both should have been claimed');
    t.match(second.health, { state: 'UNKNOWN', failures: 0, checkedAt: null });
    t.equal(await store.connectorHealth.record(system, first, passed, { state: 'UP', failures: 0, reason: '' }, 60_000), false, 'the lease was over');
    t.equal(await store.connectorHealth.record(system, second, failed, { state: 'DEGRADED', failures: 1, reason: 'nothing listens there' }, 60_000), true);
    t.equal(await claimOf(store, connector, 50), undefined, 'not due again yet');
    t.match(await store.connectorHealth.find(connector.context, connector.connectorId), {
      state: 'DEGRADED',
      failures: 1,
      reason: 'nothing listens there',
      steps: failed.steps,
      lastSuccessAt: null,
    });
    t.equal(await store.connectorHealth.find(idle.context, connector.connectorId), undefined, "another tenant's health is not shown");
  });

  t.test('a changed configuration is probed at once; changes of state are kept, others are not', async (t) => {
    const connector = await withConnector(store);
    const [notBefore, notAfter] = [new Date(), new Date(Date.now() + hourMs)];
    const credentials = [{ kind: 'client-certificate', subject: 'CN=ra', notBefore, notAfter }] as const;
    const states = ['UP', 'UP', 'DOWN', 'UP'] as const;
    for (const [version, state] of states.entries()) {
      const due = await claimOf(store, connector, 60_000);
      if (due === undefined) return t.fail(`version ${version} should be due`);
      const probe = state === 'DOWN' ? failed : { ...passed, credentials };
      t.ok(await store.connectorHealth.record(system, due, probe, { state, failures: 0, reason: state === 'UP' ? '' : 'gone' }, 60_000));
      t.ok((await store.connectors.update(connector.context, connector.connectorId, null, { description: `${version}` })).ok);
    }
    const history = await store.connectorHealth.history(connector.context, connector.connectorId, 10);
    t.match(history, [
      { was: 'DOWN', state: 'UP', reason: '' },
      { was: 'UP', state: 'DOWN', reason: 'gone' },
      { was: 'UNKNOWN', state: 'UP' },
    ]);
    t.equal(history.length, 3);
    t.same((await store.connectorHealth.find(connector.context, connector.connectorId))?.credentials, credentials);
    t.same([...(await store.connectorHealth.states(connector.context, [connector.connectorId, 'no uuid']))], [[connector.connectorId, 'UP']]);
    t.equal(await store.connectorHealth.forget(system, 1), 0);
    t.ok((await store.connectors.remove(connector.context, connector.connectorId, 5)).ok, 'a connector goes with its health');
    t.equal(await store.connectorHealth.find(connector.context, connector.connectorId), undefined);
  });
}

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    t.teardown(close);
    logTests(t, store);
    healthTests(t, store);
  });
}
