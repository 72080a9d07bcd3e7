import { sql, type Transaction } from 'kysely';
import { fail, ok, type Result } from '../runtime/result.js';
import { createSealer, isKeyOf, keyCheck, type Sealer, sealedHead } from '../runtime/seal.js';
import { beginBoot, writeAudit } from './audit.js';
import { inheritedKey, macKeyName, macKeyPlace } from './challenge-mac-key.js';
import { type Connection, type Executor, rowsOf, transact } from './connection/connection.js';
import type { StoreFault } from './fault.js';
import { connectionName, formerKeyName, keyCheckName, rotationName, sealingUnder } from './master-keys.js';
import { openDatabase, type StoreOptions } from './open.js';
import { settingStore } from './settings.js';
import type { Tables } from './tables.js';

/**
 * `others`: how many connections the database has of other Gatehouse processes that would go on sealing under the old key. `left`: a column this
 * program does not know how to seal anew.
 */
export type RotationFault =
  | { readonly kind: 'in-use'; readonly others: number }
  | { readonly kind: 'same-key' }
  | { readonly kind: 'other-rotation' }
  | { readonly kind: 'first-start-unfinished' }
  | { readonly kind: 'left'; readonly column: string; readonly rows: number };

/** Called after every step. */
export type Progress = (table: string, resealed: number) => void;

export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** SQL of the parts of its place. */
  readonly rowId: string;
  readonly tenantId: string;
}

const ofTenant = 'tenant_id::text';
/** Everything that is sealed, with its place as the room that seals it says. */
export const sealedColumns: readonly SealedColumn[] = [
  { table: 'connector_secrets', column: 'ciphertext', rowId: "connector_id || '/' || name", tenantId: ofTenant },
  { table: 'shared_secrets', column: 'ciphertext', rowId: 'id::text', tenantId: ofTenant },
  { table: 'revocation_passphrases', column: 'ciphertext', rowId: 'id::text', tenantId: ofTenant },
  { table: 'ra_keys', column: 'ciphertext', rowId: 'id::text', tenantId: ofTenant },
  { table: 'profiles', column: 'challenge_secret', rowId: 'id::text', tenantId: ofTenant },
  { table: 'engine_cas', column: 'ciphertext', rowId: 'id', tenantId: "''" },
  { table: 'engine_ocsp_signers', column: 'ciphertext', rowId: "ca_id || '/' || serial", tenantId: "''" },
  { table: 'audit_keys', column: 'ciphertext', rowId: 'id', tenantId: "''" },
  { table: 'audit_sinks', column: 'secret', rowId: 'id::text', tenantId: "''" },
  { table: 'order_work', column: 'pkcs10', rowId: 'order_id::text', tenantId: ofTenant },
  { table: 'outbox', column: 'sealed', rowId: 'id::text', tenantId: ofTenant },
  { table: 'users', column: 'totp_secret', rowId: 'id::text', tenantId: "''" },
  { table: 'sessions', column: 'sealed', rowId: 'id::text', tenantId: "''" },
  { table: 'idempotency_keys', column: 'answer', rowId: "encode(key_hash, 'hex')", tenantId: "coalesce(tenant_id::text, '')" },
];

const stepRows = 100;
/** Rows that are locked are left to the next look, so that servers never wait in turn with us for each other's rows. */
const heldMs = 100;

interface Change {
  readonly oldKey: Buffer;
  readonly newKey: Buffer;
  readonly nodeId: string;
  /** How this process is called in the database. */
  readonly ourName: string;
  /** How all processes are called that seal under the new key and open both; undefined where none may run. */
  readonly inStep: string | undefined;
}

/**
 * Seals everything anew under `newKey`, in small transactions, while no server uses the database. What is sealed under which key can be told
 * from each value, so that a run that was cut off is finished by the next; until then no server starts. Resolves with the number of values.
 */
export function rotateMasterKey(options: StoreOptions, newKey: Buffer, progress: Progress): Promise<Result<number, StoreFault | RotationFault>> {
  // Another key in the settings does not count: what is given up must be the one that the database belongs to.
  const { otherMasterKey: _, ...alone } = options;
  const change = { oldKey: alone.masterKey, newKey, nodeId: alone.nodeId, ourName: connectionName(alone), inStep: undefined };
  return changeKey(alone, change, progress);
}

/**
 * The same while servers go on: every one of them seals under `options.masterKey` already and opens `otherKey` too, to which the database
 * belongs. One that does not is `in-use`, one that comes later is not started.
 */
export function rotateOnline(options: StoreOptions, otherKey: Buffer, progress: Progress): Promise<Result<number, StoreFault | RotationFault>> {
  const ring = { ...options, otherMasterKey: otherKey };
  const inStep = sealingUnder(options.masterKey);
  const change = { oldKey: otherKey, newKey: options.masterKey, nodeId: options.nodeId, ourName: connectionName(ring), inStep };
  return changeKey(ring, change, progress);
}

function changeKey(options: StoreOptions, change: Change, progress: Progress): Promise<Result<number, StoreFault | RotationFault>> {
  return openDatabase(options, async (connection) => {
    const done = await rotate(connection, change, progress);
    if (done.ok) await connection.close();
    return done;
  });
}

async function rotate(connection: Connection, change: Change, progress: Progress): Promise<Result<number, RotationFault>> {
  const begun = await begin(connection, change);
  if (!begun.ok) return begun;
  const oldHead = sealedHead(change.oldKey);
  const sealers = { old: createSealer(change.oldKey), fresh: createSealer(change.newKey) };
  let total = 0;
  for (const column of sealedColumns) total += await resealColumn(connection, column, oldHead, sealers, progress);
  const left = await findLeft(connection, oldHead);
  if (left !== undefined) return fail(left);
  await finish(connection, change);
  return ok(total);
}

/** From here on no server starts. One that runs already would go on sealing under the old key. */
async function begin(connection: Connection, { oldKey, newKey, ourName, inStep }: Change): Promise<Result<true, RotationFault>> {
  const settings = settingStore(connection);
  if (newKey.equals(oldKey) || isKeyOf(newKey, (await settings.get(keyCheckName)) ?? '')) return fail({ kind: 'same-key' });
  if ((await settings.get('first-run'))?.startsWith('begun ')) return fail({ kind: 'first-start-unfinished' });
  const isResumed = (await settings.get(rotationName)) !== undefined;
  const standing = await settings.putOnce(rotationName, keyCheck(newKey));
  if (standing !== keyCheck(newKey)) return fail({ kind: 'other-rotation' });
  const others = await countOthers(connection, ourName, inStep);
  if (others === 0) return ok(true);
  if (!isResumed) await rowsOf(connection, sql`delete from settings where name = ${rotationName}`);
  return fail({ kind: 'in-use', others });
}

/** An embedded database is ours alone by its lock. */
async function countOthers(connection: Connection, ourName: string, inStep: string | undefined): Promise<number> {
  if (connection.kind === 'pglite') return 0;
  const rows = await rowsOf(
    connection,
    sql<{ others: number }>`select count(*) as others from pg_stat_activity
      where datname = current_database() and application_name ~ '^gatehouse[ +]' and application_name <> ${ourName}
        and (${inStep ?? null}::text is null or not starts_with(application_name, ${inStep ?? null}::text))`,
  );
  return rows[0]?.others ?? 0;
}

interface Sealers {
  readonly old: Sealer;
  readonly fresh: Sealer;
}

async function resealColumn(connection: Connection, at: SealedColumn, oldHead: Buffer, sealers: Sealers, progress: Progress): Promise<number> {
  let resealed = 0;
  for (;;) {
    const count = await transact(connection, (trx) => resealSome(trx, at, oldHead, sealers));
    resealed += count;
    progress(at.table, resealed);
    if (count < stepRows && !(await isAnyLeft(connection, at, oldHead))) return resealed;
    // A server holds what is left at this moment.
    if (count === 0) await new Promise((resolve) => setTimeout(resolve, heldMs));
  }
}

async function isAnyLeft(connection: Connection, { table, column }: SealedColumn, oldHead: Buffer): Promise<boolean> {
  const value = sql.ref(column);
  const left = sql`select 1 from ${sql.table(table)} where substring(${value} from 1 for ${oldHead.length}) = ${oldHead} limit 1`;
  return (await rowsOf(connection, left)).length > 0;
}

interface SealedRow {
  readonly place: string;
  readonly row_id: string;
  readonly tenant_id: string;
  readonly sealed: Buffer;
}

async function resealSome(trx: Transaction<Tables>, { table, column, rowId, tenantId }: SealedColumn, oldHead: Buffer, sealers: Sealers): Promise<number> {
  const [from, value] = [sql.table(table), sql.ref(column)];
  const { rows } = await sql<SealedRow>`select ctid::text as place, ${sql.raw(rowId)} as row_id, ${sql.raw(tenantId)} as tenant_id, ${value} as sealed
    from ${from} where substring(${value} from 1 for ${oldHead.length}) = ${oldHead} limit ${stepRows} for update skip locked`.execute(trx);
  for (const row of rows) {
    const place = { table, column, tenantId: row.tenant_id, rowId: row.row_id };
    const opened = sealers.old.open(row.sealed, place);
    if (!opened.ok) throw new Error(`A secret in ${table} (row ${row.row_id}) cannot be opened: ${opened.error}. Restore it from a backup, or delete it.`);
    await sql`update ${from} set ${value} = ${sealers.fresh.seal(opened.value, place)} where ctid = ${row.place}::tid`.execute(trx);
  }
  return rows.length;
}

/** Tables that grow with every enrolment: what is sealed does not stand there, and looking would take minutes. */
const large: ReadonlySet<string> = new Set([
  'orders',
  'transactions',
  'certificates',
  'engine_certificates',
  'order_intents',
  'audit_events',
  'audit_runs',
  'audit_tiles',
]);

/** A column that a later version seals, or that was forgotten here, must not be lost with the old key. */
async function findLeft(connection: Connection, oldHead: Buffer): Promise<RotationFault | undefined> {
  const columns = await rowsOf(
    connection,
    sql<{ table: string; column: string }>`select table_name as table, column_name as column from information_schema.columns
      where table_schema = current_schema() and data_type = 'bytea' order by 1, 2`,
  );
  for (const { table, column } of columns.filter((item) => !large.has(item.table))) {
    const value = sql.ref(column);
    const found = await rowsOf(
      connection,
      sql<{ rows: number }>`select count(*) as rows from ${sql.table(table)} where substring(${value} from 1 for ${oldHead.length}) = ${oldHead}`,
    );
    const rows = found[0]?.rows ?? 0;
    if (rows > 0) return { kind: 'left', column: `${table}.${column}`, rows };
  }
  return undefined;
}

/** The new key becomes the one this database belongs to, and inherits the key of the challenges. */
async function finish(connection: Connection, { oldKey, newKey, nodeId }: Change): Promise<void> {
  const boot = await beginBoot(connection, nodeId);
  await transact(connection, async (trx, isRetry) => {
    const { rows } =
      await sql`update settings set value = ${keyCheck(newKey)} where name = ${keyCheckName} and value = ${keyCheck(oldKey)} returning 1`.execute(trx);
    // An earlier try was committed without our hearing of it.
    if (rows.length === 0 && isRetry) return;
    if (rows.length === 0) throw new Error('The master key was changed by someone else.');
    const inherited = inheritedKey(await readSetting(trx, macKeyName), oldKey);
    if (!inherited.ok) throw new Error(`The setting ${macKeyName} cannot be opened: ${inherited.error}.`);
    const sealed = createSealer(newKey).seal(inherited.value, macKeyPlace).toString('base64');
    await sql`insert into settings (name, value) values (${macKeyName}, ${sealed}), (${formerKeyName}, ${keyCheck(oldKey)})
      on conflict (name) do update set value = excluded.value`.execute(trx);
    await sql`delete from settings where name = ${rotationName}`.execute(trx);
    const event = { tenantId: null, actor: 'cli', action: 'master-key.rotated', object: 'installation', outcome: 'success', details: {} } as const;
    await writeAudit(trx, boot, [event]);
  });
}

async function readSetting(executor: Executor, name: string): Promise<string | undefined> {
  return (await sql<{ value: string }>`select value from settings where name = ${name}`.execute(executor)).rows[0]?.value;
}
