import { type RawBuilder, sql } from 'kysely';
import { type Connection, rowsOf } from './connection/connection.js';
import { alone } from './tenant-wall.js';

/** The database role of nodes that only serve devices; nobody logs in as it, their user is a member of it. */
export const deviceRole = 'gatehouse_device';

/** What such a node reads: the configuration, and the keys it serves devices with. */
const read = [
  ...['schema_migrations', 'settings', 'config_epoch', 'tenants', 'connectors', 'profiles', 'ra_keys', 'issuer_views', 'notification_rules'],
  ...['engine_cas', 'connector_circuits'],
];
/** What serving devices adds to and never takes away from. */
const kept = ['orders', 'accounts', 'certificates', 'certified_keys', 'engine_certificates', 'engine_crl_numbers', 'audit_boots'];
/** What serving devices writes. */
const write = [
  ...['order_intents', 'order_work', 'transactions', 'challenges', 'shared_secrets', 'vendor_devices', 'revocation_passphrases', 'delayed_answers'],
  ...['outbox', 'refusals', 'engine_ocsp_signers', 'orphan_certificates'],
];
/** What is none of its business: the secrets of connectors, who may sign in and how, the keys of the audit trail, mail. */
export const closedToDevices = [
  ...['connector_secrets', 'users', 'sessions', 'api_tokens', 'sign_in_limits', 'engine_clients', 'idempotency_keys'],
  ...['audit_keys', 'audit_checkpoints', 'audit_runs', 'audit_sealed', 'audit_tiles', 'audit_sinks', 'ca_comparisons', 'unknown_certificates'],
  ...['connector_health', 'connector_health_changes', 'connector_hours', 'connector_logs', 'mails', 'notification_connectors', 'notification_gatherings'],
  ...['notification_marks', 'order_approvals', 'profile_editors'],
] as const;

/** The privileges of the role, table by table. */
export const deviceGrants: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...read.map((table) => [table, ['select']] as const),
  ...kept.map((table) => [table, ['select', 'insert', 'update']] as const),
  ['audit_events', ['insert']],
  ...write.map((table) => [table, ['select', 'insert', 'update', 'delete']] as const),
]);

/** How a role stands to the tables; both empty where it is as it should be. */
export interface DeviceGrantFaults {
  /** `<privilege> on <table>` that serving devices needs. */
  readonly missing: readonly string[];
  /** Closed tables of which it can read or change something. */
  readonly excess: readonly string[];
}

/** Of the user that is connected, or of `role`. */
export async function deviceGrantFaults(connection: Connection, role: RawBuilder<string> = sql`current_user`): Promise<DeviceGrantFaults> {
  const wanted = [...deviceGrants].flatMap(([table, privileges]) => privileges.map((privilege) => ({ table, privilege })));
  const missing = await rowsOf(
    connection,
    sql<{
      what: string;
    }>`select w.privilege || ' on ' || w."table" as what from json_to_recordset(${JSON.stringify(wanted)}::json) as w ("table" text, privilege text)
      where coalesce(not has_table_privilege(${role}, to_regclass(w."table"), w.privilege), true) order by 1`,
  );
  const excess = await rowsOf(
    connection,
    sql<{
      name: string;
    }>`select c.name from unnest(${[...closedToDevices]}::text[]) with ordinality as c (name, place) where to_regclass(c.name) is not null and
      (has_table_privilege(${role}, to_regclass(c.name), 'select, insert, update, delete, truncate') or has_any_column_privilege(${role}, to_regclass(c.name), 'select, insert, update'))
      order by c.place`,
  );
  return { missing: missing.map(({ what }) => what), excess: excess.map(({ name }) => name) };
}

/**
 * Gives the role, where an administrator of the database has made it (deploy/postgresql/device-role.sql), what serving devices needs, and takes
 * what it should not have. At every start of the tables' owner, so that tables made since are looked at too. Row-level security would hide every
 * row from it: a policy of its own lets it see what it is granted.
 */
export async function grantDeviceRole(connection: Connection): Promise<void> {
  const { rows } = await sql`select 1 from pg_roles where rolname = ${deviceRole}
    and (select bool_and(pg_has_role(current_user, c.relowner, 'usage')) from pg_class c
      where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition)`.execute(connection.kysely);
  if (rows.length === 0) return;
  const { missing, excess } = await deviceGrantFaults(connection, sql`${deviceRole}::name`);
  const hidden = await hiddenTables(connection);
  if (missing.length + excess.length + hidden.length === 0) return;
  const role = sql.raw(deviceRole);
  await alone(connection, async (trx) => {
    await sql.raw(`do $$ begin execute format('grant usage on schema %I to ${deviceRole}', current_schema()); end $$`).execute(trx);
    for (const table of excess) await sql`revoke all on ${sql.table(table)} from ${role}`.execute(trx);
    for (const table of new Set(missing.map((what) => what.split(' on ')[1] as string))) {
      const privileges = sql.raw((deviceGrants.get(table) ?? []).join(', '));
      await sql`grant ${privileges} on ${sql.table(table)} to ${role}`.execute(trx);
    }
    for (const table of hidden) {
      await sql`drop policy if exists device_nodes on ${sql.table(table)}`.execute(trx);
      await sql`create policy device_nodes on ${sql.table(table)} to ${role} using (true) with check (true)`.execute(trx);
    }
  });
}

/** Granted tables under row-level security that let the role see nothing. */
async function hiddenTables(connection: Connection): Promise<readonly string[]> {
  const rows = await rowsOf(
    connection,
    sql<{ name: string }>`select c.relname as name from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relrowsecurity
      and c.relname = any(${[...deviceGrants.keys()]}::text[])
      and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'device_nodes'
        and p.polroles = array[(select oid from pg_roles where rolname = ${deviceRole})]) order by 1`,
  );
  return rows.map(({ name }) => name);
}
