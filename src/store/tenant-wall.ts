import { type RawBuilder, sql } from 'kysely';
import type { Context, TenantContext } from '../tenancy/context.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { tenantRole, tenantSetting } from './connection/tenant-session.js';
import type { Trx } from './tenancy/config-change.js';
import { isUuid } from './text.js';

/** undefined where it stands; else why it does not. */
export type WallFault = 'no-role' | 'not-member' | 'not-owner' | 'busy';

/** What only the system itself reads and writes: keys, and who is signed in. Behind the wall these tables are not there. */
const closed = ['settings', 'audit_keys', 'engine_cas', 'engine_ocsp_signers', 'engine_clients', 'sessions', 'schema_migrations'];

const here = sql.raw(`nullif(current_setting('${tenantSetting}', true), '')::uuid`);
/** Where a row says otherwise whose it is. */
const ownership: Readonly<Record<string, RawBuilder<unknown>>> = {
  tenants: sql`id = ${here}`,
  users: sql`tenant_id = ${here} or tenant_ids @> jsonb_build_array(${here}::text)`,
};

interface Standing {
  readonly role: boolean;
  readonly member: boolean;
  readonly mayMakeRoles: boolean;
  /** Tables of tenants without their policy. */
  readonly open: readonly string[];
  /** Tables that nobody behind the wall may use yet, and should. */
  readonly ungranted: readonly string[];
  readonly isOwner: boolean;
}

/**
 * Row-level security as a second wall behind the queries' own: a policy on every table of tenants, and a role that is held to it. The owner of
 * the tables, as which devices and jobs are served, is not: their statements are planned as if there were none. Looks at every start, so that
 * tables made since and databases restored without the role get theirs too. Resolves with undefined where the wall stands.
 */
export async function raiseWall(connection: Connection): Promise<WallFault | undefined> {
  const found = await look(connection);
  if (isWhole(found)) return undefined;
  if (!found.role && !found.mayMakeRoles) return 'no-role';
  if (!found.isOwner) return 'not-owner';
  try {
    if (!found.role) await alone(connection, makeRole);
    for (const table of found.open) await alone(connection, (trx) => wallTable(trx, table));
    for (const table of (await look(connection)).ungranted) await alone(connection, (trx) => grant(trx, table));
  } catch (error) {
    if (!busy.has(codeOf(error))) throw error;
  }
  return wallFault(connection);
}

/** As it stands, without touching anything. */
export async function wallFault(connection: Connection): Promise<WallFault | undefined> {
  const found = await look(connection);
  if (isWhole(found)) return undefined;
  if (!found.role) return 'no-role';
  return found.member ? 'busy' : 'not-member';
}

const isWhole = ({ role, member, open, ungranted }: Standing): boolean => role && member && open.length === 0 && ungranted.length === 0;

/** Locks that were not to be had in time, and two starts that met: the next start tries again. */
const busy = new Set(['55P03', '57014', '40P01', 'XX000']);
const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? '');

async function look(connection: Connection): Promise<Standing> {
  const ours = sql`c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;
  const isTenants = sql`(c.relname = 'tenants' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))`;
  const hasPolicy = sql`c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant_wall')`;
  const role = sql`(select oid from pg_roles where rolname = ${tenantRole})`;
  const isGranted = sql`coalesce((select has_table_privilege(r.oid, c.oid, 'select') and has_table_privilege(r.oid, c.oid, 'insert') from pg_roles r
    where r.rolname = ${tenantRole}), false)`;
  const rows = await rowsOf(
    connection,
    sql<Standing>`select ${role} is not null as role, coalesce(pg_has_role(current_user, ${role}, 'member'), false) as member,
      (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as "mayMakeRoles",
      coalesce((select array_agg(c.relname::text order by 1) from pg_class c where ${ours} and ${isTenants} and not (${hasPolicy})), '{}') as open,
      coalesce((select array_agg(c.relname::text order by 1) from pg_class c where ${ours} and c.relname <> all (${closed}) and not ${isGranted}), '{}') as ungranted,
      coalesce((select bool_and(pg_has_role(current_user, c.relowner, 'usage')) from pg_class c where ${ours}), false) as "isOwner"`,
  );
  return rows[0] as Standing;
}

/** Any constant, beside that of the migrations: processes that start at once take turns, step by step, so that no table is held for long. */
const wallLock = 7_243_392_101;

export function alone(connection: Connection, step: (trx: Trx) => Promise<unknown>): Promise<unknown> {
  return connection.kysely.transaction().execute(async (trx) => {
    await sql`select set_config('lock_timeout', '5s', true), pg_advisory_xact_lock(${sql.lit(wallLock)})`.execute(trx);
    return step(trx);
  });
}

/** A role belongs to all databases of a server: another start, of another database too, may be making it at this moment. */
async function makeRole(trx: Trx): Promise<void> {
  await sql.raw(`do $$ begin create role ${tenantRole} nologin; exception when duplicate_object or unique_violation then null; end $$`).execute(trx);
  await sql
    .raw(`do $$ begin if not pg_has_role(current_user, '${tenantRole}', 'member') then execute format('grant ${tenantRole} to %I', current_user); end if;
      exception when insufficient_privilege or unique_violation then null; end $$`)
    .execute(trx);
}

async function wallTable(trx: Trx, table: string): Promise<void> {
  const condition = ownership[table] ?? sql`tenant_id = ${here}`;
  await sql`drop policy if exists tenant_wall on ${sql.table(table)}`.execute(trx);
  await sql`create policy tenant_wall on ${sql.table(table)} using (${condition}) with check (${condition})`.execute(trx);
  await sql`alter table ${sql.table(table)} enable row level security`.execute(trx);
}

async function grant(trx: Trx, table: string): Promise<void> {
  await sql.raw(`do $$ begin execute format('grant usage on schema %I to ${tenantRole}', current_schema()); end $$`).execute(trx);
  await sql`grant select, insert, update, delete on ${sql.table(table)} to ${sql.raw(tenantRole)}`.execute(trx);
}

/** Rooms kept for the tenants that were served last. */
const keptRooms = 64;

type Work = (context: Context, ...rest: readonly unknown[]) => unknown;

/**
 * A room, of whose functions those `named` meet the database behind the wall of their caller's tenant where he comes from outside (people and
 * tokens of one tenant): a query that forgets whose rows it is about finds no other's. They take the context first. Devices, jobs and callers of
 * every tenant meet it as it is, and so does what must look beyond the tenant to refuse, such as whether a path is taken.
 */
export function walled<Room extends object>(connection: Connection, build: (connection: Connection) => Room, named: readonly (keyof Room & string)[]): Room {
  const open = build(connection);
  const roomOf = roomsBehind(connection, build);
  const guarded = named.map((name) => [
    name,
    (context: Context, ...rest: readonly unknown[]) => ((isFromOutside(context) ? roomOf(context.tenantId) : open)[name] as Work)(context, ...rest),
  ]);
  return { ...open, ...(Object.fromEntries(guarded) as Partial<Room>) };
}

/** One room for each tenant, made when it is first asked for. */
function roomsBehind<Room>(connection: Connection, build: (connection: Connection) => Room): (tenantId: string) => Room {
  const rooms = new Map<string, Room>();
  return (tenantId) => {
    const room = rooms.get(tenantId) ?? build(connection.behind(tenantId));
    rooms.delete(tenantId);
    rooms.set(tenantId, room);
    const [oldest] = rooms.keys();
    if (rooms.size > keptRooms && oldest !== undefined) rooms.delete(oldest);
    return room;
  };
}

function isFromOutside(context: Context): context is TenantContext {
  return context.tenantId !== null && isUuid(context.tenantId) && /^(user|token):/.test(context.actor);
}
