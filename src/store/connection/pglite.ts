import { PGlite } from '@electric-sql/pglite';
import { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from '../tables.js';
import type { Connection } from './connection.js';
import { pgliteDialect } from './pglite-dialect.js';

/** Opens PGlite on a directory that is already locked by us, or on `memory://`. Must be closed in every path: an open PGlite keeps the process alive. */
export async function connectPglite(dataDir: string): Promise<Connection> {
  const pglite = await PGlite.create({ dataDir });
  const kysely = new Kysely<Tables>({ dialect: pgliteDialect(pglite) });
  return {
    kind: 'pglite',
    kysely,
    prepared: async <Row>(_name: string, text: string, values: readonly unknown[]) =>
      (await kysely.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows,
    close: () => kysely.destroy(),
  };
}
