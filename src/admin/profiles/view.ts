import type { ProfileRow } from '../../tenancy/ports.js';
import type { Profile } from '../../tenancy/profile.js';
import type { CsvColumns } from '../csv.js';

/** The part of a profile's JSON that both protocols share. */
export function profileView(row: ProfileRow<Profile>) {
  const { id, name, tenantId, connectorId, endpointPath, description, status, version } = row;
  return {
    id,
    name,
    tenantId,
    tenant: row.tenantName,
    connectorId,
    connector: row.connectorName,
    endpointPath,
    description,
    status,
    legacyPaths: [...row.legacyPaths],
    overrides: { ...row.overrides },
    policy: row.policy,
    orders: { success: row.orders.success, failed: row.orders.failed, total: row.orders.total },
    version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** The fields of a profile that a merge patch applies to. */
export function patchable(row: ProfileRow<Profile>): Record<string, unknown> {
  const { name, tenantId, connectorId, endpointPath, description, status, legacyPaths, overrides, policy } = row;
  return { name, tenantId, connectorId, endpointPath, description, status, legacyPaths, overrides, policy };
}

/** `<base>/<protocol>/<endpointPath>`; a base that already ends in the protocol's segment is not given it twice. */
export function endpointUrl(base: string, protocol: Profile['protocol'], endpointPath: string): string {
  const root = base.replace(/\/+$/, '');
  const prefix = root.toLowerCase().endsWith(`/${protocol}`) ? root : `${root}/${protocol}`;
  return `${prefix}/${endpointPath}`;
}

type ShownProfile = ReturnType<typeof profileView>;

/** Columns of the CSV that profiles of both protocols have, in this order; a protocol puts its URL among them. */
export const profileColumns = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  tenant: ({ tenant }) => tenant,
  tenantId: ({ tenantId }) => tenantId,
  connector: ({ connector }) => connector,
  connectorId: ({ connectorId }) => connectorId,
  endpointPath: ({ endpointPath }) => endpointPath,
  status: ({ status }) => status,
  ordersSuccess: ({ orders }) => orders.success,
  ordersFailed: ({ orders }) => orders.failed,
  ordersTotal: ({ orders }) => orders.total,
  description: ({ description }) => description,
  createdAt: ({ createdAt }) => createdAt,
  updatedAt: ({ updatedAt }) => updatedAt,
} satisfies CsvColumns<ShownProfile>;
