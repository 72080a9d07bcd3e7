import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { Tables } from '../tables.js';
import { retrying } from './transient.js';

/** A database as the rest of the room uses it, PostgreSQL or PGlite alike. */
export interface Connection {
  readonly kind: 'postgres' | 'pglite';
  readonly kysely: Kysely<Tables>;
  /** One statement by itself. PostgreSQL parses and plans it once per connection and `name`. */
  prepared<Row>(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]>;
  /** The same database behind the wall of a tenant: whatever a query asks for, it sees and writes that tenant's rows alone. */
  behind(tenantId: string): Connection;
  close(): Promise<void>;
}

/** Either the database itself or a transaction on it. */
export type Executor = Kysely<Tables> | Transaction<Tables>;

/**
 * One transaction, tried again as a whole after a lost race or a lost connection. `isRetry` tells that an earlier try may have
 * been committed without our hearing of it, so that `work` can recognise its own traces.
 */
export function transact<T>(connection: Connection, work: (trx: Transaction<Tables>, isRetry: boolean) => Promise<T>): Promise<T> {
  return retrying((attempt) => connection.kysely.transaction().execute((trx) => work(trx, attempt > 0)));
}

/** Rows of one query, tried again like `transact`; only for reads and for writes that may happen twice. */
export async function rowsOf<Row>(connection: Connection, query: RawBuilder<Row>): Promise<readonly Row[]> {
  return (await retrying(() => query.execute(connection.kysely))).rows;
}

export async function firstOf<Row>(connection: Connection, query: RawBuilder<Row>): Promise<Row | undefined> {
  return (await rowsOf(connection, query))[0];
}
