import { randomBytes } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import t, { type Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import type { Connection } from '../../src/store/connection/connection.js';
import { newCertificate, newOrder, newTenant, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

const open = 100_000;
t.setTimeout(400_000);

// One connection: PostgreSQL counts scans for each connection, and adds up what an idle one has counted only after seconds.
for (const raw of await rawStores(1)) {
  t.test(raw.name, async (t) => {
    t.setTimeout(300_000);
    t.teardown(raw.close);
    // In PGlite so many rows take minutes to write, and its planner is that of PostgreSQL.
    if (raw.store.kind === 'postgres') await openTransactions(t, raw);
    if (raw.store.kind === 'postgres') await manyRevocations(t, raw);
    await givenUp(t, raw);
  });
}

const watched = ['orders', 'order_work', 'transactions', 'outbox'] as const;

/** Scans of whole tables so far, with what this connection has counted. */
async function scans({ kysely }: Connection): Promise<Record<string, number>> {
  await sql`select pg_stat_force_next_flush()`.execute(kysely);
  const { rows } = await sql<{ relname: string; n: number }>`select relname, seq_scan::float8 as n from pg_stat_user_tables
    where relname in (${sql.join(watched)})`.execute(kysely);
  return Object.fromEntries(rows.map(({ relname, n }) => [relname, n]));
}

/** As many more rows like those that `which` finds; columns named in `change` differ. */
async function multiply(
  { kysely }: Connection,
  table: string,
  which: RawBuilder<unknown>,
  change: Readonly<Record<string, RawBuilder<unknown>>>,
): Promise<void> {
  const { rows } = await sql<{ name: string }>`select column_name as name from information_schema.columns
    where table_name = ${table} and is_generated = 'NEVER' order by ordinal_position`.execute(kysely);
  const columns = sql.join(rows.map(({ name }) => sql.ref(name)));
  const values = sql.join(rows.map(({ name }) => change[name] ?? sql`model.${sql.ref(name)}`));
  for (let at = 0; at < open; at += 2_000) {
    await sql`insert into ${sql.table(table)} (${columns}) select ${values} from ${sql.table(table)} model, generate_series(${at + 1}::int, ${at + 2_000}::int) as n
      where ${which}`.execute(kysely);
  }
}

const idOf = sql`md5('open ' || n)::uuid`;
const keyOf = sql`sha256(('open ' || n)::bytea)`;

async function openTransactions(t: Test, { store, connection }: RawStore): Promise<void> {
  await t.test(`${open} open transactions: each is found by its key, and those that are over without a scan of the others`, async (t) => {
    const { kysely } = connection;
    const tenant = newTenant();
    const model = newOrder({ protocol: 'cmp' });
    await store.orders.record(tenant, model, 'AWAITING_APPROVAL');
    await multiply(connection, 'orders', sql`model.id = ${model.id}`, { id: idOf, dedupe_key: keyOf, transaction_id: sql`md5('id ' || n)` });
    await multiply(connection, 'order_work', sql`model.order_id = ${model.id}`, {
      order_id: idOf,
      deadline: sql`now() + interval '1 day' + (n || ' seconds')::interval`,
    });
    await multiply(connection, 'transactions', sql`model.order_id = ${model.id}`, { order_id: idOf, dedupe_key: keyOf, transaction_id: sql`md5('id ' || n)` });
    const late = [1, 2, 3].map(() => newOrder({ protocol: 'cmp', deadline: new Date(Date.now() - 1_000) }));
    for (const order of late) await store.orders.record(tenant, order, 'AWAITING_APPROVAL');
    const dead = newOrder({ protocol: 'cmp' });
    await store.orders.record(tenant, dead, 'ACCEPTED');
    await store.orders.claim(system, dead.id, 1);
    const forgotten = newOrder({ protocol: 'cmp' });
    await store.orders.record(tenant, forgotten, { state: 'REJECTED', failInfo: 'order-rejected', failReason: 'test' });
    await sql`update transactions set retained_until = now() - interval '1 hour' where dedupe_key = ${forgotten.dedupeKey}`.execute(kysely);
    for (const table of watched) await sql`analyze ${sql.table(table)}`.execute(kysely);
    const before = await scans(connection);

    const scanned = async (name: string) => t.same(await scans(connection), before, name);
    t.equal((await store.orders.findTransaction(tenant, model.dedupeKey))?.order.id, model.id);
    const [byName] = await store.orders.findTransactions(tenant, model.profileId, model.transactionId);
    t.equal(byName?.order.id, model.id);
    await store.orders.updateSession(tenant, model.dedupeKey, { polls: 1 });
    await scanned('what devices ask for');
    t.equal(await store.orders.expire(system), 3);
    await scanned('orders past their deadline');
    t.equal(await store.orders.reapLeases(system), 1);
    await scanned('leases that ended');
    t.equal(await store.orders.forgetTransactions(system), 1);
    await scanned('transactions past their retention');
    t.same(await store.orders.due(system, 'issue', 10), []);
    await scanned('work that is due');

    // Of the statements above, for which seq_scan alone would not tell an index that is read from end to end.
    const plan = async (query: RawBuilder<unknown>) =>
      (await sql<{ 'QUERY PLAN': string }>`explain ${query}`.execute(kysely)).rows.map((row) => row['QUERY PLAN']).join('\n');
    const key = randomBytes(32);
    t.match(await plan(sql`select session from transactions where dedupe_key = ${key}`), /transactions_pkey/);
    t.match(await plan(sql`select session from transactions where transaction_id = 'x'`), /transactions_transaction_idx/);
    const searched = (name: string) => new RegExp(`${name}[^\\n]*\\n\\s*Index Cond: `);
    const work = (which: RawBuilder<unknown>, by: RawBuilder<unknown>) =>
      plan(sql`select w.order_id from order_work w join orders o on o.id = w.order_id where o.state = 'ACCEPTED' and ${which} order by ${by} limit 200`);
    t.match(await work(sql`w.deadline < now()`, sql`w.deadline`), searched('order_work_deadline_idx'));
    t.match(await work(sql`w.lease_until < now()`, sql`w.lease_until`), searched('order_work_lease_idx'));
    t.match(await work(sql`w.next_attempt_at <= now()`, sql`w.next_attempt_at`), searched('order_work_next_attempt_idx'));
  });
}

async function revoking({ store }: RawStore) {
  const tenant = newTenant();
  const [order, certificate] = [newOrder({ protocol: 'cmp' }), newCertificate()];
  await store.orders.settleIssued(tenant, order, certificate, 'issuing');
  await store.orders.move(tenant, order.id, ['ISSUED'], 'REVOKE_WANTED', 'test', 1);
  return { tenant, order };
}

async function manyRevocations(t: Test, raw: RawStore): Promise<void> {
  const { store, connection } = raw;
  await t.test(`among ${open} revocations under way that of an order is found by index`, async (t) => {
    const { tenant, order } = await revoking(raw);
    await multiply(connection, 'outbox', sql`model.id = (select id from outbox where payload->>'orderId' = ${order.id})`, {
      id: idOf,
      payload: sql`jsonb_build_object('orderId', md5('open ' || n)::uuid, 'certificateId', null, 'orphanId', null, 'reason', 0)`,
      next_attempt_at: sql`now() + interval '1 day'`,
    });
    await sql`analyze outbox`.execute(connection.kysely);
    const before = await scans(connection);
    t.same(await store.revocations.underWay(tenant, [order.id, uuidv7()]), [{ orderId: order.id, isGivenUp: false }]);
    const [due] = await store.revocations.claimOf(tenant, [order.id], 1_000);
    t.equal(due?.orderId, order.id);
    t.equal((await scans(connection)).outbox, before.outbox, 'no scan of the outbox');
    await sql`delete from outbox where next_attempt_at > now() + interval '1 hour'`.execute(connection.kysely);
  });
}

async function givenUp(t: Test, raw: RawStore): Promise<void> {
  const { store } = raw;
  await t.test('CMP-189 a revocation that was given up is asked for no more, shows why, and goes on when an operator says so', async (t) => {
    const { tenant, order } = await revoking(raw);
    const claim = async () => (await store.revocations.claim(system, 1_000, 1)).find((item) => item.orderId === order.id);
    const due = await claim();
    if (due === undefined) throw new Error('nothing is due');
    t.ok(Math.abs(Date.now() - due.since.getTime()) < 60_000);
    await store.revocations.giveUp(due, 'The CA did not take it: no such certificate.');
    await store.revocations.giveUp(due, 'again');
    t.equal(await claim(), undefined);
    t.match(await store.orderReader.find(tenant, order.id), { state: 'REVOKE_WANTED', failReason: 'The CA did not take it: no such certificate.' });
    t.match((await store.orderReader.timeline(tenant, order.id)).at(-1), { state: 'REVOKE_WANTED', detail: /no such certificate/ });
    t.same(await store.revocations.underWay(tenant, [order.id]), [{ orderId: order.id, isGivenUp: true }]);
    t.equal(await store.givenUpRevocations.retry(newTenant(), order.id), false, 'not by another tenant');
    t.equal(await store.givenUpRevocations.retry(tenant, order.id), true);
    t.equal(await store.givenUpRevocations.retry(tenant, order.id), false, 'nothing is given up any more');
    t.match(await store.orderReader.find(tenant, order.id), { state: 'REVOKE_WANTED', failReason: null });
    const again = await claim();
    if (again === undefined) throw new Error('it is not asked again');
    await store.revocations.giveUp(again, 'still not');
    t.equal(await store.givenUpRevocations.close(newTenant(), order.id, 'x'), false);
    t.equal(await store.givenUpRevocations.close(tenant, order.id, 'Revoked at the CA by hand.'), true);
    t.match(await store.orderReader.find(tenant, order.id), { state: 'REVOKED', failReason: null });
    t.same(await store.revocations.underWay(tenant, [order.id]), []);
    t.match((await store.orderReader.timeline(tenant, order.id)).at(-1), { state: 'REVOKED', detail: 'Revoked at the CA by hand.' });
    t.equal(await store.givenUpRevocations.close(tenant, 'x', 'no id'), false);
  });
}
