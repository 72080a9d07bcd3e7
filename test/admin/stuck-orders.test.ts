import { generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import { type OrderState, orderStates } from '../../src/enrolment/order.js';
import type { NewOrder } from '../../src/enrolment/ports.js';
import { buildName, publicKeyOf, toPem } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import type { Store } from '../../src/store/store.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { createAuthority, type WrongKind, wrongKinds } from '../chaos/hostile-authority.js';
import { testDatabases } from '../support/database.js';
import { newOrder, orderIn } from '../support/orders.js';
import { type AdminStores, type Answer, type Desk, openDesk, type SeededOrder } from './desk.js';

t.setTimeout(400_000);

const authority = createAuthority();
const reason = 'The CA was asked by telephone.';

const notSeeded = (_order: SeededOrder): Promise<string> => Promise.reject(new Error('this test seeds its own'));

const overStore = (store: Store, close: () => Promise<void>): AdminStores => ({
  ...store,
  addOrder: notSeeded,
  auditEvents: async () => (await store.audit.list(systemContext('cli'), { limit: 10_000 })).items,
  close,
});

/** An order of this tenant with a real key and name, in `state`. */
async function orderOf(store: Store, tenantId: string, state: OrderState, device = 'device-1'): Promise<NewOrder> {
  const { spki } = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const base = newOrder();
  const request = { ...base.request, publicKey: spki, subject: buildName([[oids.commonName, device]]).der, sans: [] };
  return orderIn(store.orders, tenantContext(tenantId, 'device'), state, { ...base, request });
}

function certificateFor({ request }: NewOrder, wrong?: WrongKind): string {
  const subject = buildName([[oids.commonName, 'device-1']]);
  return toPem('CERTIFICATE', wrong === undefined ? authority.issue(subject, request.publicKey) : authority.issueWrong(wrong, subject, request.publicKey));
}

const bodies = (order: NewOrder) => ({ retry: { reason }, resolve: { reason, certificate: certificateFor(order) }, fail: { reason } });
const actions = ['retry', 'resolve', 'fail'] as const;
const path = (order: NewOrder, action: string) => `/api/v1/orders/${order.id}/${action}`;

function problem(t: Test, answer: Answer, status: number, code: string, what = ''): void {
  t.equal(answer.status, status, `${what} ${answer.text}`);
  t.match(answer.body, { type: `urn:gatehouse:problem:${code}` }, what);
}

for (const database of testDatabases()) {
  t.test(database.name, { timeout: 300_000 }, async (t) => {
    const { store, close } = await database.open();
    const desk = await openDesk(async () => overStore(store, close));
    t.teardown(() => desk.close());
    await decided(t, desk, store);
    await refused(t, desk, store);
    await raced(t, desk, store);
  });
}

async function eventsOf(desk: Desk, order: NewOrder) {
  return (await desk.stores.auditEvents()).filter(({ object }) => object === `order:${order.id}`);
}

async function decided(t: Test, desk: Desk, store: Store): Promise<void> {
  const { id: tenantId } = await desk.addTenant();
  const operator = await desk.as('operator', tenantId);
  const outcome = { retry: 'ACCEPTED', resolve: 'ISSUED', fail: 'FAILED' } as const;

  for (const action of actions) {
    await t.test(`an operator may ${action} a stuck order, once; who did it and why stands in the audit trail and the order's history`, async (t) => {
      const order = await orderOf(store, tenantId, 'STUCK');
      const before = (await eventsOf(desk, order)).length;
      const answer = await operator('POST', path(order, action), bodies(order)[action]);
      t.equal(answer.status, 200, answer.text);
      t.match(answer.body, { id: order.id, state: outcome[action] });
      const again = await operator('POST', path(order, action), bodies(order)[action]);
      problem(t, again, 409, 'wrong-state');
      t.match(again.body, { state: outcome[action], expected: ['STUCK'] });
      const events = (await eventsOf(desk, order)).slice(0, -before);
      t.equal(events.length, 1, 'the refused second time changed nothing and says nothing');
      t.match(JSON.stringify(events[0]), reason);
      t.match(events[0]?.actor, /^token:/);
      const timeline = await operator('GET', `/api/v1/orders/${order.id}/timeline`);
      t.ok(
        timeline.body.items.some(({ state, detail }: { state: string; detail: string }) => state === outcome[action] && detail.includes(reason)),
        timeline.text,
      );
    });
  }

  await t.test('a resolved order gives its device the certificate that the operator found', async (t) => {
    const order = await orderOf(store, tenantId, 'STUCK');
    const certificate = certificateFor(order);
    await operator('POST', path(order, 'resolve'), { reason, certificate });
    const standing = await store.orders.findTransaction(tenantContext(tenantId, 'device'), order.dedupeKey);
    t.equal(toPem('CERTIFICATE', standing?.certificate ?? Buffer.alloc(0)), certificate);
    const other = await orderOf(store, tenantId, 'STUCK');
    const taken = await operator('POST', path(other, 'resolve'), { reason, certificate });
    problem(t, taken, 400, 'invalid-request');
    t.match(taken.body.errors, [{ path: 'certificate', message: /it has another key/ }]);
  });

  await t.test('a failed order is refused to its device, and a retried one is due for its CA at once', async (t) => {
    const [failed, retried] = [await orderOf(store, tenantId, 'STUCK'), await orderOf(store, tenantId, 'STUCK')];
    await operator('POST', path(failed, 'fail'), { reason });
    await operator('POST', path(retried, 'retry'), { reason });
    t.match((await store.orders.findTransaction(tenantContext(tenantId, 'device'), failed.dedupeKey))?.order, { state: 'FAILED', failReason: reason });
    const due = await store.orders.due(systemContext('worker:issue'), 'issue', 100);
    t.ok(due.some(({ orderId }) => orderId === retried.id));
    t.notOk(due.some(({ orderId }) => orderId === failed.id));
  });
}

async function refused(t: Test, desk: Desk, store: Store): Promise<void> {
  const { id: tenantId } = await desk.addTenant();
  const operator = await desk.as('operator', tenantId);

  await t.test('an order that is not stuck is left as it is, whatever state it is in', async (t) => {
    for (const state of orderStates.filter((item) => item !== 'STUCK')) {
      const order = await orderOf(store, tenantId, state);
      const before = (await eventsOf(desk, order)).length;
      for (const action of actions) {
        const answer = await operator('POST', path(order, action), bodies(order)[action]);
        problem(t, answer, 409, 'wrong-state', `${action} of ${state}`);
        t.match(answer.body, { state, expected: ['STUCK'] });
      }
      t.match(await store.orderReader.find(tenantContext(tenantId, 'x'), order.id), { state });
      t.equal((await eventsOf(desk, order)).length, before, `nothing is noted of ${state}`);
    }
  });

  await t.test('F11 a certificate that is not what the order asked for is refused in words, and the order stays stuck', async (t) => {
    const order = await orderOf(store, tenantId, 'STUCK');
    const words: Readonly<Partial<Record<WrongKind, RegExp>>> = {
      key: /another key/,
      subject: /another subject/,
      names: /names nobody asked for/,
      authority: /CA certificate/,
      expired: /expired already/,
      early: /not valid yet/,
      truncated: /no certificate/,
    };
    for (const kind of wrongKinds) {
      const said = words[kind];
      if (said === undefined) continue;
      const answer = await operator('POST', path(order, 'resolve'), { reason, certificate: certificateFor(order, kind) });
      problem(t, answer, 400, 'invalid-request', kind);
      t.match(answer.body.errors, [{ path: 'certificate', message: said }], kind);
    }
    for (const certificate of ['', 'no PEM', toPem('CERTIFICATE REQUEST', Buffer.from('x'))]) {
      const answer = await operator('POST', path(order, 'resolve'), { reason, certificate });
      problem(t, answer, 400, 'invalid-request');
    }
    t.match(await store.orderReader.find(tenantContext(tenantId, 'x'), order.id), { state: 'STUCK', certificateId: null });
  });

  await t.test('a decision without a reason is none', async (t) => {
    const order = await orderOf(store, tenantId, 'STUCK');
    for (const action of actions) {
      for (const given of [{}, { reason: '' }]) {
        const answer = await operator('POST', path(order, action), { ...bodies(order)[action], reason: undefined, ...given });
        problem(t, answer, 400, 'invalid-request', action);
        t.ok(answer.body.errors.some((error: { path: string }) => error.path === 'reason'));
      }
    }
    t.match(await store.orderReader.find(tenantContext(tenantId, 'x'), order.id), { state: 'STUCK' });
  });

  await t.test('whoever may not decide, or is of another tenant, decides nothing', async (t) => {
    const order = await orderOf(store, tenantId, 'STUCK');
    const { id: otherId } = await desk.addTenant();
    const stranger = await desk.as('admin', otherId);
    for (const action of actions) {
      const body = bodies(order)[action];
      problem(t, await stranger('POST', path(order, action), body), 404, 'not-found', action);
      for (const role of ['minter', 'viewer', 'auditor'] as const)
        problem(t, await (await desk.as(role, tenantId))('POST', path(order, action), body), 403, 'forbidden', `${role} ${action}`);
      t.equal((await desk.anonymous('POST', path(order, action), body)).status, 401);
    }
    t.match(await store.orderReader.find(tenantContext(tenantId, 'x'), order.id), { state: 'STUCK' });
  });
}

async function raced(t: Test, desk: Desk, store: Store): Promise<void> {
  await t.test('of operators who decide at once one is heard, and only his decision is noted', async (t) => {
    const { id: tenantId } = await desk.addTenant();
    const operators = await Promise.all([1, 2, 3].map(() => desk.as('operator', tenantId)));
    for (let round = 0; round < 5; round += 1) {
      const order = await orderOf(store, tenantId, 'STUCK');
      const before = (await eventsOf(desk, order)).length;
      const answers = await Promise.all(operators.flatMap((operator) => actions.map((action) => operator('POST', path(order, action), bodies(order)[action]))));
      const heard = answers.filter(({ status }) => status === 200);
      t.equal(heard.length, 1, answers.map(({ status }) => status).join(' '));
      t.equal(answers.filter(({ status }) => status === 409).length, answers.length - 1);
      const standing = await store.orderReader.find(tenantContext(tenantId, 'x'), order.id);
      t.equal(standing?.state, heard[0]?.body.state);
      t.equal((await eventsOf(desk, order)).length - before, 1);
    }
  });
}
