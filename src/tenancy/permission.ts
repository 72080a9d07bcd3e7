import { highestRole, type Role, roles } from './role.js';

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
  'profile:test': { least: 'operator' },
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
  'user:read': { least: 'admin' },
  'user:write': { least: 'admin' },
  'token:read': { least: 'admin' },
  'token:write': { least: 'admin' },
} as const satisfies Record<string, Rule>;

export type Permission = keyof typeof permissions;
export const permissionNames = Object.keys(permissions) as Permission[];

export interface Bearer {
  /** What one of them may do, the bearer may do. */
  readonly roles: readonly Role[];
  /** null: every tenant. */
  readonly tenantId: string | null;
  /** Of what the roles may do, only this; null: all of it. */
  readonly permissions: readonly string[] | null;
}

/** The one place that says who may do what. */
export function isAllowed(bearer: Bearer, permission: Permission): boolean {
  const rule: Rule = permissions[permission];
  if (rule.everyTenant === true && bearer.tenantId !== null) return false;
  if (bearer.permissions !== null && !bearer.permissions.includes(permission)) return false;
  return bearer.roles.some((role) => role === rule.also || roles.indexOf(role) >= roles.indexOf(rule.least));
}

/** Everything the bearer may do, in the table's order. */
export function permissionsOf(bearer: Bearer): readonly Permission[] {
  return permissionNames.filter((permission) => isAllowed(bearer, permission));
}

/** Nobody gives what he does not have: neither a permission nor a tenant, nor a role that would be more in another place. */
export function mayGrant(giver: Bearer, taker: Bearer): boolean {
  if (giver.tenantId !== null && taker.tenantId !== giver.tenantId) return false;
  const rank = (bearer: Bearer): number => roles.indexOf(highestRole(bearer.roles));
  return rank(taker) <= rank(giver) && permissionsOf(taker).every((permission) => isAllowed(giver, permission));
}
