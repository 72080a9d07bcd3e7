import { sql, type Transaction } from 'kysely';
import { type Migration, migrations } from '../../migrations/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Connection, Executor } from './connection/connection.js';
import type { StoreFault } from './fault.js';
import type { Tables } from './tables.js';

/** Any constant: who holds it migrates, the others wait. */
const migrationLock = 7_243_392_100;

/** The names of the steps that ran on this database, in order; empty for a new one. */
export async function appliedMigrations(executor: Executor): Promise<readonly string[]> {
  const { rows } = await sql<{ exists: boolean }>`select to_regclass('schema_migrations') is not null as exists`.execute(executor);
  if (rows[0]?.exists !== true) return [];
  return (await sql<{ name: string }>`select name from schema_migrations order by name`.execute(executor)).rows.map(({ name }) => name);
}

/** `schema-newer` when the database has a step this program does not know. */
export function checkSchema(applied: readonly string[], known: readonly Migration[] = migrations): Result<true, StoreFault> {
  const unknown = applied.find((name) => !known.some((migration) => migration.name === name));
  return unknown === undefined ? ok(true) : fail({ kind: 'schema-newer', migration: unknown });
}

/** Runs the missing steps, all or none. Processes that start at once wait for each other. */
export async function migrate(connection: Connection): Promise<Result<true, StoreFault>> {
  return connection.kysely.transaction().execute(async (trx) => {
    await sql`select set_config('statement_timeout', '600000', true), set_config('lock_timeout', '120000', true)`.execute(trx);
    await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(trx);
    const applied = await appliedMigrations(trx);
    const checked = checkSchema(applied);
    if (!checked.ok) return checked;
    await sql`create table if not exists schema_migrations (
      name text constraint schema_migrations_pkey primary key, applied_at timestamptz not null default now())`.execute(trx);
    for (const migration of migrations.filter(({ name }) => !applied.includes(name))) await apply(trx, migration);
    return ok(true);
  });
}

async function apply(trx: Transaction<Tables>, migration: Migration): Promise<void> {
  for (const statement of migration.statements) await sql.raw(statement).execute(trx);
  await sql`insert into schema_migrations (name) values (${migration.name})`.execute(trx);
}
