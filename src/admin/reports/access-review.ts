import type { Context } from '../../tenancy/context.js';
import type { ApiToken } from '../../tenancy/ports.js';
import type { User } from '../../tenancy/user.js';
import { permissionsOf } from '../permission.js';
import type { IdentityParts } from '../ports.js';
import { everyItem } from './collect.js';
import type { AccessEntry, Remark } from './schema.js';

/** Unused for so long, somebody should ask what it is for. */
const unusedDays = 90;
const dayMs = 86_400_000;

/** Who may do what, and when they last did: users and tokens that the context sees, by their making. */
export async function accessReview(context: Context, { users, tokens }: IdentityParts, now: Date): Promise<readonly AccessEntry[]> {
  const entries: AccessEntry[] = [];
  for await (const user of everyItem((query) => users.list(context, query))) entries.push(ofUser(user, now));
  for await (const token of everyItem((query) => tokens.listTokens(context, query))) entries.push(ofToken(token, now));
  return entries;
}

function ofUser(user: User, now: Date): AccessEntry {
  const { id, username: name, roles, tenantIds, status, lastLoginAt, createdAt } = user;
  const permissions = permissionsOf({ roles, tenantId: tenantIds === null ? null : (tenantIds[0] ?? ''), permissions: null });
  const remarks: Remark[] = [...remarksOnUse(lastLoginAt, createdAt, now), ...remarksOnRights(permissions, tenantIds)];
  if (!user.hasTotp && user.hasPassword) remarks.push('no-second-factor');
  const what = { kind: 'user' as const, id, name, roles: [...roles], tenantIds: tenantIds === null ? null : [...tenantIds] };
  const times = { lastUsedAt: lastLoginAt?.toISOString() ?? null, createdAt: createdAt.toISOString(), expiresAt: null, createdBy: null };
  return { ...what, permissions: [...permissions], status, ...times, remarks: status === 'active' ? remarks : [] };
}

function ofToken(token: ApiToken, now: Date): AccessEntry {
  const { id, name, role, tenantId, permissions: only, lastUsedAt, createdAt, createdBy, expiresAt } = token;
  const permissions = permissionsOf({ roles: [role], tenantId, permissions: only });
  const tenantIds = tenantId === null ? null : [tenantId];
  const isExpired = expiresAt !== null && expiresAt <= now;
  const remarks: Remark[] = [...remarksOnUse(lastUsedAt, createdAt, now), ...remarksOnRights(permissions, tenantIds)];
  if (expiresAt === null) remarks.push('never-expires');
  const times = { lastUsedAt: lastUsedAt?.toISOString() ?? null, createdAt: createdAt.toISOString(), expiresAt: expiresAt?.toISOString() ?? null, createdBy };
  const status = isExpired ? 'expired' : 'active';
  return { kind: 'token', id, name, roles: [role], tenantIds, permissions: [...permissions], status, ...times, remarks: isExpired ? [] : remarks };
}

function remarksOnUse(lastUsedAt: Date | null, createdAt: Date, now: Date): readonly Remark[] {
  const isOld = now.getTime() - (lastUsedAt ?? createdAt).getTime() > unusedDays * dayMs;
  if (lastUsedAt === null) return isOld ? ['never-used', 'unused'] : ['never-used'];
  return isOld ? ['unused'] : [];
}

/** What makes a loss of these rights worse than others'. */
function remarksOnRights(permissions: readonly string[], tenantIds: readonly string[] | null): readonly Remark[] {
  if (!permissions.some((permission) => /:(write|ra-keys|rotate-secret)$/.test(permission))) return [];
  return tenantIds === null ? ['administers', 'every-tenant'] : ['administers'];
}
