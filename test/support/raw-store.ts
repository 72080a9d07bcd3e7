import { createLog } from '../../src/runtime/log.js';
import { createSealer } from '../../src/runtime/seal.js';
import { beginBoot } from '../../src/store/audit.js';
import type { Connection } from '../../src/store/connection/connection.js';
import { layEmptyDatabase } from '../../src/store/connection/empty-database.js';
import { connectPglite } from '../../src/store/connection/pglite.js';
import { connectPostgres } from '../../src/store/connection/postgres.js';
import { migrate } from '../../src/store/migrate.js';
import { storeRooms } from '../../src/store/rooms.js';
import type { Store } from '../../src/store/store.js';
import { createDatabase, isPgliteLeftOut, pgliteDirectory } from './database.js';

/** A store with the connection below it, for tests that look into or tamper with the tables. */
export interface RawStore {
  readonly name: string;
  readonly store: Store;
  readonly connection: Connection;
  close(): Promise<void>;
}

const log = createLog('fatal');

/** The stores of this run; on PostgreSQL with at most `poolSize` connections. */
export async function rawStores(poolSize = 10): Promise<readonly RawStore[]> {
  const stores = isPgliteLeftOut() ? [] : [await rawPglite()];
  const database = await createDatabase();
  if (database === undefined) return stores;
  const postgres = connectPostgres({ databaseUrl: database.url, applicationName: 'test', poolSize, log });
  return [...stores, await rawStore('PostgreSQL', postgres, database.drop)];
}

async function rawPglite(): Promise<RawStore> {
  const { dataDir, remove } = pgliteDirectory();
  layEmptyDatabase(dataDir);
  return rawStore('PGlite', await connectPglite(dataDir), remove);
}

async function rawStore(name: string, connection: Connection, afterwards: () => Promise<void>): Promise<RawStore> {
  await migrate(connection);
  const store = storeRooms(connection, await beginBoot(connection, 'test'), createSealer(Buffer.alloc(32, 1)), log);
  return { name, store, connection, close: () => store.close().finally(afterwards) };
}
