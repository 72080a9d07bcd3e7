import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { migrations } from '../../migrations/index.js';
import type { Log } from '../runtime/log.js';
import { isOutage } from '../runtime/outage.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { createSealer, isKeyOf, keyCheck } from '../runtime/seal.js';
import { beginBoot } from './audit.js';
import type { Connection } from './connection/connection.js';
import { lockDirectory } from './connection/directory-lock.js';
import { layEmptyDatabase } from './connection/empty-database.js';
import { connectPglite } from './connection/pglite.js';
import { connectPostgres } from './connection/postgres.js';
import { retrying } from './connection/transient.js';
import { grantDeviceRole } from './device-role.js';
import type { StoreFault } from './fault.js';
import { connectionName, formerKeyName, keyCheckName, rotationName } from './master-keys.js';
import { appliedMigrations, checkSchema, migrate } from './migrate.js';
import { storeRooms } from './rooms.js';
import { settingStore } from './settings.js';
import type { Store } from './store.js';
import { connectorStore } from './tenancy/connectors.js';
import { raiseWall } from './tenant-wall.js';

export interface StoreOptions {
  /** PostgreSQL; absent: PGlite in `dataDir`. */
  readonly databaseUrl?: string;
  /** PGlite's own directory, made if need be; `memory://` for one that is forgotten. */
  readonly dataDir?: string;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  /** 32 bytes. While one master key follows another on nodes that serve: the one that is opened too. */
  readonly otherMasterKey?: Buffer;
  /** Names this node in the audit trail. */
  readonly nodeId: string;
  readonly log: Log;
  readonly poolSize?: number;
  /** Serves devices only: prepares nothing, and never reads the secrets of connectors. */
  readonly isDeviceOnly?: boolean;
}

/** Connects, checks schema and master key, migrates. What was opened is closed again when it ends in a fault. */
export function openStore(options: StoreOptions): Promise<Result<Store, StoreFault>> {
  return openDatabase(options, async (connection) => {
    const rotation = await settingStore(connection).get(rotationName);
    // While everything is sealed anew, nobody may begin to seal under the old key.
    const isHeld = rotation !== undefined && !(options.otherMasterKey !== undefined && isKeyOf(options.masterKey, rotation));
    return isHeld ? fail({ kind: 'key-rotation-unfinished' }) : ok(await assemble(connection, options));
  });
}

/** What `openStore` does before it looks for an unfinished change of the master key; `use` makes the result, and a fault of it closes the connection. */
export async function openDatabase<T, Fault>(
  options: StoreOptions,
  use: (connection: Connection) => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault | StoreFault>> {
  const connected = await connect(options);
  if (!connected.ok) return connected;
  const connection = connected.value;
  try {
    const prepared = await prepare(connection, options);
    const used = prepared.ok ? await use(connection) : prepared;
    if (used.ok) return used;
    await connection.close();
    return used;
  } catch (error) {
    await connection.close();
    if (!isUnreachable(error)) throw error;
    return fail({ kind: 'database-unreachable', reason: error instanceof Error ? reasonOf(error) : String(error) });
  }
}

async function connect(options: StoreOptions): Promise<Result<Connection, StoreFault>> {
  const { databaseUrl, dataDir = 'memory://', log, poolSize = 10 } = options;
  if (databaseUrl !== undefined) return ok(connectPostgres({ databaseUrl, applicationName: connectionName(options), poolSize, log }));
  return dataDir.startsWith('memory:') ? ok(await connectPglite(dataDir)) : openDirectory(dataDir);
}

async function openDirectory(dataDir: string): Promise<Result<Connection, StoreFault>> {
  const usable = usableDirectory(dataDir);
  if (!usable.ok) return usable;
  const directory = usable.value;
  const lock = await lockDirectory(directory);
  if (!lock.ok) return fail({ kind: 'directory-locked', directory, lockFile: lock.error.file, holder: lock.error.holder });
  try {
    layEmptyDatabase(directory);
    const connection = await connectPglite(directory);
    return ok({ ...connection, close: () => connection.close().finally(lock.value.release) });
  } catch (error) {
    lock.value.release();
    return fail({ kind: 'directory-unusable', directory, reason: `its contents cannot be opened (${error instanceof Error ? error.message : String(error)})` });
  }
}

/** The directory under its real name: two names of one directory must meet at one lock. */
function usableDirectory(dataDir: string): Result<string, StoreFault> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    const directory = realpathSync(dataDir);
    accessSync(`${directory}/..`, constants.W_OK | constants.X_OK);
    return ok(directory);
  } catch (error) {
    return fail({ kind: 'directory-unusable', directory: dataDir, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Reads everything that could refuse before it writes anything. */
async function prepare(connection: Connection, options: StoreOptions): Promise<Result<true, StoreFault>> {
  const applied = await retrying(() => appliedMigrations(connection.kysely));
  const checked = checkSchema(applied);
  if (!checked.ok) return checked;
  if (applied.length > 0 && !(await fits(connection, options))) return fail({ kind: 'wrong-master-key' });
  if (options.isDeviceOnly === true) return isPrepared(connection, applied);
  const migrated = await migrate(connection);
  if (!migrated.ok) return migrated;
  await settingStore(connection).putOnce(keyCheckName, keyCheck(options.masterKey));
  return (await fits(connection, options)) ? ok(true) : fail({ kind: 'wrong-master-key' });
}

/** By a node of another kind, whose database user owns the tables. */
async function isPrepared(connection: Connection, applied: readonly string[]): Promise<Result<true, StoreFault>> {
  const missing = migrations.find(({ name }) => !applied.includes(name))?.name;
  if (missing !== undefined) return fail({ kind: 'not-prepared', missing });
  return (await settingStore(connection).get(keyCheckName)) === undefined ? fail({ kind: 'not-prepared', missing: 'its first start' }) : ok(true);
}

/** Whether this database belongs to one of the keys. One that it had before may no longer seal anything. */
async function fits(connection: Connection, { masterKey, otherMasterKey }: StoreOptions): Promise<boolean> {
  const settings = settingStore(connection);
  const check = await settings.get(keyCheckName);
  if (check === undefined || isKeyOf(masterKey, check)) return true;
  return otherMasterKey !== undefined && isKeyOf(otherMasterKey, check) && (await settings.get(formerKeyName)) !== keyCheck(masterKey);
}

/** Beside lost connections: refused logins, unknown databases, and a pool that gets no connection in time. */
function isUnreachable(error: unknown): boolean {
  if (isOutage(error)) return true;
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return code.startsWith('28') || code === '3D000' || /timeout|SSL/.test(message);
}

/** An AggregateError (several addresses of one host) has no message of its own. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0] as Error);
  return error.message;
}

async function assemble(connection: Connection, { masterKey, otherMasterKey, nodeId, log, isDeviceOnly }: StoreOptions): Promise<Store> {
  const boot = await beginBoot(connection, nodeId);
  const sealer = createSealer(masterKey, otherMasterKey);
  if (isDeviceOnly === true) return { ...storeRooms(connection, boot, sealer, log), connectors: connectorStore(connection, boot, sealer, 'without-secrets') };
  const fault = await raiseWall(connection);
  if (fault !== undefined) log.warn({ fault }, 'there is no second wall between tenants in the database: see docs/security.md');
  await grantDeviceRole(connection);
  return storeRooms(connection, boot, sealer, log, fault === undefined);
}
