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

const oid = { bytea: 17, int8: 20 };

/** As `pg` is configured here: Buffers, and 64-bit counters as numbers (they stay far below 2^53). */
const parsers = {
  [oid.bytea]: (text: string) => Buffer.from(text.slice(2), 'hex'),
  [oid.int8]: (text: string) => Number(text),
};

/** PGlite has one connection: whoever acquires it keeps it until released, which makes transactions queue. */
export function pgliteDialect(pglite: PGlite): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => pgliteDriver(pglite),
    createIntrospector: (kysely: Kysely<unknown>) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

function pgliteDriver(pglite: PGlite): Driver {
  const queue = createQueue();
  const connection = pgliteConnection(pglite);
  const run = async (connection: DatabaseConnection, text: string) => {
    await connection.executeQuery(CompiledQuery.raw(text));
  };
  return {
    init: async () => undefined,
    acquireConnection: () => queue.enter(connection),
    beginTransaction: (connection) => run(connection, 'begin'),
    commitTransaction: (connection) => run(connection, 'commit'),
    rollbackTransaction: (connection) => run(connection, 'rollback'),
    releaseConnection: async () => queue.leave(),
    destroy: () => pglite.close(),
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

function createQueue() {
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
