import { sql, type Transaction } from 'kysely';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Context } from '../../tenancy/context.js';
import type { WriteFault } from '../../tenancy/ports.js';
import { type AuditEntry, type Boot, writeAudit } from '../audit.js';
import { type Connection, rowsOf, transact } from '../connection/connection.js';
import { violatedConstraint } from '../connection/transient.js';
import type { Tables } from '../tables.js';

export type Trx = Transaction<Tables>;
export type Written<T> = Result<T, WriteFault>;

/** By constraint: the field whose value is taken, in the API's words. */
const conflictFields: Readonly<Record<string, string>> = {
  tenants_pkey: 'id',
  tenants_slug_key: 'slug',
  tenants_name_key: 'name',
  connectors_pkey: 'id',
  connectors_name_key: 'name',
  profiles_pkey: 'id',
  profiles_endpoint_path_key: 'endpointPath',
  profiles_name_key: 'name',
  profiles_default_key: 'isDefault',
  shared_secrets_pkey: 'id',
  shared_secrets_reference_key: 'reference',
  users_pkey: 'id',
  users_username_key: 'username',
  audit_sinks_pkey: 'id',
  audit_sinks_name_key: 'name',
  users_identity_key: 'identity',
  notification_rules_pkey: 'id',
  notification_rules_name_key: 'name',
};
/** By constraint: what was referred to is not there. */
const missing: readonly string[] = [
  'connectors_tenant_id_fkey',
  'profiles_tenant_id_fkey',
  'shared_secrets_profile_id_fkey',
  'users_tenant_id_fkey',
  'notification_rules_connector_id_fkey',
];

/**
 * A change of the configuration: the epoch first, so that such changes queue and other processes notice; then `work`; all one commit.
 * A violated constraint comes back as the fault it means.
 */
export function changeConfig<T>(connection: Connection, work: (trx: Trx) => Promise<Written<T>>): Promise<Written<T>> {
  return writeOrFault(connection, async (trx) => {
    await sql`update config_epoch set epoch = epoch + 1`.execute(trx);
    return work(trx);
  });
}

/** The same for what no endpoint depends on: no epoch. */
export async function writeOrFault<T, F>(connection: Connection, work: (trx: Trx) => Promise<Result<T, F>>): Promise<Result<T, F | WriteFault>> {
  try {
    return await transact(connection, work);
  } catch (error) {
    const constraint = violatedConstraint(error) ?? '';
    const field = conflictFields[constraint];
    if (field !== undefined) return fail({ kind: 'conflict', field });
    if (missing.includes(constraint)) return fail({ kind: 'not-found' });
    throw error;
  }
}

/** The row that a change is based on, or why there can be no change: it is gone, or was changed since. `version` null skips the comparison. */
export function standingAt<T extends { readonly version: number }>(row: T | undefined, version: number | null): Written<T> {
  if (row === undefined) return fail({ kind: 'not-found' });
  return version === null || row.version === version ? ok(row) : fail({ kind: 'stale', version: row.version });
}

export async function configEpoch(connection: Connection): Promise<number> {
  return (await rowsOf(connection, sql<{ epoch: number }>`select epoch from config_epoch`))[0]?.epoch ?? 0;
}

/** The audit row of a configuration change. `details` names what changed, never a secret's value. */
export async function auditChange(
  trx: Trx,
  boot: Boot,
  context: Context,
  action: string,
  object: string,
  tenantId: string | null,
  details: AuditEntry['details'],
): Promise<void> {
  await writeAudit(trx, boot, [{ tenantId, actor: context.actor, action, object, outcome: 'success', details }]);
}

/** Names of the members that were given. */
export function changedFields(change: object): readonly string[] {
  return Object.entries(change)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
}
