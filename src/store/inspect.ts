import { existsSync, realpathSync } from 'node:fs';
import { sql } from 'kysely';
import { migrations } from '../../migrations/index.js';
import type { Log } from '../runtime/log.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { isKeyOf } from '../runtime/seal.js';
import type { Connection } from './connection/connection.js';
import { lockDirectory } from './connection/directory-lock.js';
import { connectPglite } from './connection/pglite.js';
import { connectPostgres } from './connection/postgres.js';
import { type DeviceGrantFaults, deviceGrantFaults } from './device-role.js';
import type { StoreFault } from './fault.js';
import { keyCheckName } from './master-keys.js';
import { appliedMigrations, checkSchema } from './migrate.js';
import { settingStore } from './settings.js';
import { type WallFault, wallFault } from './tenant-wall.js';

/** What a look at the database found; nothing was changed by looking. */
export interface Inspection {
  /** `PostgreSQL 15.18`. */
  readonly version: string;
  readonly applied: readonly string[];
  /** Steps this program knows and the database lacks. */
  readonly missing: readonly string[];
  /** A step the database has and this program does not know. */
  readonly unknown?: string;
  /** undefined where no key was given, or none was ever used here. */
  readonly isKeyRight?: boolean;
  /** How far this machine's clock is ahead of the database's. */
  readonly clockAheadMs: number;
  /** What is committed is on disk. */
  readonly isDurable: boolean;
  /** Why there is no wall between tenants in the database; undefined where there is one, or no schema yet. */
  readonly wallFault?: WallFault;
  /** How the user that is connected stands to what serving devices needs; absent where there is no schema yet. */
  readonly deviceGrants?: DeviceGrantFaults;
}

export interface InspectOptions {
  readonly databaseUrl?: string;
  /** PGlite's own directory. */
  readonly dataDir: string;
  readonly masterKey?: Buffer;
  readonly otherMasterKey?: Buffer;
  readonly log: Log;
}

/** Looks without migrating or writing; undefined when there is no embedded database yet. */
export async function inspectDatabase(options: InspectOptions): Promise<Result<Inspection | undefined, StoreFault>> {
  const { databaseUrl, log } = options;
  if (databaseUrl !== undefined) return inspectPostgres(connectPostgres({ databaseUrl, applicationName: 'gatehouse doctor', poolSize: 1, log }), options);
  return existsSync(options.dataDir) ? inspectDirectory(realpathSync(options.dataDir), options) : ok(undefined);
}

async function inspectPostgres(connection: Connection, options: InspectOptions): Promise<Result<Inspection, StoreFault>> {
  try {
    return ok(await look(connection, options));
  } catch (error) {
    return fail({ kind: 'database-unreachable', reason: reasonOf(error) });
  } finally {
    await connection.close();
  }
}

async function inspectDirectory(directory: string, options: InspectOptions): Promise<Result<Inspection, StoreFault>> {
  const lock = await lockDirectory(directory);
  if (!lock.ok) return fail({ kind: 'directory-locked', directory, lockFile: lock.error.file, holder: lock.error.holder });
  try {
    const connection = await connectPglite(directory);
    try {
      return ok(await look(connection, options));
    } finally {
      await connection.close();
    }
  } catch (error) {
    return fail({ kind: 'directory-unusable', directory, reason: reasonOf(error) });
  } finally {
    lock.value.release();
  }
}

/** An AggregateError (several addresses of one host) has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

interface Facts {
  readonly version: string;
  readonly now: Date;
  readonly fsync: string;
  readonly full_page_writes: string;
}

async function look(connection: Connection, options: InspectOptions): Promise<Inspection> {
  const keys = [options.masterKey, options.otherMasterKey].filter((key) => key !== undefined);
  const before = Date.now();
  const { rows } = await sql<Facts>`select current_setting('server_version') as version, clock_timestamp() as now,
    current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes`.execute(connection.kysely);
  const after = Date.now();
  const facts = rows[0] as Facts;
  const applied = await appliedMigrations(connection.kysely);
  const schema = checkSchema(applied);
  const unknown = !schema.ok && schema.error.kind === 'schema-newer' ? schema.error.migration : undefined;
  const wall = applied.length === 0 ? undefined : await wallFault(connection);
  const grants = applied.length === 0 ? undefined : await deviceGrantFaults(connection);
  const check = applied.length === 0 ? undefined : await settingStore(connection).get(keyCheckName);
  return {
    version: `PostgreSQL ${facts.version}`,
    applied,
    missing: migrations.filter(({ name }) => !applied.includes(name)).map(({ name }) => name),
    ...(unknown !== undefined && { unknown }),
    ...(check !== undefined && keys.length > 0 && { isKeyRight: keys.some((key) => isKeyOf(key, check)) }),
    clockAheadMs: Math.round((before + after) / 2 - facts.now.getTime()),
    ...(wall !== undefined && { wallFault: wall }),
    ...(grants !== undefined && { deviceGrants: grants }),
    isDurable: facts.fsync === 'on' && facts.full_page_writes === 'on',
  };
}
