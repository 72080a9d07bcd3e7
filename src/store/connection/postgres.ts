import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../../runtime/log.js';
import type { Tables } from '../tables.js';
import type { Connection } from './connection.js';
import { poolBehind } from './tenant-session.js';

const int8 = 20;

export interface PostgresOptions {
  readonly databaseUrl: string;
  readonly applicationName: string;
  readonly poolSize: number;
  readonly log: Log;
}

/** A pool of connections. Nothing is connected yet; the first query tells whether the server is there. */
export function connectPostgres({ databaseUrl, applicationName, poolSize, log }: PostgresOptions): Connection {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: applicationName,
    max: poolSize,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    maxLifetimeSeconds: lifetimeSeconds,
    types: { getTypeParser },
    onConnect: (client) => {
      // A connection that breaks says so by an event, beside failing its query; an event nobody listens to ends the process. The
      // pool listens only while the connection is idle.
      client.on('error', (error) => log.warn({ err: error }, 'a database connection broke'));
      return prepareSession(client);
    },
  });
  pool.on('error', () => undefined);
  const open: Connection = {
    kind: 'postgres',
    kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    prepared: async <Row>(name: string, text: string, values: readonly unknown[]) =>
      (await pool.query({ name, text, values: [...values] })).rows as readonly Row[],
    behind: (tenantId) => behindWall(open, pool, tenantId),
    close: () => pool.end(),
  };
  return open;
}

function behindWall(open: Connection, pool: pg.Pool, tenantId: string): Connection {
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolBehind(pool, tenantId) }) });
  const prepared = async <Row>(_name: string, text: string, values: readonly unknown[]) =>
    (await kysely.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows;
  return { ...open, kysely, prepared, close: () => kysely.destroy() };
}

/** 64-bit counters as numbers: they stay far below 2^53. */
const getTypeParser: typeof pg.types.getTypeParser = (id: number, format?: unknown) =>
  id === int8 && format !== 'binary' ? Number : pg.types.getTypeParser(id, format as 'text');

/** Connections are made anew after this time, so that they follow a name that points to another server since. */
const lifetimeSeconds = 1_800;

/**
 * What we promise to devices must be on disk, also where the server's own default says otherwise. A standby is refused: after a failover
 * the name may still lead to the old primary, and a connection kept to it would refuse every write as long as it lives.
 */
export async function prepareSession(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const { rows } = await client.query<{ is_standby: boolean }>(`select pg_is_in_recovery() as is_standby,
    case when current_setting('synchronous_commit') in ('off', 'local') then set_config('synchronous_commit', 'on', false) end`);
  if (rows[0]?.is_standby === true) throw Object.assign(new Error('the server is a standby and takes no writes'), { code: readOnlyTransaction });
}

/** SQLSTATE read_only_sql_transaction. */
const readOnlyTransaction = '25006';
