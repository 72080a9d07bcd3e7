import { type Role, roles } from '../tenancy/ports.js';

interface Rule {
  readonly least: Role;
  /** A lesser role that has it all the same. */
  readonly also?: Role;
  /** Only for callers that are not bound to one tenant. */
  readonly everyTenant?: true;
}

/** Every permission with the least role that has it. */
export const permissions = {
  'tenant:read': { least: 'viewer' },
  'tenant:write': { least: 'superadmin', everyTenant: true },
  'connector:read': { least: 'viewer' },
  'connector:write': { least: 'admin' },
  'connector:test': { least: 'operator' },
  'profile:read': { least: 'viewer' },
  'profile:write': { least: 'admin' },
  'profile:rotate-secret': { least: 'admin' },
  'profile:ra-keys': { least: 'admin' },
  'challenge:mint': { least: 'operator', also: 'minter' },
  'order:read': { least: 'viewer' },
  'order:approve': { least: 'operator' },
  'order:acknowledge': { least: 'operator' },
  'refusal:read': { least: 'viewer' },
  'certificate:read': { least: 'viewer' },
  'certificate:revoke': { least: 'operator' },
  'account:read': { least: 'viewer' },
  'audit:read': { least: 'auditor' },
  'audit:export': { least: 'auditor', everyTenant: true },
  'audit-sink:read': { least: 'auditor', everyTenant: true },
  'audit-sink:write': { least: 'superadmin', everyTenant: true },
  'message:decode': { least: 'operator' },
  'notification-rule:read': { least: 'viewer' },
  'notification-rule:write': { least: 'admin' },
  'notification-rule:test': { least: 'operator' },
  'mail:read': { least: 'viewer' },
  'mail:retry': { least: 'operator' },
  'engine:read': { least: 'viewer' },
  'engine:write': { least: 'superadmin', everyTenant: true },
} as const satisfies Record<string, Rule>;

export type Permission = keyof typeof permissions;
export const permissionNames = Object.keys(permissions) as Permission[];

interface Bearer {
  readonly role: Role;
  /** null: every tenant. */
  readonly tenantId: string | null;
}

/** The one place that says who may do what. */
export function isAllowed(bearer: Bearer, permission: Permission): boolean {
  const rule: Rule = permissions[permission];
  if (rule.everyTenant === true && bearer.tenantId !== null) return false;
  return bearer.role === rule.also || roles.indexOf(bearer.role) >= roles.indexOf(rule.least);
}
