import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { migrations } from '../../migrations/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import type { Connection } from '../../src/store/connection/connection.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { forgetCalls, makeRoom } from '../../src/store/connector-log-partitions.js';
import { migrate } from '../../src/store/migrate.js';
import { createDatabase, isPgliteLeftOut, pgliteDirectory } from '../support/database.js';

t.setTimeout(300_000);

const log = createLog('fatal');
const dayMs = 86_400_000;
const noon = (offset: number) => new Date(Math.floor(Date.now() / dayMs) * dayMs + dayMs / 2 + offset * dayMs);

async function connections(): Promise<readonly { readonly name: string; readonly connection: Connection; close(): Promise<void> }[]> {
  const opened = [];
  if (!isPgliteLeftOut()) {
    const { dataDir, remove } = pgliteDirectory();
    const connection = await connectPglite(dataDir);
    opened.push({ name: 'PGlite', connection, close: () => connection.close().finally(remove) });
  }
  const database = await createDatabase();
  if (database !== undefined) {
    const connection = connectPostgres({ databaseUrl: database.url, applicationName: 'test', poolSize: 4, log });
    opened.push({ name: 'PostgreSQL', connection, close: () => connection.close().finally(database.drop) });
  }
  return opened;
}

async function addCall({ kysely }: Connection, at: Date): Promise<string> {
  const id = uuidv7(at.getTime());
  await sql`insert into connector_logs (id, tenant_id, connector_id, connector_version, at, level, operation, outcome, result, request_id, duration_ms, attempts, detail)
    values (${id}, ${uuidv7()}, ${uuidv7()}, 1, ${at}, 'info', 'issue', 'issued', 'ok', '', 1, 1, '')`.execute(kysely);
  return id;
}

async function whereIs({ kysely }: Connection, id: string): Promise<string | undefined> {
  const { rows } = await sql<{ name: string }>`select tableoid::regclass::text as name from connector_logs where id = ${id}`.execute(kysely);
  return rows[0]?.name;
}

const nameOf = (day: Date) => `connector_logs_${day.toISOString().slice(0, 10).replaceAll('-', '')}`;

/** As the version before the partitions left it. */
async function migrateUntilBefore({ kysely }: Connection): Promise<void> {
  await sql`create table schema_migrations (name text constraint schema_migrations_pkey primary key, applied_at timestamptz not null default now())`.execute(
    kysely,
  );
  for (const { name, statements } of migrations.filter((item) => item.name < '0028')) {
    for (const statement of statements) await sql.raw(statement).execute(kysely);
    await sql`insert into schema_migrations (name) values (${name})`.execute(kysely);
  }
}

for (const { name, connection, close } of await connections()) {
  t.test(name, async (t) => {
    t.teardown(close);
    await taken(t, connection);
    await ahead(t, connection);
    await dropped(t, connection);
  });
}

async function taken(t: Test, connection: Connection): Promise<void> {
  await t.test('what was logged before becomes the first partition; a clock that ran ahead hinders nothing', async (t) => {
    await migrateUntilBefore(connection);
    const [old, ahead] = [await addCall(connection, noon(-3)), await addCall(connection, noon(3))];
    t.ok((await migrate(connection)).ok);
    t.equal(await whereIs(connection, old), 'connector_logs_before');
    t.equal(await whereIs(connection, ahead), 'connector_logs_before');
    t.equal(await whereIs(connection, await addCall(connection, noon(5))), 'connector_logs_default');
  });
}

async function ahead(t: Test, connection: Connection): Promise<void> {
  await t.test('days are prepared ahead, once, but for those that have begun without', async (t) => {
    t.equal(await makeRoom(connection, noon(0)), 3, 'until the third day there is the first partition, the fifth has an entry already');
    t.equal(await makeRoom(connection, noon(0)), 0);
    const later = await addCall(connection, noon(6));
    t.equal(await whereIs(connection, later), nameOf(noon(6)));
    t.equal(await whereIs(connection, await addCall(connection, noon(40))), 'connector_logs_default', 'what nobody was prepared for is kept too');
    t.equal(await makeRoom(connection, noon(1)), 1, 'tomorrow there is one day more');
  });

  await t.test('nodes that prepare at once do not hinder each other', async (t) => {
    const made = await Promise.all([1, 2, 3].map(() => makeRoom(connection, noon(20))));
    t.ok(made.every((count) => count <= 8));
    await makeRoom(connection, noon(20));
    t.equal(await whereIs(connection, await addCall(connection, noon(24))), nameOf(noon(24)));
  });

  await t.test('the indexes of the log are there in every day', async (t) => {
    const { rows } = await sql<{ count: string }>`select count(*) as count from pg_index where indrelid = ${nameOf(noon(24))}::regclass`.execute(
      connection.kysely,
    );
    t.equal(Number(rows[0]?.count), 3);
  });
}

async function dropped(t: Test, connection: Connection): Promise<void> {
  await t.test('days that are over are dropped whole, the rest stays', async (t) => {
    const stays = await addCall(connection, noon(25));
    const gone = await forgetCalls(connection, 5, noon(30));
    t.equal(gone, 5, 'two of the first partition, one without a day, those of the sixth and the twenty-fourth');
    const { rows } = await sql<{ name: string | null }>`select to_regclass(${nameOf(noon(24))})::text as name`.execute(connection.kysely);
    t.equal(rows[0]?.name, null);
    t.equal(await whereIs(connection, stays), nameOf(noon(25)));
    t.equal(await forgetCalls(connection, 5, noon(30)), 0);
    const { rows: left } = await sql<{ name: string | null }>`select to_regclass('connector_logs_before')::text as name`.execute(connection.kysely);
    t.equal(left[0]?.name, null, 'the first partition is over too');
  });
}
