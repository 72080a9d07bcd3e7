import type { z } from 'zod';
import { systemContext } from '../../tenancy/context.js';
import { highestRole } from '../../tenancy/role.js';
import type { Session } from '../../tenancy/session.js';
import { type Caller, contextOf } from '../caller.js';
import { permissionsOf } from '../permission.js';
import type { AdminParts } from '../ports.js';
import type { sessionRowSchema, sessionSchema } from './schema.js';

type SessionView = z.output<typeof sessionSchema>;

export const providerPath = '/api/v1/session/provider';

/** What the console must know of who is asking. */
export async function describeCaller(caller: Caller | null, deps: AdminParts): Promise<SessionView> {
  const { provider } = deps.identity ?? {};
  if (caller === null) return { authenticated: false, provider: provider === undefined ? null : { name: provider.name, startUrl: providerPath } };
  const tenant = caller.tenantId === null ? undefined : await deps.tenants.find(contextOf(caller), caller.tenantId);
  return {
    authenticated: true,
    role: highestRole(caller.roles),
    roles: [...caller.roles],
    tenantId: caller.tenantId,
    tenant: tenant?.name ?? null,
    permissions: [...permissionsOf(caller)],
    deviceUrl: deps.deviceUrl,
    ...(await credentialOf(caller, deps)),
  };
}

async function credentialOf({ by, actor }: Caller, deps: AdminParts) {
  if (by.kind === 'token') {
    const { name, expiresAt } = by.token;
    return { kind: 'token', name, user: null, tenants: null, restriction: null, expiresAt: expiresAt?.toISOString() ?? null, idleSeconds: null } as const;
  }
  const { user, session } = by;
  const { id, username, displayName, email, hasPassword, hasTotp } = user;
  const found = await Promise.all((user.tenantIds ?? []).map((tenantId) => deps.tenants.find(systemContext(actor), tenantId)));
  return {
    kind: 'user',
    name: displayName === '' ? username : displayName,
    user: { id, username, displayName, email, hasPassword, hasTotp },
    tenants: user.tenantIds === null ? null : found.flatMap((tenant) => (tenant === undefined ? [] : [{ id: tenant.id, name: tenant.name }])),
    restriction: session.restriction,
    expiresAt: session.expiresAt.toISOString(),
    idleSeconds: Math.round((deps.identity?.times.idleMs ?? 0) / 1000),
  } as const;
}

export function sessionView(session: Session, current: string | undefined): z.output<typeof sessionRowSchema> {
  const { id, method, source, userAgent, createdAt, lastUsedAt, expiresAt } = session;
  const times = { createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt.toISOString(), expiresAt: expiresAt.toISOString() };
  return { id, isThisOne: id === current, method, source, userAgent, ...times };
}
