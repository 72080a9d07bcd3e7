import t, { type Test } from 'tap';
import { csvLine, wantsCsv } from '../../src/admin/csv.js';
import { systemClock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import type { ConnectorCall } from '../../src/tenancy/connector-call.js';
import type { Probe } from '../../src/tenancy/connector-health.js';
import { systemContext } from '../../src/tenancy/context.js';
import { testDatabases } from '../support/database.js';
import { type Desk, openDesk } from './desk.js';

const system = systemContext('test');
type Tenant = Awaited<ReturnType<Desk['addTenant']>>;

function callOf({ id: tenantId, connectorId }: Tenant, given: Partial<ConnectorCall> = {}): ConnectorCall {
  const about = { tenantId, connectorId, connectorVersion: 1, operation: 'issue', outcome: 'issued', result: 'ok', orderId: null, requestId: 'ref' } as const;
  const sent = { method: 'POST', route: '/v1/cas/*/certificates', status: 201, durationMs: 40, attempts: 1, peer: null, detail: '' };
  return { ...about, ...sent, at: new Date(), ...given };
}

async function probed(store: Store, { connectorId }: Tenant, probe: Probe, state: 'UP' | 'DOWN'): Promise<void> {
  for (const due of await store.connectorHealth.claimDue(system, 100, 60_000)) {
    if (due.health.connectorId !== connectorId) continue;
    await store.connectorHealth.record(system, due, probe, { state, failures: state === 'UP' ? 0 : 3, reason: state === 'UP' ? '' : 'tcp: refused' }, 60_000);
  }
}

const passed: Probe = {
  ok: true,
  steps: [{ name: 'tcp', ok: true, message: 'connected', ms: 2 }],
  credentials: [{ kind: 'ca-certificate', subject: 'CN=CA', notBefore: new Date(), notAfter: new Date(Date.now() + 10.5 * 86_400_000) }],
  ms: 5,
};
const failed: Probe = { ok: false, steps: [{ name: 'tcp', ok: false, message: 'refused', ms: 2 }], credentials: [], ms: 5 };

function logs(t: Test, desk: Desk, store: Store): void {
  t.test('the log of a connector is filtered, paged and exported, and shown to nobody else', async (t) => {
    const [tenant, other] = [await desk.addTenant(), await desk.addTenant()];
    const orderId = uuidv7();
    for (let n = 0; n < 5; n += 1) store.connectorLog.note(callOf(tenant, { requestId: `ref-${n}`, at: new Date(Date.now() - 1_000 + n) }));
    store.connectorLog.note(callOf(tenant, { orderId, outcome: 'refused', result: 'refused', status: 422, detail: '=HYPERLINK("x"), he said "no"' }));
    await store.flush();
    const url = `/api/v1/connectors/${tenant.connectorId}/logs`;
    const first = await tenant.admin('GET', `${url}?limit=4`);
    t.equal(first.status, 200, first.text);
    t.match(first.body, { total: 6, nextCursor: String });
    t.match(first.body.items[0], { level: 'warning', outcome: 'refused', orderId, status: 422, route: '/v1/cas/*/certificates', attempts: 1 });
    const second = await tenant.admin('GET', `${url}?limit=4&cursor=${first.body.nextCursor}`);
    t.match(second.body, { nextCursor: null, items: [{ requestId: 'ref-1' }, { requestId: 'ref-0' }] });
    t.equal((await tenant.admin('GET', `${url}?orderId=${orderId}&level=warning&operation=issue&outcome=refused&result=refused`)).body.total, 1);
    t.equal((await tenant.admin('GET', `${url}?since=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`)).body.total, 0);
    for (const query of ['level=loud', 'since=yesterday', 'sort=detail', 'colour=red'])
      t.equal((await tenant.admin('GET', `${url}?${query}`)).status, 400, query);

    const csv = await tenant.admin('GET', `${url}?limit=2`, undefined, { accept: 'text/csv' });
    t.match(csv.headers, { 'content-type': /^text\/csv/, 'content-disposition': /\.csv"$/ });
    const rows = csv.text.trimEnd().split('\r\n');
    t.equal(rows.length, 7, 'a page size bounds no export');
    t.match(rows[0], /^at,level,operation,outcome,result,orderId/);
    t.match(rows[1], /,"'=HYPERLINK\(""x""\), he said ""no"""$/, 'no formula in a spreadsheet');

    t.equal((await other.admin('GET', url)).status, 404);
    t.equal((await other.admin('GET', url, undefined, { accept: 'text/csv' })).status, 404);
    t.equal((await desk.anonymous('GET', url)).status, 401);
    t.equal((await (await desk.as('minter', tenant.id))('GET', url)).status, 403);
  });
}

function monitoring(t: Test, desk: Desk, store: Store): void {
  t.test('monitoring shows state, history, credentials and figures; a connector that is down is not counted as active', async (t) => {
    const [tenant, other] = [await desk.addTenant(), await desk.addTenant()];
    const url = `/api/v1/connectors/${tenant.connectorId}`;
    t.match((await tenant.admin('GET', `${url}/monitoring`)).body, { state: 'UNKNOWN', checkedAt: null, calls: { total: 0, successRate: null }, history: [] });
    t.equal((await tenant.admin('GET', url)).body.health, 'UNKNOWN');
    await probed(store, tenant, passed, 'UP');
    store.connectorLog.note(callOf(tenant));
    store.connectorLog.note(callOf(tenant, { outcome: 'notSent', result: 'failed' }));
    await store.flush();
    const up = await tenant.admin('GET', `${url}/monitoring?window=7d`);
    t.match(up.body, {
      state: 'UP',
      reason: '',
      failedProbes: 0,
      probeMs: 5,
      steps: [{ name: 'tcp', ok: true }],
      credentials: [{ kind: 'ca-certificate', subject: 'CN=CA', daysLeft: 10 }],
      calls: { window: '7d', total: 2, ok: 1, failed: 1, refused: 0, successRate: 50, p95Ms: Number },
      history: [{ was: 'UNKNOWN', state: 'UP' }],
    });
    t.equal((await tenant.admin('GET', '/api/v1/connectors?q=crypto')).body.items[0].health, 'UP', 'found by its type, too');
    t.equal((await tenant.admin('GET', '/api/v1/connectors/summary')).body.activeConnectors, 1);

    await store.connectors.update(system, tenant.connectorId, null, { description: 'moved' });
    await probed(store, tenant, failed, 'DOWN');
    t.match((await tenant.admin('GET', `${url}/monitoring`)).body, {
      state: 'DOWN',
      reason: 'tcp: refused',
      failedProbes: 3,
      history: [{ was: 'UP', state: 'DOWN' }, {}],
    });
    t.same((await tenant.admin('GET', '/api/v1/connectors/summary')).body, { totalTenants: 1, totalConnectors: 1, activeConnectors: 0 });

    await store.connectors.update(system, tenant.connectorId, null, { status: 'inactive' });
    t.match((await tenant.admin('GET', `${url}/monitoring`)).body, { state: 'UNKNOWN', credentials: [] }, 'nobody probes what is switched off');
    t.equal((await tenant.admin('GET', url)).body.health, 'UNKNOWN');
    t.equal((await other.admin('GET', `${url}/monitoring`)).status, 404);
    t.equal((await tenant.admin('GET', `${url}/monitoring?window=1y`)).status, 400);
  });

  t.test('what settings may be is asked of the other side with the stored secrets', async (t) => {
    const tenant = await desk.addTenant();
    const answer = await tenant.admin('GET', `/api/v1/connectors/${tenant.connectorId}/options`);
    t.same(answer.body, {
      items: [
        { field: 'caId', values: [`issuing of ${tenant.connectorId}`], missing: null },
        { field: 'profileId', values: [], missing: 'not shown' },
      ],
    });
    t.equal((await (await desk.as('viewer', tenant.id))('GET', `/api/v1/connectors/${tenant.connectorId}/options`)).status, 403);
  });
}

const nobodyEnrols = async (): Promise<string> => {
  throw new Error('no order is seeded here');
};

for (const database of testDatabases()) {
  t.test(database.name, async (t) => {
    const { store, close } = await database.open();
    const stores = { ...store, addOrder: nobodyEnrols, auditEvents: async () => [], close };
    const desk = await openDesk(async () => stores, {
      clock: systemClock,
      connectorLog: store.connectorLog,
      connectorHealth: store.connectorHealth,
      connectorTester: {
        test: async () => ({ ok: true, steps: [] }),
        choices: async ({ saved }) => [
          { field: 'caId', values: [`issuing of ${saved?.id}`] },
          { field: 'profileId', values: [], missing: 'not shown' },
        ],
      },
    });
    t.teardown(() => desk.close());
    logs(t, desk, store);
    monitoring(t, desk, store);
  });
}

t.test('CSV (RFC 4180): quotes where they are needed, no formulas, empty for null', async (t) => {
  t.equal(csvLine(['a', 1, null, 'b,c', 'd"e', 'f\ng']), 'a,1,,"b,c","d""e","f\ng"\r\n');
  for (const start of ['=', '+', '-', '@', '\t']) t.equal(csvLine([`${start}1`]), `'${start}1\r\n`);
  const rows: [string | undefined, boolean][] = [
    [undefined, false],
    ['*/*', false],
    ['text/csv', true],
    ['text/csv;q=0.9, */*', true],
    ['application/json, text/csv', false],
    ['TEXT/CSV, application/json', true],
  ];
  for (const [accept, wanted] of rows) t.equal(wantsCsv(accept), wanted, String(accept));
});
