import type { FastifyReply, FastifyRequest } from 'fastify';
import { uuidv7 } from '../../runtime/ids.js';
import type { Secret } from '../../runtime/secret.js';
import type { Role } from '../../tenancy/role.js';
import { generateSessionToken, hashSessionToken, type Session, type SessionRestriction } from '../../tenancy/session.js';
import type { User } from '../../tenancy/user.js';
import type { SignedIn } from '../caller.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { findSession, setSessionCookie } from './session-cookie.js';

const longestAgent = 300;

/** What the user must do first. The second factor of users from an identity provider is the provider's business. */
export function restrictionOf(user: User, method: Session['method'], totpRoles: readonly Role[]): SessionRestriction | null {
  if (method === 'oidc') return null;
  if (user.mustChangePassword) return 'change-password';
  return !user.hasTotp && user.roles.some((role) => totpRoles.includes(role)) ? 'enrol-totp' : null;
}

/** A new session under a new token, never one that came with the request; the one the browser had ends. */
export async function beginSession(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: AdminParts,
  identity: IdentityParts,
  { user, method, idToken }: { readonly user: User; readonly method: Session['method']; readonly idToken?: Secret },
): Promise<SignedIn> {
  const before = await findSession(request, deps);
  if (before !== undefined) await identity.sessions.end(before.user.id, before.session.id);
  const now = deps.clock.now();
  const session: Session = {
    id: uuidv7(now.getTime()),
    userId: user.id,
    tenantId: user.tenantIds?.[0] ?? null,
    method,
    restriction: restrictionOf(user, method, identity.totpRoles),
    source: request.ip,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, longestAgent),
    createdAt: now,
    lastUsedAt: now,
    expiresAt: new Date(now.getTime() + identity.times.absoluteMs),
  };
  const token = generateSessionToken();
  await identity.sessions.begin(session, hashSessionToken(token), idToken);
  await identity.users.noteLogin(user.id, now);
  await noteSession(deps, 'session.begun', { user, session }, { method, source: session.source });
  setSessionCookie(reply, deps.adminUrl, token);
  return { user, session };
}

/** The same session under a new token, when what it is good for has changed. */
export async function renewSession(reply: FastifyReply, deps: AdminParts, identity: IdentityParts, { session }: SignedIn, user: User): Promise<void> {
  const token = generateSessionToken();
  await identity.sessions.renew(session.id, hashSessionToken(token), restrictionOf(user, session.method, identity.totpRoles));
  setSessionCookie(reply, deps.adminUrl, token);
}

export async function noteSession(deps: AdminParts, action: string, { user, session }: SignedIn, details: Readonly<Record<string, string>>): Promise<void> {
  const tenantId = user.tenantIds?.length === 1 ? (user.tenantIds[0] ?? null) : null;
  const object = `session:${session.id}`;
  await deps.audit.append({ at: deps.clock.now(), tenantId, actor: `user:${user.id}`, action, object, outcome: 'success', details });
}
