import type { PGlite } from '@electric-sql/pglite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import { enterTenant, leaveTenant } from './tenant-session.js';

const oid = { bytea: 17, int8: 20 };

/** As `pg` is configured here: Buffers, and 64-bit counters as numbers (they stay far below 2^53). */
const parsers = {
  [oid.bytea]: (text: string) => Buffer.from(text.slice(2), 'hex'),
  [oid.int8]: (text: string) => Number(text),
};

/** PGlite has one connection: whoever acquires it keeps it until released, which makes transactions queue. `tenantId`: behind whose wall. */
export function pgliteDialect(pglite: PGlite, turns: Turns, tenantId?: string): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => (tenantId === undefined ? pgliteDriver(pglite, turns) : driverBehind(pglite, turns, tenantId)),
    createIntrospector: (kysely: Kysely<unknown>) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

function pgliteDriver(pglite: PGlite, turns: Turns): Driver {
  const connection = pgliteConnection(pglite);
  const run = async (connection: DatabaseConnection, text: string) => {
    await connection.executeQuery(CompiledQuery.raw(text));
  };
  return {
    init: async () => undefined,
    acquireConnection: () => turns.enter(connection),
    beginTransaction: (connection) => run(connection, 'begin'),
    commitTransaction: (connection) => run(connection, 'commit'),
    rollbackTransaction: (connection) => run(connection, 'rollback'),
    releaseConnection: async () => turns.leave(),
    destroy: () => pglite.close(),
  };
}

/** In and out of the wall with each turn; whoever made the database closes it. */
function driverBehind(pglite: PGlite, turns: Turns, tenantId: string): Driver {
  const open = pgliteDriver(pglite, turns);
  return {
    ...open,
    async acquireConnection() {
      const connection = await open.acquireConnection();
      try {
        await pglite.query(enterTenant, [tenantId]);
      } catch (error) {
        turns.leave();
        throw error;
      }
      return connection;
    },
    async releaseConnection() {
      await pglite.query(leaveTenant).finally(() => turns.leave());
    },
    destroy: async () => undefined,
  };
}

function pgliteConnection(pglite: PGlite): DatabaseConnection {
  return {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      const { rows, affectedRows } = await pglite.query<Row>(sql, [...parameters], { parsers });
      return affectedRows === undefined ? { rows } : { rows, numAffectedRows: BigInt(affectedRows) };
    },
    streamQuery() {
      throw new Error('PGlite does not stream.');
    },
  };
}

/** Who is at the one connection; the others wait. */
export interface Turns {
  enter<T>(value: T): Promise<T>;
  leave(): void;
}

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let isTaken = false;
  return {
    enter<T>(value: T): Promise<T> {
      if (isTaken) return new Promise((resolve) => waiting.push(() => resolve(value)));
      isTaken = true;
      return Promise.resolve(value);
    },
    leave(): void {
      const next = waiting.shift();
      if (next === undefined) isTaken = false;
      else next();
    },
  };
}
