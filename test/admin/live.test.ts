import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import type { OrderState } from '../../src/enrolment/order.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { testDatabases } from '../support/database.js';
import { newOrder, orderIn } from '../support/orders.js';
import { type AdminStores, type Desk, openDesk } from './desk.js';

t.setTimeout(300_000);

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly id: string; readonly state: string; readonly key: string; readonly tenantId: string };
}

/** Reads server-sent events as a browser would, until it is closed. */
async function follow(base: string, token: string, query = '', lastEventId?: string) {
  const end = new AbortController();
  const headers = { authorization: `Bearer ${token}`, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const answer = await fetch(`${base}/api/v1/orders/events${query}`, { headers, signal: end.signal });
  const told: Told[] = [];
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  const reading = (async () => {
    let text = '';
    for (;;) {
      const part = await reader?.read().catch(() => undefined);
      if (part === undefined || part.done) return;
      text += part.value;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
        if (fields.event !== undefined) told.push({ id: fields.id ?? '', event: fields.event, data: JSON.parse(fields.data ?? '{}') });
      }
    }
  })();
  const until = async (isThere: (told: readonly Told[]) => boolean): Promise<void> => {
    while (!isThere(told)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return {
    answer,
    told,
    until,
    ended: reading,
    close: async () => {
      end.abort();
      await reading;
    },
  };
}

type Place = { readonly tenantId: string; readonly profileId: string; readonly connectorId: string };

async function addOrder(store: Store, { tenantId, ...place }: Place, state: OrderState, device: string = uuidv7()): Promise<string> {
  const order = newOrder({ ...place, id: uuidv7(), protocol: 'cmp', accountIdentity: createHash('sha256').update(device).digest() });
  await orderIn(store.orders, tenantContext(tenantId, 'device'), state, order);
  return order.id;
}

async function placeOf(desk: Desk): Promise<Place & { readonly token: string }> {
  const tenant = await desk.addTenant();
  const { body } = await tenant.admin('POST', '/api/v1/cmp-profiles', { name: 'Live', connectorId: tenant.connectorId });
  return { tenantId: tenant.id, profileId: body.id, connectorId: tenant.connectorId, token: await desk.tokenFor('viewer', tenant.id) };
}

async function live(t: Test, store: Store, desk: Desk): Promise<void> {
  const base = await desk.app.listen({ host: '127.0.0.1', port: 0 });
  const [mine, theirs] = [await placeOf(desk), await placeOf(desk)];

  await t.test('what happens to orders is told as it happens, to those who may see it', async (t) => {
    const [own, other, all] = [
      await follow(base, mine.token),
      await follow(base, theirs.token),
      await follow(base, await desk.tokenFor('viewer', null), `?tenantId=${mine.tenantId}&protocol=cmp&profileId=${mine.profileId}`),
    ];
    t.equal(own.answer.status, 200);
    t.match(own.answer.headers.get('content-type'), 'text/event-stream');
    const order = await addOrder(store, mine, 'ISSUED');
    await addOrder(store, theirs, 'FAILED');
    await own.until((told) => told.some(({ data }) => data.state === 'ISSUED'));
    await other.until((told) => told.some(({ data }) => data.state === 'FAILED'));
    await all.until((told) => told.some(({ data }) => data.state === 'ISSUED'));
    t.match(
      own.told.find(({ data }) => data.state === 'ISSUED'),
      { event: 'order', data: { id: order, tenantId: mine.tenantId, protocol: 'cmp' } },
    );
    t.ok(own.told.every(({ data }) => data.tenantId === mine.tenantId));
    t.ok(other.told.every(({ data }) => data.tenantId === theirs.tenantId));
    t.ok(all.told.every(({ data }) => data.tenantId === mine.tenantId));
    t.equal(new Set(own.told.map(({ data }) => data.key)).size, own.told.length, 'nothing twice');
    await Promise.all([own.close(), other.close(), all.close()]);
  });

  await t.test('a connection that broke is taken up where it ended; what is too old is a reset', async (t) => {
    const before = await follow(base, mine.token);
    await addOrder(store, mine, 'ISSUED');
    await before.until((told) => told.some(({ data }) => data.state === 'ISSUED'));
    const seen = before.told.at(-1)?.id ?? '';
    await before.close();
    const missed = await addOrder(store, mine, 'REJECTED');
    const after = await follow(base, mine.token, '', seen);
    await after.until((told) => told.some(({ data }) => data.id === missed && data.state === 'REJECTED'));
    const next = await addOrder(store, mine, 'FAILED');
    await after.until((told) => told.some(({ data }) => data.id === next));
    t.equal(after.told.filter(({ data }) => data.id === missed && data.state === 'REJECTED').length, 1);
    t.ok(after.told.every(({ data }) => data.tenantId === mine.tenantId));
    await after.close();
    for (const unknown of ['nonsense', '1000-x', `${Date.now() - 7_200_000}-x`]) {
      const late = await follow(base, mine.token, '', unknown);
      await late.until((told) => told.some(({ event }) => event === 'reset'));
      await late.close();
    }
  });

  await t.test('it takes a permission, and known parameters', async (t) => {
    const minter = await follow(base, await desk.tokenFor('minter', mine.tenantId));
    t.equal(minter.answer.status, 403);
    const wrong = await follow(base, mine.token, '?state=ISSUED');
    t.equal(wrong.answer.status, 400);
    const other = await follow(base, mine.token, `?tenantId=${theirs.tenantId}`);
    t.equal(other.answer.status, 200, 'another tenant is an empty one');
    await addOrder(store, theirs, 'ISSUED');
    const control = await follow(base, theirs.token);
    await addOrder(store, theirs, 'ISSUED');
    await control.until((told) => told.length > 0);
    t.equal(other.told.length, 0);
    await Promise.all([minter.close(), wrong.close(), other.close(), control.close()]);
  });

  await t.test('a server that stops ends the streams', async (t) => {
    const open = await follow(base, mine.token);
    await desk.app.close();
    await open.ended;
    t.equal(open.answer.status, 200);
  });
}

async function dashboard(t: Test, store: Store, desk: Desk): Promise<void> {
  const [mine, theirs] = [await placeOf(desk), await placeOf(desk)];
  const call = desk.call(mine.token);
  const empty = await call('GET', '/api/v1/dashboard');
  t.equal(empty.status, 200, empty.text);
  t.same(empty.body, {
    days: [],
    latency: { p50Ms: null, p95Ms: null, orders: 0 },
    expiring: { within7Days: 0, within30Days: 0, within90Days: 0 },
    attention: [],
  });
  for (const state of ['ISSUED', 'ISSUED', 'FAILED', 'REJECTED', 'AWAITING_APPROVAL', 'STUCK', 'UNCERTAIN'] as const) await addOrder(store, mine, state);
  await addOrder(store, theirs, 'STUCK');
  const { body } = await call('GET', '/api/v1/dashboard?days=2');
  const count = (name: string) => body.days.reduce((sum: number, day: Record<string, number>) => sum + (day[name] ?? 0), 0);
  t.same([count('issued'), count('refused'), count('open')], [2, 2, 3]);
  t.ok(body.days.every(({ day, protocol }: { day: string; protocol: string }) => /^\d{4}-\d\d-\d\d$/.test(day) && protocol === 'cmp'));
  t.match(body.latency, { orders: 4, p50Ms: Number, p95Ms: Number });
  t.same(
    body.attention.map(({ kind, count }: { kind: string; count: number }) => [kind, count]),
    [
      ['awaiting-approval', 1],
      ['stuck', 1],
      ['uncertain', 1],
      ['failed-unacknowledged', 1],
      ...(body.expiring.within7Days > 0 ? [['certificates-expiring', body.expiring.within7Days]] : []),
    ],
  );
  t.same((await call('GET', `/api/v1/dashboard?tenantId=${theirs.tenantId}`)).body, empty.body, 'another tenant is an empty one');
  t.equal((await call('GET', '/api/v1/dashboard?days=91')).status, 400);
}

for (const database of testDatabases()) {
  t.test(database.name, { timeout: 300_000 }, async (t) => {
    const { store, close } = await database.open();
    const stores = (): AdminStores => ({
      ...store,
      addOrder: async () => '',
      auditEvents: async () => (await store.audit.list(systemContext('cli'), { limit: 1_000 })).items,
      close: async () => undefined,
    });
    t.teardown(close);
    const desk = await openDesk(async () => stores(), { orderEvents: store.orderEvents, dashboard: store.dashboard });
    await t.test('dashboard', (t) => dashboard(t, store, desk));
    await t.test('live orders', (t) => live(t, store, desk));
  });
}
