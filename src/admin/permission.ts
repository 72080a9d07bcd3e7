import { type Role, roles } from '../tenancy/ports.js';

/** Every permission with the least role that has it. `everyTenant`: only for callers that are not bound to one tenant. */
export const permissions = {
  'tenant:read': { least: 'viewer' },
  'tenant:write': { least: 'superadmin', everyTenant: true },
  'connector:read': { least: 'viewer' },
  'connector:write': { least: 'admin' },
  'connector:test': { least: 'operator' },
  'profile:read': { least: 'viewer' },
  'profile:write': { least: 'admin' },
  'profile:rotate-secret': { least: 'admin' },
  'order:read': { least: 'viewer' },
  'message:decode': { least: 'operator' },
  'order:approve': { least: 'operator' },
  'order:acknowledge': { least: 'operator' },
  'refusal:read': { least: 'viewer' },
  'certificate:read': { least: 'viewer' },
  'certificate:revoke': { least: 'operator' },
  'account:read': { least: 'viewer' },
  'audit:read': { least: 'auditor' },
} as const satisfies Record<string, { readonly least: Role; readonly everyTenant?: true }>;

export type Permission = keyof typeof permissions;
export const permissionNames = Object.keys(permissions) as Permission[];

interface Bearer {
  readonly role: Role;
  /** null: every tenant. */
  readonly tenantId: string | null;
}

/** The one place that says who may do what. */
export function isAllowed(bearer: Bearer, permission: Permission): boolean {
  const rule: { readonly least: Role; readonly everyTenant?: true } = permissions[permission];
  if (rule.everyTenant === true && bearer.tenantId !== null) return false;
  return roles.indexOf(bearer.role) >= roles.indexOf(rule.least);
}
