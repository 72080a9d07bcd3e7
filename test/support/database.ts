import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createLog } from '../../src/runtime/log.js';
import { describeStoreFault } from '../../src/store/fault.js';
import { openStore } from '../../src/store/open.js';
import type { Store } from '../../src/store/store.js';

/** A PostgreSQL database of one test. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, with whatever is still connected. */
  drop(): Promise<void>;
}

async function execute(url: string, sql: string): Promise<void> {
  const connection = new pg.Client({ connectionString: url });
  await connection.connect();
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** A fresh database on the server of TEST_DATABASE_URL; undefined where none is set. */
export async function createDatabase(): Promise<TestDatabase | undefined> {
  const server = process.env.TEST_DATABASE_URL;
  if (server === undefined || server === '') return undefined;
  const name = `gatehouse_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

export interface TestStore {
  readonly name: string;
  /** A store of its own, with everything migrated; `close` it, or the test file hangs. */
  open(): Promise<{ readonly store: Store; close(): Promise<void> }>;
}

const log = createLog('fatal');

/** Where the same tests have run on PGlite already, PostgreSQL alone may be asked for: TEST_DATABASE_ONLY=postgresql. */
export function isPgliteLeftOut(): boolean {
  return process.env.TEST_DATABASE_ONLY === 'postgresql' && Boolean(process.env.TEST_DATABASE_URL);
}

/** A directory for PGlite, thrown away by `remove`. */
export function pgliteDirectory(): { readonly dataDir: string; remove(): Promise<void> } {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-pglite-'));
  return { dataDir, remove: () => rm(dataDir, { recursive: true, force: true }) };
}

/** The databases a test of the store runs on: PGlite, and PostgreSQL where TEST_DATABASE_URL is set. */
export function testDatabases(): readonly TestStore[] {
  const pglite = {
    name: 'PGlite',
    open: async () => {
      const { dataDir, remove } = pgliteDirectory();
      return openTestStore({ dataDir: join(dataDir, 'db') }, remove);
    },
  };
  const postgres = {
    name: 'PostgreSQL',
    open: async () => {
      const database = (await createDatabase()) as TestDatabase;
      return openTestStore({ databaseUrl: database.url }, () => database.drop());
    },
  };
  if (isPgliteLeftOut()) return [postgres];
  return process.env.TEST_DATABASE_URL ? [pglite, postgres] : [pglite];
}

async function openTestStore(where: { dataDir: string } | { databaseUrl: string }, afterwards: () => Promise<void>) {
  const opened = await openStore({ ...where, masterKey: Buffer.alloc(32, 1), nodeId: 'test', log });
  if (!opened.ok) throw new Error(describeStoreFault(opened.error));
  const store = opened.value;
  return { store, close: () => store.close().finally(afterwards) };
}
