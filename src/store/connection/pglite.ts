import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from '../tables.js';
import type { Connection } from './connection.js';
import { createTurns, pgliteDialect, type Turns } from './pglite-dialect.js';

/**
 * Bytes of its code that one of PGlite's functions runs through before the runtime compiles it a second time, optimised. By default that is a
 * tenth, and a start compiles a thousand functions that it will hardly need again: it takes half as much processor time more.
 */
setFlagsFromString('--wasm-tiering-budget=20000000');

/** Opens PGlite on a directory that is already locked by us, or on `memory://`. Must be closed in every path: an open PGlite keeps the process alive. */
export async function connectPglite(dataDir: string): Promise<Connection> {
  const pglite = await PGlite.create({ dataDir });
  return pgliteConnection(pglite, createTurns());
}

/** All connections of one PGlite share its `turns`. */
function pgliteConnection(pglite: PGlite, turns: Turns, tenantId?: string): Connection {
  const kysely = new Kysely<Tables>({ dialect: pgliteDialect(pglite, turns, tenantId) });
  return {
    kind: 'pglite',
    kysely,
    prepared: async <Row>(_name: string, text: string, values: readonly unknown[]) =>
      (await kysely.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows,
    behind: (tenant) => pgliteConnection(pglite, turns, tenant),
    close: () => kysely.destroy(),
  };
}
