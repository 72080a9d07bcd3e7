import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import { createLog } from '../../src/runtime/log.js';
import { isOutage } from '../../src/runtime/outage.js';
import { lockDirectory } from '../../src/store/connection/directory-lock.js';
import { layEmptyDatabase } from '../../src/store/connection/empty-database.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres, prepareSession } from '../../src/store/connection/postgres.js';
import { describeStoreFault } from '../../src/store/fault.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type StoreOptions } from '../../src/store/open.js';
import { createDatabase } from '../support/database.js';
import { newCertificate, newOrder, newTenant } from '../support/orders.js';

const masterKey = createHash('sha256').update('master').digest();
const common = { masterKey, nodeId: 'node-1', log: createLog('fatal') };

async function open(options: Partial<StoreOptions>) {
  const opened = await openStore({ ...common, ...options });
  if (!opened.ok) throw new Error(describeStoreFault(opened.error));
  return opened.value;
}

const isMade = existsSync(new URL('../../dist/empty-database/PG_VERSION', import.meta.url));
const unmade = isMade ? {} : { skip: 'the build has not made an empty database: npm run build' };

t.test('an empty database is laid into an empty directory only, whatever a start that died left beside it', unmade, (t) => {
  const parent = t.testdir({ fresh: {}, 'fresh.new': { PG_VERSION: 'half', 'left-over': '' }, used: { note: 'mine' } });
  layEmptyDatabase(join(parent, 'fresh'));
  const laid = readdirSync(join(parent, 'fresh'));
  t.ok(laid.includes('PG_VERSION'));
  t.notOk(laid.includes('left-over'));
  t.not(readFileSync(join(parent, 'fresh', 'PG_VERSION'), 'utf8'), 'half');
  t.equal(statSync(join(parent, 'fresh')).mode & 0o777, 0o700);
  t.notOk(existsSync(join(parent, 'fresh.new')));
  layEmptyDatabase(join(parent, 'used'));
  t.strictSame(readdirSync(join(parent, 'used')), ['note']);
  t.end();
});

t.test('one directory', async (t) => {
  const parent = t.testdir({});
  const dataDir = join(parent, 'made', 'database');
  const tenant = newTenant();
  const order = newOrder();

  await t.test('is made at the first start and keeps its rows over a close', async (t) => {
    const store = await open({ dataDir });
    t.ok(existsSync(`${dataDir}.lock`), 'the lock lies beside it');
    t.ok(Math.abs((await store.databaseNow()).getTime() - Date.now()) < 60_000);
    await store.ping();
    await store.orders.settleIssued(tenant, order, newCertificate(), 'issuing');
    store.orders.noteDelivered(tenant, order.id, 'DELIVERED');
    store.refusals.note({ reason: 'throttled', tenantId: null, profileId: null, source: '192.0.2.9', clientFamily: 'x', detail: '' });
    await store.close();
    await store.close();
    t.notOk(existsSync(`${dataDir}.lock`));
  });

  await t.test('refuses a second opener while the first has it, under any of its names', async (t) => {
    const store = await open({ dataDir });
    t.match(await store.orderReader.find(tenant, order.id), { state: 'DELIVERED' }, 'closing wrote what was noted');
    t.equal((await store.refusals.list({ tenantId: null, actor: 'x' }, { limit: 5 })).total, 1);
    const second = await openStore({ ...common, dataDir: `${dataDir}/../database/` });
    t.match(second, { ok: false, error: { kind: 'directory-locked', holder: 'this process' } });
    if (!second.ok) t.match(describeStoreFault(second.error), 'is in use by this process');
    await store.close();
  });

  await t.test('F21 refuses another master key before it writes anything', async (t) => {
    const wrong = { ...common, masterKey: Buffer.alloc(32, 9), dataDir };
    t.same(await openStore(wrong), { ok: false, error: { kind: 'wrong-master-key' } });
    t.match(describeStoreFault({ kind: 'wrong-master-key' }), 'The master key is not the one');
    const store = await open({ dataDir });
    t.ok(await store.orderReader.find(tenant, order.id));
    await store.close();
  });

  await t.test('F22 refuses a schema that a newer program made', async (t) => {
    const connection = await connectPglite(dataDir);
    await sql`insert into schema_migrations (name) values ('9999-from-the-future')`.execute(connection.kysely);
    await connection.close();
    const refused = await openStore({ ...common, dataDir });
    t.same(refused, { ok: false, error: { kind: 'schema-newer', migration: '9999-from-the-future' } });
    if (!refused.ok) t.match(describeStoreFault(refused.error), '9999-from-the-future');
  });
});

t.test('the lock of a directory', async (t) => {
  const directory = join(t.testdir({}), 'database');
  const file = `${directory}.lock`;
  const startOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? null;

  await t.test('held by a running process, refuses', async (t) => {
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    t.teardown(() => other.kill('SIGKILL'));
    const startedAt = existsSync('/proc/self/stat') ? startOf(other.pid as number) : null;
    writeFileSync(file, JSON.stringify({ pid: other.pid, host: hostname(), startedAt }));
    t.same(await lockDirectory(directory), { ok: false, error: { file, holder: `process ${other.pid} on ${hostname()}` } });
    const gone = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await gone;
    const taken = await lockDirectory(directory);
    t.equal(taken.ok, true, 'and is taken over when that process is gone');
    if (taken.ok) taken.value.release();
    t.notOk(existsSync(file));
  });

  await t.test('is free when another process has got the pid since', async (t) => {
    if (!existsSync('/proc/self/stat')) return t.pass('this system does not tell start times');
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname(), startedAt: '1' }));
    const taken = await lockDirectory(directory);
    t.equal(taken.ok, true);
    if (taken.ok) taken.value.release();
  });

  await t.test('of another host, or unreadable, is never taken over', async (t) => {
    writeFileSync(file, JSON.stringify({ pid: 1, host: 'elsewhere', startedAt: '1' }));
    t.match(await lockDirectory(directory), { ok: false, error: { holder: 'process 1 on elsewhere' } });
    writeFileSync(file, '');
    t.match(await lockDirectory(directory), { ok: false, error: { holder: 'an unknown process' } });
    t.ok(existsSync(file));
  });

  await t.test('left by a dead process, goes to one of many', async (t) => {
    writeFileSync(file, JSON.stringify({ pid: 2 ** 30, host: hostname(), startedAt: '1' }));
    const tries = await Promise.all(Array.from({ length: 5 }, () => lockDirectory(directory)));
    t.equal(tries.filter(({ ok }) => ok).length, 1);
    for (const taken of tries) if (taken.ok) taken.value.release();
  });
});

t.test('a directory that cannot be used is a fault, not an exception', async (t) => {
  const parent = t.testdir({ file: 'x' });
  t.match(await openStore({ ...common, dataDir: join(parent, 'file', 'database') }), { ok: false, error: { kind: 'directory-unusable' } });
  t.match(await openStore({ ...common, dataDir: join(parent, 'file') }), { ok: false, error: { kind: 'directory-unusable' } });
  if (process.getuid?.() === 0) return t.pass('root may write everywhere');
  const sealed = join(parent, 'sealed');
  mkdirSync(sealed, { mode: 0o500 });
  t.match(await openStore({ ...common, dataDir: join(sealed, 'database') }), { ok: false, error: { kind: 'directory-unusable' } });
  chmodSync(sealed, 0o700);
});

t.test('F2 a database that is not there is a fault without its password', async (t) => {
  const databaseUrl = 'postgres://user:hush-hush@127.0.0.1:1/nothing';
  const refused = await openStore({ ...common, databaseUrl });
  t.match(refused, { ok: false, error: { kind: 'database-unreachable' } });
  if (!refused.ok) t.notMatch(describeStoreFault(refused.error), 'hush-hush');
});

t.test('on PostgreSQL', async (t) => {
  const database = await createDatabase();
  if (database === undefined) return t.pass('TEST_DATABASE_URL is not set');
  t.teardown(database.drop);
  const databaseUrl = database.url;

  await t.test('many nodes open one new database at once', async (t) => {
    const stores = await Promise.all([1, 2, 3].map((node) => open({ databaseUrl, nodeId: `node-${node}` })));
    t.equal(stores.length, 3);
    await Promise.all(stores.map((store) => store.close()));
  });

  await t.test('F21 another master key is refused', async (t) => {
    t.same(await openStore({ ...common, masterKey: Buffer.alloc(32, 9), databaseUrl }), { ok: false, error: { kind: 'wrong-master-key' } });
  });

  await t.test('commits are on disk before anyone hears of them, whatever the server defaults to', async (t) => {
    const name = new URL(databaseUrl).pathname.slice(1);
    const options = { databaseUrl, applicationName: 'test', poolSize: 1, log: common.log };
    const first = connectPostgres(options);
    await sql`alter database ${sql.ref(name)} set synchronous_commit = off`.execute(first.kysely);
    await first.close();
    const second = connectPostgres(options);
    const { rows } = await sql`show synchronous_commit`.execute(second.kysely);
    await second.close();
    t.same(rows, [{ synchronous_commit: 'on' }]);
  });

  await t.test('F3 a connection that is cut under a transaction is replaced and the transaction repeated', async (t) => {
    const store = await open({ databaseUrl });
    const killer = connectPostgres({ databaseUrl, applicationName: 'killer', poolSize: 1, log: common.log });
    t.teardown(async () => {
      await store.close();
      await killer.close();
    });
    const tenant = newTenant();
    const orders = Array.from({ length: 200 }, () => newOrder());
    const cut = sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'gatehouse%'`;
    const working = Promise.all(orders.map((order) => store.orders.settleIssued(tenant, order, newCertificate(), 'issuing')));
    const waiting = Promise.all(orders.map(() => store.orders.record(tenant, newOrder(), 'ACCEPTED')));
    for (let round = 0; round < 3; round += 1) {
      await cut.execute(killer.kysely);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    t.ok((await working).every(({ kind }) => kind === 'recorded'));
    t.ok((await waiting).every(({ kind }) => kind === 'recorded'));
    t.equal((await store.orderReader.list(tenant, { limit: 1 })).total, 400);
    const gaps = sql`select boot_id from audit_events group by boot_id having count(*) <> max(node_seq)`;
    t.same((await gaps.execute(killer.kysely)).rows, [], 'and the audit trail has no gap');
  });

  await t.test('F2 a lock or a statement that takes too long, and a server without writes, are told as an outage', async (t) => {
    const store = await open({ databaseUrl });
    const other = connectPostgres({ databaseUrl, applicationName: 'other', poolSize: 2, log: common.log });
    t.teardown(async () => {
      await store.close();
      await other.close();
    });
    const tenant = newTenant();
    const failure = (order = newOrder()) =>
      store.orders.settleIssued(tenant, order, newCertificate(), 'issuing').then(
        () => 'recorded',
        (error: { readonly code?: string }) => (isOutage(error) ? error.code : error),
      );
    const whileLocked = (work: () => Promise<void>) =>
      other.kysely.transaction().execute(async (trx) => {
        await sql`lock table transactions in access exclusive mode`.execute(trx);
        await work();
      });

    await whileLocked(async () => void t.same(await failure(), '55P03', 'the lock was waited for two seconds'));
    await whileLocked(async () => {
      const failing = failure();
      const cancel = sql<{ done: boolean }>`select pg_cancel_backend(pid) as done from pg_stat_activity
        where datname = current_database() and application_name like 'gatehouse%' and wait_event_type = 'Lock'`;
      while ((await cancel.execute(other.kysely)).rows.length === 0);
      t.same(await failing, '57014');
    });
    t.equal(await failure(), 'recorded', 'and afterwards all is well');

    const name = sql.ref(new URL(databaseUrl).pathname.slice(1));
    await sql`alter database ${name} set default_transaction_read_only = on`.execute(other.kysely);
    const readOnly = await openStore({ ...common, databaseUrl });
    t.match(readOnly, { ok: false, error: { kind: 'database-unreachable', reason: /read-only/ } });
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'gatehouse%'`.execute(
      other.kysely,
    );
    t.same(await failure(), '25006');
    await t.rejects(store.ping(), /takes no writes/, 'which makes the node unready');
    await sql`begin read write; alter database ${name} reset default_transaction_read_only; commit`.execute(other.kysely);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'gatehouse%'`.execute(
      other.kysely,
    );
    t.equal(await failure(), 'recorded');
    await store.ping();
  });

  await t.test('F24 a standby is not used: the next connection looks for the primary again', async (t) => {
    const session = (isStandby: boolean) => ({ query: async () => ({ rows: [{ is_standby: isStandby }] }) }) as unknown as Parameters<typeof prepareSession>[0];
    await prepareSession(session(false));
    const refused = await prepareSession(session(true)).catch((error: unknown) => error);
    t.match(refused, { code: '25006', message: /standby/ });
    t.ok(isOutage(refused));
  });

  await t.test('F22 a schema that a newer program made is refused', async (t) => {
    const connection = connectPostgres({ databaseUrl, applicationName: 'test', poolSize: 1, log: common.log });
    t.teardown(connection.close);
    await sql`insert into schema_migrations (name) values ('9999-from-the-future')`.execute(connection.kysely);
    t.match(await openStore({ ...common, databaseUrl }), { ok: false, error: { kind: 'schema-newer' } });
    t.match(await migrate(connection), { ok: false, error: { kind: 'schema-newer' } });
  });
});
