import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { type OrderState, orderStates } from '../../src/enrolment/order.js';
import type { NewOrder } from '../../src/enrolment/ports.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { transact } from '../../src/store/connection/connection.js';
import { summarise } from '../../src/store/orders/summary.js';
import { systemContext } from '../../src/tenancy/context.js';
import { claimedOrder, newCertificate, newOrder, newTenant, orderIn, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await t.test('group commit', (t) => groupCommit(t, raw));
    await t.test('traces', (t) => traces(t, raw));
    await t.test('lists', (t) => lists(t, raw));
    await t.test('summary', (t) => summary(t, raw));
    await t.test('retention', (t) => retention(t, raw));
  });
}

async function groupCommit(t: Test, { store, connection }: RawStore): Promise<void> {
  t.test('one order the database refuses does not fail those beside it', async (t) => {
    const tenant = newTenant();
    const taken = newCertificate();
    await store.orders.settleIssued(tenant, newOrder(), taken, 'issuing');
    const orders = Array.from({ length: 10 }, () => newOrder());
    const results = await Promise.allSettled(
      orders.map((order, index) =>
        store.orders.settleIssued(tenant, order, index === 4 ? newCertificate({ serial: taken.serial }) : newCertificate(), 'issuing'),
      ),
    );
    t.same(
      results.map(({ status }) => status),
      orders.map((_, index) => (index === 4 ? 'rejected' : 'fulfilled')),
    );
    t.equal(await store.orders.findTransaction(tenant, orders[4]?.dedupeKey as Buffer), undefined, 'and leaves nothing behind');
    t.equal((await store.orderReader.list(tenant, { limit: 1 })).total, 10);
  });

  t.test('signs that PostgreSQL has no text for are replaced, not refused', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ subject: 'CN=a\u0000b', accountLabel: '\ud800', transactionId: '\u0000'.repeat(3), session: { x: '\u0000' } });
    await store.orders.settleIssued(tenant, order, newCertificate({ subject: '\udfff' }), 'issuing');
    const recorded = newOrder({ subject: '\u0000', transactionId: order.transactionId, profileId: order.profileId });
    await store.orders.record(tenant, recorded, 'ACCEPTED');
    t.match(await store.orderReader.find(tenant, order.id), { subject: 'CN=a\ufffdb' });
    t.equal((await store.orders.findTransactions(tenant, order.profileId, order.transactionId)).length, 2);
  });

  t.test('a transactionID as long as a message is stored and found', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ transactionId: uuidv7().repeat(5_000) });
    await store.orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    t.equal((await store.orders.findTransactions(tenant, order.profileId, order.transactionId)).length, 1);
    t.equal((await store.orderReader.list(tenant, { limit: 5, transactionId: order.transactionId })).total, 1);
  });

  t.test('many enrolments of one device make one account', async (t) => {
    const tenant = newTenant();
    const profileId = uuidv7();
    const accountIdentity = Buffer.alloc(32, 5);
    await Promise.all(
      Array.from({ length: 100 }, () => store.orders.settleIssued(tenant, newOrder({ profileId, accountIdentity }), newCertificate(), 'issuing')),
    );
    await store.orders.record(tenant, newOrder({ profileId, accountIdentity }), 'ACCEPTED');
    const accounts = await store.accounts.list(tenant, { limit: 5, profileId });
    t.match(accounts, { total: 1, items: [{ tenantId: tenant.tenantId, lastOrderAt: Date }] });
    t.equal((await store.orderReader.list(tenant, { limit: 1, accountId: accounts.items[0]?.id as string })).total, 101);
  });

  t.test("the engine knows what was issued under the order's reference, and revokes it", async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    const certificate = newCertificate();
    await store.orders.settleIssued(tenant, order, certificate, 'issuing');
    t.same(await store.engine.findByRef(`${tenant.tenantId}-${order.id}`), { caId: 'issuing', certificate: certificate.der });
    const at = new Date('2026-05-01T00:00:00Z');
    t.equal(await store.engine.revoke('issuing', certificate.serial, 4, at), true);
    t.ok((await store.engine.revocations('issuing')).some(({ serial }) => serial === certificate.serial));
    const { rows } = await sql`select 1 from engine_certificates where certificate is not null`.execute(connection.kysely);
    t.same(rows, [], 'no certificate is stored twice');
  });
}

async function traces(t: Test, { store, connection }: RawStore): Promise<void> {
  const gaps = sql`select boot_id from audit_events group by boot_id having count(*) <> max(node_seq) or min(node_seq) <> 1`;

  t.test('every state an order enters is one audit row, and the rows of a boot have no gap', async (t) => {
    const tenant = newTenant();
    const order = await orderIn(store.orders, tenant, 'REVOKED');
    await Promise.allSettled(Array.from({ length: 20 }, () => store.orders.settleIssued(tenant, order, newCertificate(), 'issuing')));
    const undone = transact(connection, async (trx) => {
      await sql`update audit_boots set last_seq = last_seq + 1`.execute(trx);
      throw new Error('rolled back');
    });
    await t.rejects(undone, { message: 'rolled back' });
    const page = await store.audit.list(tenant, { limit: 50, object: `order:${order.id}`, sort: 'at' });
    t.same(
      page.items.map(({ action }) => action),
      ['order.issued', 'order.revoke-wanted', 'order.revoked'],
    );
    t.match(page.items[0], { actor: 'device', outcome: 'success', details: { state: 'ISSUED', serial: String }, nodeId: 'test' });
    t.same((await gaps.execute(connection.kysely)).rows, []);
  });

  t.test('SCEP-159 the first audit row of an order says who asked for what, whatever became of it', async (t) => {
    const tenant = newTenant();
    const [issued, waiting, refused] = [newOrder(), newOrder(), newOrder()];
    await store.orders.settleIssued(tenant, issued, newCertificate(), 'issuing');
    await store.orders.record(tenant, waiting, 'ACCEPTED');
    await store.orders.record(tenant, refused, { state: 'REJECTED', failInfo: 'key-size', failReason: 'too short' });
    for (const { order, more } of [
      { order: issued, more: { state: 'ISSUED', serial: String } },
      { order: waiting, more: { state: 'ACCEPTED' } },
      { order: refused, more: { state: 'REJECTED', failInfo: 'key-size', reason: 'too short' } },
    ]) {
      const { profileId, transactionId, contentHash } = order;
      const asked = { profileId, transactionId, operation: 'enrolment', clientIp: '192.0.2.1', requester: 'ab', request: contentHash.toString('hex') };
      const { items } = await store.audit.list(tenant, { limit: 1, object: `order:${order.id}`, sort: 'at' });
      t.match(items[0], { tenantId: tenant.tenantId, details: { ...asked, ...more } });
    }
  });

  t.test('nothing is written when its audit row cannot be', async (t) => {
    const tenant = newTenant();
    const order = newOrder();
    await sql`alter table audit_events add constraint audit_events_full check (action <> 'order.accepted') not valid`.execute(connection.kysely);
    await t.rejects(store.orders.record(tenant, order, 'ACCEPTED'));
    await sql`alter table audit_events drop constraint audit_events_full`.execute(connection.kysely);
    t.equal(await store.orderReader.find(tenant, order.id), undefined);
    t.same((await gaps.execute(connection.kysely)).rows, []);
  });

  t.test('events are appended as given, in canonical form', async (t) => {
    const at = new Date('2026-03-04T05:06:07.890Z');
    const object = `thing:${uuidv7()}`;
    const event = { at, tenantId: null, actor: 'cli', action: 'thing.done', object, outcome: 'failure', details: { b: [1, 'ü'], a: null } } as const;
    await store.audit.append(event);
    t.match(await store.audit.list(system, { limit: 5, object }), { total: 1, items: [event] });
    const { rows } = await sql<{ details: string }>`select details from audit_events where object = ${object}`.execute(connection.kysely);
    t.equal(rows[0]?.details, '{"a":null,"b":[1,"ü"]}');
    t.equal((await store.audit.list(newTenant(), { limit: 5, object })).total, 0);
  });

  t.test('SCEP-100 AB-18 the PKCS#10 of an open order, and with it the challenge, stands in no row in clear, and whole before its CA', async (t) => {
    const tenant = newTenant();
    const pkcs10 = Buffer.from(`a request with the challenge ${uuidv7()} in it`);
    const [order, other] = [newOrder(), newOrder()].map((item) => ({ ...item, request: { ...item.request, pkcs10 } })) as [NewOrder, NewOrder];
    for (const item of [order, other]) await store.orders.record(tenant, item, 'ACCEPTED');
    const { rows } = await sql<{ row: string }>`select w::text as row from order_work w where tenant_id = ${tenant.tenantId}`.execute(connection.kysely);
    t.equal(rows.length, 2);
    for (const { row } of rows) t.notOk(['hex', 'base64', 'utf8'].some((form) => row.includes(pkcs10.toString(form as BufferEncoding))));
    t.same((await store.orders.claim(system, order.id, 1_000))?.request, order.request);
    await sql`update order_work set pkcs10 = (select pkcs10 from order_work where order_id = ${order.id}) where order_id = ${other.id}`.execute(
      connection.kysely,
    );
    await t.rejects(store.orders.claim(system, other.id, 1_000), /cannot be opened/, 'one that was put under another order is not used');
  });

  t.test('an order recorded before the PKCS#10 was sealed is forwarded as it was', async (t) => {
    const [tenant, order] = [newTenant(), newOrder()];
    await store.orders.record(tenant, order, 'ACCEPTED');
    const pkcs10 = Buffer.from('csr').toString('base64');
    await sql`update order_work set pkcs10 = null, request = request || ${JSON.stringify({ pkcs10 })}::jsonb where order_id = ${order.id}`.execute(
      connection.kysely,
    );
    t.same((await store.orders.claim(system, order.id, 1_000))?.request, order.request);
  });

  t.test('an intent is written before every call to a CA', async (t) => {
    const tenant = newTenant();
    const first = await claimedOrder(store.orders, tenant);
    await store.orders.settleClaimed(tenant, first, { kind: 'retry', reason: 'busy', delayMs: 0 });
    await store.orders.claim(system, first.order.id, 1_000);
    const { rows } = await sql`select fence, length(request_hash) as length from order_intents where order_id = ${first.order.id} order by fence`.execute(
      connection.kysely,
    );
    t.same(rows, [
      { fence: 1, length: 32 },
      { fence: 2, length: 32 },
    ]);
  });

  t.test('what a CA answered to one who had lost the lease is an orphan, until the order adopts it', async (t) => {
    const tenant = newTenant();
    const claimed = await claimedOrder(store.orders, tenant, newOrder(), 0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.orders.reapLeases(system);
    const certificate = newCertificate();
    await store.orders.settleClaimed(tenant, claimed, { kind: 'issued', certificate });
    const query = { limit: 5, orderId: claimed.order.id };
    t.match(await store.orphans.list(tenant, query), { total: 1, items: [{ certificate: certificate.der, revokedAt: null }] });
    const lookup = await store.orders.claimLookup(system, claimed.order.id, 1_000);
    if (lookup === undefined) throw new Error('it was free');
    await store.orders.settleClaimed(tenant, lookup, { kind: 'issued', certificate });
    t.equal((await store.orphans.list(tenant, query)).total, 0);
  });

  t.test('refusals are folded by reason, profile and source', async (t) => {
    const [profileId, source] = [uuidv7(), uuidv7()];
    const refusal = { reason: 'bad-mac', tenantId: null, profileId, source, clientFamily: 'a', detail: 'first' } as const;
    for (let time = 0; time < 5; time += 1) store.refusals.note(refusal);
    await store.flush();
    store.refusals.note({ ...refusal, detail: 'last\u0000' });
    store.refusals.note({ ...refusal, reason: 'throttled' });
    store.refusals.note({ ...refusal, profileId: null });
    store.refusals.note({ ...refusal, profileId: null });
    await store.flush();
    const page = await store.refusals.list(system, { limit: 10, source, sort: '-count' });
    t.match(page, {
      total: 3,
      items: [
        { count: 6, detail: 'last\ufffd' },
        { count: 2, profileId: null },
        { count: 1, reason: 'throttled' },
      ],
    });
    t.ok((page.items[0]?.lastSeen ?? 0) >= (page.items[0]?.firstSeen ?? 1));
    t.equal((await store.refusals.list(newTenant(), { limit: 5, source })).total, 0);
    t.equal(await store.refusals.forget(1), 0);
  });
}

async function lists(t: Test, { store }: RawStore): Promise<void> {
  const tenant = newTenant();
  const profileId = uuidv7();
  const states: readonly OrderState[] = ['ACCEPTED', 'ISSUED', 'REJECTED', 'ISSUED', 'STUCK'];
  const orders: NewOrder[] = [];
  for (const [index, state] of states.entries()) {
    const change = {
      profileId,
      subject: `CN=device-${index}`,
      protocol: index === 0 ? 'cmp' : 'scep',
      operation: index === 1 ? 'renewal' : 'enrolment',
    } as const;
    orders.push(await orderIn(store.orders, tenant, state, newOrder(change)));
  }
  const idsOf = async (query: object) => (await store.orderReader.list(tenant, { limit: 50, ...query })).items.map(({ id }) => id);
  const ids = orders.map(({ id }) => id);
  const at = (...indexes: number[]) => indexes.map((index) => ids[index]);

  t.test('orders are listed newest first, by every filter, page by page', async (t) => {
    t.same(await idsOf({}), [...ids].reverse());
    t.same(await idsOf({ sort: 'createdAt' }), ids);
    t.same(await idsOf({ state: 'ISSUED' }), at(3, 1));
    t.same(await idsOf({ protocol: 'cmp' }), at(0));
    t.same(await idsOf({ operation: 'renewal' }), at(1));
    t.same(await idsOf({ profileId }), [...ids].reverse());
    t.same(await idsOf({ profileId: uuidv7() }), []);
    t.same(await idsOf({ profileId: "x' or true" }), []);
    t.same(await idsOf({ transactionId: orders[2]?.transactionId }), at(2));
    t.same(await idsOf({ q: 'DEVICE-3' }), at(3));
    t.same(await idsOf({ q: orders[4]?.transactionId }), at(4));
    t.same(await idsOf({ q: 'device%' }), []);
    t.same(await idsOf({ sort: 'finishedAt' }), at(1, 2, 3, 0, 4));
    const first = await store.orderReader.list(tenant, { limit: 2 });
    t.equal(first.total, 5);
    const second = await store.orderReader.list(tenant, { limit: 3, cursor: first.nextCursor as string });
    t.same(
      [...first.items, ...second.items].map(({ id }) => id),
      [...ids].reverse(),
    );
    t.equal(second.nextCursor, undefined);
    t.equal((await store.orderReader.list(systemContext('x'), { limit: 1, tenantId: tenant.tenantId })).total, 5);
  });

  t.test('certificates are listed by tenant, profile, status and serial', async (t) => {
    const page = await store.certificates.list(tenant, { limit: 5, profileId });
    t.equal(page.total, 2);
    const [newest] = page.items;
    t.match(await store.certificates.list(tenant, { limit: 5, serial: newest?.serial as string, status: 'valid' }), { total: 1, items: [{ id: newest?.id }] });
    t.equal((await store.certificates.list(tenant, { limit: 5, status: 'revoked' })).total, 0);
    t.equal((await store.certificates.list(newTenant(), { limit: 5 })).total, 0);
  });
}

async function summary(t: Test, { store, connection }: RawStore): Promise<void> {
  t.test('the cards count every state as the design says', async (t) => {
    const tenant = newTenant();
    const orders: NewOrder[] = [];
    for (const state of orderStates)
      orders.push(await orderIn(store.orders, tenant, state, newOrder({ accountIdentity: Buffer.alloc(32, 1), profileId: tenant.tenantId })));
    const cards = await store.orderReader.summary(tenant, 'scep', '24h');
    t.match(cards, { totalOrders: 14, activeOrders: 6, failedOrders: 2, activeFailedOrders: 3, activeAccounts: 1 });
    t.equal(cards.successRate, 62.5, '5 issued of 8 that are over');
    t.ok(cards.averageProcessingMs !== null && cards.averageProcessingMs >= 0);
    const failed = orders[orderStates.indexOf('FAILED')]?.id as string;
    t.equal(await store.orders.acknowledge(tenant, failed), true);
    t.equal(await store.orders.acknowledge(tenant, orders[0]?.id as string), false);
    t.equal(await store.orders.acknowledge(newTenant(), failed), false);
    t.match(await store.orderReader.summary(tenant, 'scep', '24h'), { failedOrders: 2, activeFailedOrders: 2 });
    t.match(await store.orderReader.find(tenant, failed), { acknowledgedAt: Date });
    await sql`update orders set created_at = created_at - interval '8 days' where tenant_id = ${tenant.tenantId}`.execute(connection.kysely);
    t.match(await summarise(connection, tenant, 'scep', '7d'), { totalOrders: 0, activeOrders: 6, successRate: null, averageProcessingMs: null });
    t.match(await summarise(connection, tenant, 'scep', '30d'), { totalOrders: 14 });
    t.match(await summarise(connection, tenant, 'cmp', '30d'), { totalOrders: 0, activeOrders: 0 });
  });

  t.test('waiting for an administrator does not count as processing', async (t) => {
    const tenant = newTenant();
    const order = await orderIn(store.orders, tenant, 'AWAITING_APPROVAL', newOrder({ receivedAt: new Date(Date.now() - 3_600_000) }));
    await store.orders.move(tenant, order.id, ['AWAITING_APPROVAL'], 'ACCEPTED', 'known device');
    await store.orders.move(tenant, order.id, ['ACCEPTED'], 'FAILED', 'no CA');
    const { averageProcessingMs } = await store.orderReader.summary(tenant, 'scep', '24h');
    t.ok(averageProcessingMs !== null && averageProcessingMs < 3_000_000);
  });
}

async function retention(t: Test, { store, connection }: RawStore): Promise<void> {
  t.test('a transaction is forgotten a day after its order ended, an open one never', async (t) => {
    const tenant = newTenant();
    const [over, open, ended] = [
      await orderIn(store.orders, tenant, 'ISSUED'),
      await orderIn(store.orders, tenant, 'ACCEPTED'),
      await orderIn(store.orders, tenant, 'ACCEPTED'),
    ];
    const retained = async (order: { dedupeKey: Buffer }) =>
      (
        await sql<{ hours: number | null }>`select round(extract(epoch from retained_until - now()) / 3600)::float8 as hours from transactions
        where dedupe_key = ${order.dedupeKey}`.execute(connection.kysely)
      ).rows[0]?.hours;
    t.equal(await retained(over), 24);
    t.equal(await retained(open), null);
    await store.orders.move(tenant, ended.id, ['ACCEPTED'], 'FAILED', 'x');
    t.equal(await retained(ended), 24);
    await sql`update transactions set retained_until = retained_until - interval '25 hours' where tenant_id = ${tenant.tenantId}`.execute(connection.kysely);
    t.equal(await store.orders.forgetTransactions(system), 2);
    t.equal(await store.orders.findTransaction(tenant, over.dedupeKey), undefined);
    t.ok(await store.orders.findTransaction(tenant, open.dedupeKey));
    t.ok(await store.orderReader.find(tenant, over.id), 'the order itself stays');
    t.equal((await store.orders.settleIssued(tenant, { ...over, id: uuidv7() }, newCertificate(), 'issuing')).kind, 'recorded', 'and its key is free');
  });

  t.test('a sealed value that was moved to another row does not open', async (t) => {
    for (const id of ['a', 'b']) await store.engine.addCa({ id, certificate: Buffer.from(id), privateKey: Buffer.from(`key ${id}`), parentId: id });
    t.same(
      (await store.engine.listCas()).map(({ privateKey }) => privateKey.toString()),
      ['key a', 'key b'],
    );
    await sql`update engine_cas set ciphertext = (select ciphertext from engine_cas other where other.id <> engine_cas.id)`.execute(connection.kysely);
    await t.rejects(store.engine.listCas(), { message: 'A secret in engine_cas (row a) cannot be opened: damaged.' });
  });
}
