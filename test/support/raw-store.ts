import { createLog } from '../../src/runtime/log.js';
import { createSealer } from '../../src/runtime/seal.js';
import { beginBoot } from '../../src/store/audit.js';
import type { Connection } from '../../src/store/connection/connection.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { migrate } from '../../src/store/migrate.js';
import { storeRooms } from '../../src/store/rooms.js';
import type { Store } from '../../src/store/store.js';
import { createDatabase } from './database.js';

/** A store with the connection below it, for tests that look into or tamper with the tables. */
export interface RawStore {
  readonly name: string;
  readonly store: Store;
  readonly connection: Connection;
  close(): Promise<void>;
}

const log = createLog('fatal');

export async function rawStores(): Promise<readonly RawStore[]> {
  const stores = [await rawStore('PGlite', await connectPglite('memory://'), async () => undefined)];
  const database = await createDatabase();
  if (database === undefined) return stores;
  const postgres = connectPostgres({ databaseUrl: database.url, applicationName: 'test', poolSize: 10, log });
  return [...stores, await rawStore('PostgreSQL', postgres, database.drop)];
}

async function rawStore(name: string, connection: Connection, afterwards: () => Promise<void>): Promise<RawStore> {
  await migrate(connection);
  const store = storeRooms(connection, await beginBoot(connection, 'test'), createSealer(Buffer.alloc(32, 1)), log);
  return { name, store, connection, close: () => store.close().finally(afterwards) };
}
