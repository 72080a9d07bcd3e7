import { type Selectable, sql } from 'kysely';
import { fail, ok } from '../../runtime/result.js';
import type { Sealer } from '../../runtime/seal.js';
import { issuingConnectorTypes } from '../../tenancy/connector.js';
import type { Context, TenantContext } from '../../tenancy/context.js';
import type { Policy } from '../../tenancy/policy.js';
import type { ProfileStore } from '../../tenancy/ports.js';
import { legacyAlgorithmsOf } from '../../tenancy/presets.js';
import type { Profile, Protocol } from '../../tenancy/profile.js';
import type { Boot } from '../audit.js';
import { type Connection, rowsOf } from '../connection/connection.js';
import { noteEditor } from '../orders/approvals.js';
import { allOf } from '../page.js';
import { equalsId, visibleTo } from '../scope.js';
import type { ProfilesTable } from '../tables.js';
import { auditChange, changeConfig, changedFields, configEpoch, standingAt, type Trx, type Written } from './config-change.js';
import { findProfile, listProfiles, profileCounts } from './profile-list.js';
import { type AnyChange, type AnyProfile, columnsOf, newRow, type ProfileTableRow, toCmpProfile, toProfile, toScepProfile } from './profile-rows.js';

export function profileStore(connection: Connection, boot: Boot, sealer: Sealer): ProfileStore {
  const toScep = (row: ProfileTableRow) => toScepProfile(row, sealer);
  const toAny = (row: ProfileTableRow) => toProfile(row, sealer);
  const kept = profileCounts();
  const create = <P extends Profile>(context: TenantContext, profile: AnyProfile, toItem: (row: ProfileTableRow) => P) =>
    changeConfig(connection, (trx) => createProfile(trx, boot, sealer, context, profile, toItem));
  const update = <P extends Profile>(
    context: Context,
    protocol: Protocol,
    id: string,
    version: number,
    change: AnyChange,
    toItem: (row: ProfileTableRow) => P,
  ) => changeConfig(connection, (trx) => updateProfile(trx, boot, sealer, context, protocol, id, version, change, toItem));
  return {
    createScep: (context, profile) => create(context, profile, toScep),
    createCmp: (context, profile) => create(context, profile, toCmpProfile),
    find: (context, protocol, id) => findProfile(connection, context, protocol, id, toAny),
    listScep: (context, query) => listProfiles(connection, kept, context, 'scep', query, toScep),
    listCmp: (context, query) => listProfiles(connection, kept, context, 'cmp', query, toCmpProfile),
    updateScep: (context, id, version, change) => update(context, 'scep', id, version, change, toScep),
    updateCmp: (context, id, version, change) => update(context, 'cmp', id, version, change, toCmpProfile),
    remove: (context, protocol, id, version) => changeConfig(connection, (trx) => removeProfile(trx, boot, context, protocol, id, version)),
    all: async (_context) =>
      (
        await rowsOf(connection, sql<ProfileTableRow>`select p.* from profiles p join tenants t on t.id = p.tenant_id where t.status = 'active' order by p.id`)
      ).map(toAny),
    configEpoch: () => configEpoch(connection),
  };
}

async function createProfile<P>(
  trx: Trx,
  boot: Boot,
  sealer: Sealer,
  context: TenantContext,
  profile: AnyProfile,
  toItem: (row: ProfileTableRow) => P,
): Promise<Written<P>> {
  const { tenantId } = context;
  if (!(await isIssuing(trx, tenantId, profile.connectorId))) return fail({ kind: 'conflict', field: 'connectorId' });
  if (await isLegacyPathTaken(trx, profile.protocol, profile.id, profile.legacyPaths)) return fail({ kind: 'conflict', field: 'legacyPaths' });
  const row = await trx
    .insertInto('profiles')
    .values(newRow(tenantId, profile, sealer))
    .returningAll()
    .executeTakeFirstOrThrow();
  const details = { name: profile.name, protocol: profile.protocol, endpointPath: profile.endpointPath, ...legacyNote(profile.policy) };
  await noteEditor(trx, tenantId, profile.id, context.actor);
  await auditChange(trx, boot, context, 'profile.created', `profile:${profile.id}`, tenantId, details);
  return ok(toItem(row));
}

async function updateProfile<P>(
  trx: Trx,
  boot: Boot,
  sealer: Sealer,
  context: Context,
  protocol: Protocol,
  id: string,
  version: number,
  change: AnyChange,
  toItem: (row: ProfileTableRow) => P,
): Promise<Written<P>> {
  const found = standingAt(await standingProfile(trx, context, protocol, id), version);
  if (!found.ok) return found;
  const standing = found.value;
  const { connectorId, legacyPaths } = change;
  if (connectorId !== undefined && !(await isIssuing(trx, standing.tenant_id, connectorId))) return fail({ kind: 'conflict', field: 'connectorId' });
  if (legacyPaths !== undefined && (await isLegacyPathTaken(trx, protocol, id, legacyPaths))) return fail({ kind: 'conflict', field: 'legacyPaths' });
  const next = { ...columnsOf(change, { tenantId: standing.tenant_id, id }, sealer), version: version + 1, updated_at: new Date() };
  const row = await trx.updateTable('profiles').set(next).where('id', '=', id).returningAll().executeTakeFirstOrThrow();
  await noteEditor(trx, standing.tenant_id, id, context.actor);
  await auditChange(trx, boot, context, 'profile.updated', `profile:${id}`, standing.tenant_id, {
    fields: changedFields(change),
    ...legacyNote(change.policy),
  });
  return ok(toItem(row));
}

/** Whoever lets SHA-1 or 3DES in does so in the audit. */
function legacyNote(policy: Policy | undefined): { legacyAlgorithms?: readonly string[] } {
  const legacyAlgorithms = policy === undefined ? [] : legacyAlgorithmsOf(policy);
  return legacyAlgorithms.length === 0 ? {} : { legacyAlgorithms };
}

/**
 * A profile goes when no order is open any more; its secrets and RA keys go with it. Orders, certificates and accounts stay and keep the
 * profile's id, which then names nothing: they are the record of what was issued, and a null there would merge the histories of all
 * removed profiles.
 */
async function removeProfile(trx: Trx, boot: Boot, context: Context, protocol: Protocol, id: string, version: number): Promise<Written<true>> {
  const found = standingAt(await standingProfile(trx, context, protocol, id), version);
  if (!found.ok) return found;
  const standing = found.value;
  const open = await sql<{ id: string; subject: string }>`select o.id, o.subject from order_work w join orders o on o.id = w.order_id
    where o.profile_id = ${id} and o.finished_at is null order by o.id limit 10`.execute(trx);
  if (open.rows.length > 0) return fail({ kind: 'in-use', usedBy: open.rows.map((row) => ({ type: 'order', id: row.id, name: row.subject })) });
  await trx.deleteFrom('profiles').where('id', '=', id).execute();
  await sql`delete from vendor_devices where profile_id = ${id}`.execute(trx);
  await auditChange(trx, boot, context, 'profile.removed', `profile:${id}`, standing.tenant_id, { name: standing.name, protocol });
  return ok(true);
}

async function standingProfile(trx: Trx, context: Context, protocol: Protocol, id: string): Promise<Selectable<ProfilesTable> | undefined> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id), sql`protocol = ${protocol}`]);
  return (await sql<ProfileTableRow>`select * from profiles where ${where}`.execute(trx)).rows[0];
}

/** Profiles issue through connectors of their own tenant, and only through those that issue. */
async function isIssuing(trx: Trx, tenantId: string, connectorId: string): Promise<boolean> {
  const where = allOf([...equalsId(sql`id`, connectorId), ...equalsId(sql`tenant_id`, tenantId), sql`type in (${sql.join(issuingConnectorTypes)})`]);
  return (await sql`select 1 from connectors where ${where}`.execute(trx)).rows.length === 1;
}

async function isLegacyPathTaken(trx: Trx, protocol: Protocol, id: string, paths: readonly string[]): Promise<boolean> {
  if (paths.length === 0) return false;
  const taken = sql`select 1 from profiles, jsonb_array_elements_text(legacy_paths) as taken
    where protocol = ${protocol} and id <> ${id} and lower(taken) in (${sql.join(paths.map((path) => path.toLowerCase()))}) limit 1`;
  return (await taken.execute(trx)).rows.length === 1;
}
