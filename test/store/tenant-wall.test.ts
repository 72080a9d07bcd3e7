import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import t from 'tap';
import { createLog } from '../../src/runtime/log.js';
import { createSealer } from '../../src/runtime/seal.js';
import { beginBoot } from '../../src/store/audit.js';
import { type Connection, rowsOf } from '../../src/store/connection/connection.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { migrate } from '../../src/store/migrate.js';
import { storeRooms } from '../../src/store/rooms.js';
import type { Store } from '../../src/store/store.js';
import { raiseWall, walled, wallFault } from '../../src/store/tenant-wall.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { createDatabase } from '../support/database.js';
import { rawStores } from '../support/raw-store.js';

t.setTimeout(600_000);

const log = createLog('silent');
const run = promisify(execFile);
const one = '01890000-0000-7000-8000-00000000000a';
const two = '01890000-0000-7000-8000-00000000000b';
const ids = (count: number) => `01890000-0000-7000-8000-${String(count).padStart(12, '0')}`;

/** Two tenants, each with a connector, its secret, a profile and a user. */
async function populate(store: Store): Promise<void> {
  for (const [at, id] of [one, two].entries()) {
    const context = tenantContext(id, 'cli');
    await store.tenants.create(systemContext('cli'), { id, name: `T${at}`, slug: `t${at}`, status: 'active' });
    const config = { url: 'https://ca.example.test', clientId: 'c', dialect: 'crypto-engine-v1', timeoutMs: 1_000, maxProcessingMs: 1_000, concurrency: 1 };
    const connector = { id: ids(10 + at), type: 'crypto-engine', name: 'C', description: '', status: 'active', config, secrets: {} } as const;
    await store.connectors.create(context, connector);
    const user = { id: ids(20 + at), username: `user${at}`, email: null, displayName: '', roles: ['viewer'], tenantIds: [id], status: 'active' } as const;
    await store.users.create(systemContext('cli'), { ...user, passwordHash: null, mustChangePassword: false, identity: null });
  }
}

/** Tables with a column that says whose a row is. */
async function tenantTables(connection: Connection): Promise<readonly string[]> {
  const rows = await rowsOf(
    connection,
    sql<{ name: string }>`select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  );
  return rows.map(({ name }) => name);
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? 'no code',
  );

for (const { name, store, connection, close } of await rawStores(4)) {
  t.test(`the second wall between tenants, in the database: ${name}`, async (t) => {
    t.teardown(close);
    await populate(store);
    t.equal(await raiseWall(connection), undefined, 'it stands');
    t.equal(await raiseWall(connection), undefined, 'and is left as it is when it stands');
    t.equal(await wallFault(connection), undefined);
    const behind = connection.behind(one);
    const tables = await tenantTables(connection);
    const closed = ['sessions'];

    await t.test('a query that forgets its tenant finds no other one', async (t) => {
      t.ok(tables.length > 20, `${tables.length} tables`);
      for (const table of tables) {
        const asked = sql<{ tenant_id: string | null }>`select * from ${sql.table(table)}`;
        if (closed.includes(table)) t.equal(await codeOf(rowsOf(behind, asked)), '42501', `${table} is closed`);
        else
          t.ok(
            (await rowsOf(behind, asked)).every(({ tenant_id }) => tenant_id === one),
            table,
          );
      }
      const seen = async (table: string) => (await rowsOf(behind, sql`select * from ${sql.table(table)}`)).length;
      t.same([await seen('tenants'), await seen('connectors'), await seen('users'), await seen('audit_events')], [1, 1, 1, 3], 'its own are there');
      t.same((await rowsOf(connection, sql`select 1 from connectors`)).length, 2, 'the system sees both');
    });

    await t.test('nor does it change, remove or make what is another one’s', async (t) => {
      t.same(await rowsOf(behind, sql`update connectors set name = 'mine' where tenant_id = ${two} returning 1`), []);
      t.same(await rowsOf(behind, sql`delete from connectors where tenant_id = ${two} returning 1`), []);
      t.equal(await codeOf(rowsOf(behind, sql`update connectors set tenant_id = ${two}`)), '42501', 'none is given away');
      t.equal(await codeOf(rowsOf(behind, sql`insert into accounts (id, tenant_id, profile_id, label) values (${ids(1)}, ${two}, ${ids(1)}, '')`)), '42501');
      for (const table of ['settings', 'audit_keys', 'engine_cas', 'engine_ocsp_signers']) {
        t.equal(await codeOf(rowsOf(behind, sql`select 1 from ${sql.table(table)}`)), '42501', `${table} is closed`);
      }
    });

    await t.test('connections do not stay behind it', async (t) => {
      const whose = (at: Connection) => rowsOf(at, sql<{ tenant: string | null }>`select nullif(current_setting('gatehouse.tenant', true), '') as tenant`);
      const at = [connection, connection.behind(one), connection.behind(two)];
      const wanted = Array.from({ length: 60 }, (_, index) => [null, one, two][index % 3]);
      const found = await Promise.all(wanted.map(async (_, index) => (await whose(at[index % 3] as Connection))[0]?.tenant));
      t.same(found, wanted);
      await t.rejects(
        behind.kysely.transaction().execute((trx) => sql`select 1 / 0`.execute(trx)),
        'a transaction that fails behind it',
      );
      const { rows } = await sql<{ role: string; tables: number }>`select current_setting('role') as role, (select count(*) from connectors) as tables`.execute(
        connection.kysely,
      );
      t.same(rows, [{ role: 'none', tables: 2 }]);
    });

    await t.test('what devices and jobs ask is planned as if there were none', async (t) => {
      const plan = async (at: Connection) => JSON.stringify(await rowsOf(at, sql`explain select * from orders where id = ${one}`));
      t.notMatch(await plan(connection), /gatehouse\.tenant/);
      t.match(await plan(behind), /gatehouse\.tenant/);
    });

    await t.test('callers of one tenant meet the rooms behind it; devices, jobs and callers of every tenant do not', async (t) => {
      const forgetful = (at: Connection) => ({ all: (_context: unknown) => rowsOf(at, sql<{ tenant_id: string }>`select tenant_id from connectors`) });
      const room = walled(connection, forgetful, ['all']);
      for (const actor of [`user:${ids(20)}`, `token:${ids(21)}`]) t.same(await room.all(tenantContext(one, actor)), [{ tenant_id: one }], actor);
      for (const context of [tenantContext(one, 'device'), systemContext(`user:${ids(20)}`), tenantContext(one, 'worker:issue')]) {
        t.equal((await room.all(context)).length, 2, context.actor);
      }
    });

    await t.test('the rooms work behind it', async (t) => {
      const rooms = storeRooms(connection, await beginBoot(connection, 'walled'), createSealer(Buffer.alloc(32, 1)), log, true);
      const context = tenantContext(one, `user:${ids(20)}`);
      const query = { limit: 10 };
      t.same(
        (await rooms.connectors.list(context, query)).items.map(({ tenantId }) => tenantId),
        [one],
      );
      t.same(
        (await rooms.tenants.list(context, query)).items.map(({ id }) => id),
        [one],
      );
      t.same(
        (await rooms.users.list(context, query)).items.map(({ id }) => id),
        [ids(20)],
      );
      t.ok((await rooms.audit.list(context, query)).items.length > 0);
      const changed = await rooms.connectors.update(context, ids(10), 1, { description: 'changed' });
      t.equal(changed.ok && changed.value.description, 'changed', 'a change, with its audit event and the epoch');
      t.equal((await rooms.connectors.update(context, ids(11), 1, { description: 'changed' })).ok, false);
      const lists = [rooms.orderReader, rooms.accounts, rooms.refusals, rooms.certificates, rooms.mails, rooms.notificationRules];
      for (const { list } of lists) t.same((await list(context, query)).items, []);
      t.same((await rooms.access.listTokens(context, query)).items, []);
      t.same((await rooms.profiles.listCmp(context, query)).items, []);
      t.ok(await rooms.dashboard.read(context, 7));
      t.ok(await rooms.orderReader.summary(context, 'cmp', '30d'));
      t.same((await rooms.connectors.summary(context)).totalConnectors, 1);
    });

    await t.test('a table that is made later gets its wall at the next start', async (t) => {
      await rowsOf(connection, sql`create table later (tenant_id uuid)`);
      await rowsOf(connection, sql`insert into later values (${one}), (${two})`);
      t.equal(await codeOf(rowsOf(behind, sql`select * from later`)), '42501', 'until then nobody behind the wall sees it');
      t.equal(await raiseWall(connection), undefined);
      t.same(await rowsOf(behind, sql`select * from later`), [{ tenant_id: one }]);
    });
  });
}

t.test(
  'PostgreSQL: an owner that may not make roles is told what is missing',
  { skip: !process.env.TEST_DATABASE_URL && 'TEST_DATABASE_URL is not set' },
  async (t) => {
    const database = await createDatabase();
    if (database === undefined) return;
    const owner = `gh_${randomBytes(6).toString('hex')}`;
    const admin = connectPostgres({ databaseUrl: database.url, applicationName: 'test', poolSize: 1, log });
    await rowsOf(admin, sql.raw(`create role ${owner} login password 'x'`));
    await rowsOf(admin, sql.raw(`grant create, usage on schema public to ${owner}`));
    await rowsOf(admin, sql.raw(`do $$ begin create role gatehouse_tenant nologin; exception when duplicate_object or unique_violation then null; end $$`));
    const url = new URL(database.url);
    [url.username, url.password] = [owner, 'x'];
    const plain = connectPostgres({ databaseUrl: url.href, applicationName: 'test', poolSize: 2, log });
    t.teardown(async () => {
      await plain.close();
      await rowsOf(admin, sql.raw(`drop owned by ${owner}`));
      await rowsOf(admin, sql.raw(`drop role ${owner}`));
      await admin.close();
      await database.drop();
    });
    await migrate(plain);
    t.equal(await raiseWall(plain), 'not-member');
    const file = fileURLToPath(new URL('../../deploy/postgresql/roles.sql', import.meta.url));
    for (const time of ['once', 'and again'])
      await t.resolves(run('psql', ['-q', '-v', `owner=${owner}`, '-f', file, database.url]), `deploy/postgresql/roles.sql, ${time}`);
    t.equal(await raiseWall(plain), undefined);
    t.same(await rowsOf(plain.behind(one), sql`select * from tenants`), []);
  },
);
