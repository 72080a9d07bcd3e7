import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { uuidv7 } from '../../src/runtime/ids.js';
import { newCertificate, newOrder, newTenant, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';

const open = 100_000;
t.setTimeout(180_000);

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.setTimeout(120_000);
    t.teardown(raw.close);
    await confirmations(t, raw);
  });
}

/** What only a database shows: that the job which ends waits for confirmations reads what is late, and nothing else. */
async function confirmations(t: Test, { store, connection }: RawStore): Promise<void> {
  await t.test(`CMP-129 the late confirmations among ${open} open transactions are found by index`, async (t) => {
    const tenant = newTenant();
    const until = Date.now() + 3_600_000;
    await sql`insert into transactions (dedupe_key, order_id, tenant_id, profile_id, transaction_id, content_hash, session)
      select sha256(('open ' || n)::bytea), gen_random_uuid(), ${tenant.tenantId}::uuid, ${uuidv7()}::uuid, 'open', '\\x00',
        jsonb_build_object('confirmWait', 60, 'confirmUntil', ${until}::bigint + n) from generate_series(1, ${open}) as n`.execute(connection.kysely);
    const late = Array.from({ length: 3 }, () => newOrder({ session: { requester: 'ab', confirmWait: 60, confirmUntil: Date.now() - 1 } }));
    for (const order of late) await store.orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    for (const order of late) await store.orders.move(tenant, order.id, ['ISSUED'], 'DELIVERED', 'test');
    await sql`analyze transactions`.execute(connection.kysely);
    const scansBefore = await sequentialScans(connection);
    t.equal(await store.orders.endConfirmations(system, new Date()), 3);
    t.equal(await sequentialScans(connection), scansBefore, 'no scan of the whole table');
    await sql`select count(*) from transactions where transaction_id like 'x%'`.execute(connection.kysely);
    t.ok((await sequentialScans(connection)) > scansBefore, 'which would have been counted');
    const { rows } = await sql<{ 'QUERY PLAN': string }>`explain select dedupe_key from transactions
      where confirm_until < ${Date.now()}::bigint order by confirm_until limit 500`.execute(connection.kysely);
    t.match(rows.map((row) => row['QUERY PLAN']).join('\n'), /Index.* using transactions_confirm_idx/);
    await sql`delete from transactions where transaction_id = 'open'`.execute(connection.kysely);
  });

  await t.test('CMP-129 a transaction whose confirmation is still to be judged outlives its retention', async (t) => {
    const tenant = newTenant();
    const order = newOrder({ session: { requester: 'ab', confirmWait: 60, confirmUntil: Date.now() - 1 } });
    await store.orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    await sql`update transactions set retained_until = now() - interval '1 hour' where dedupe_key = ${order.dedupeKey}`.execute(connection.kysely);
    await store.orders.forgetTransactions(system);
    t.ok(await store.orders.findTransaction(tenant, order.dedupeKey));
    await store.orders.endConfirmations(system, new Date(Date.now() + 90_000_000));
    await store.orders.forgetTransactions(system);
    t.equal(await store.orders.findTransaction(tenant, order.dedupeKey), undefined);
  });
}

/** Counted by the server itself; written out first, since it counts per connection and in its own time. */
async function sequentialScans(connection: RawStore['connection']): Promise<number> {
  await sql`select pg_stat_force_next_flush()`.execute(connection.kysely);
  const { rows } = await sql<{ n: number }>`select seq_scan::float8 as n from pg_stat_user_tables where relname = 'transactions'`.execute(connection.kysely);
  return rows[0]?.n ?? 0;
}
