import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Context, systemContext, tenantContext } from '../tenancy/context.js';
import type { ApiToken } from '../tenancy/ports.js';
import type { Session } from '../tenancy/session.js';
import { hashToken, isToken } from '../tenancy/token.js';
import type { User } from '../tenancy/user.js';
import { isAllowed, type Permission } from './permission.js';
import type { AdminParts } from './ports.js';
import { Problem } from './problem.js';
import { refuseForeignOrigin } from './session/origin.js';
import { findSession } from './session/session-cookie.js';

/** A user at a browser. */
export interface SignedIn {
  readonly user: User;
  readonly session: Session;
}

/** Who asks, once the credentials were verified. */
export interface Caller {
  /** For the audit: `token:<id>` or `user:<id>`. */
  readonly actor: string;
  readonly roles: User['roles'];
  /** null: sees every tenant. */
  readonly tenantId: string | null;
  /** Of what the roles may do, only this; null: all of it. */
  readonly permissions: readonly string[] | null;
  readonly by: { readonly kind: 'token'; readonly token: ApiToken } | ({ readonly kind: 'user' } & SignedIn);
}

/** What a route asks of its caller: a permission; `self`, a user who is signed in, for what is his own; `public` must be said aloud. */
export type Access = Permission | 'self' | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** The schema of a body whose shape depends on what stands in it; `schema.body` then only documents. */
    bodySchema?: (body: unknown) => z.ZodType;
  }
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** Default deny: a route that does not declare its access cannot be registered, one that does is checked before its body is read. */
export function guardRoutes(app: FastifyInstance, deps: AdminParts): void {
  app.decorateRequest('caller', null);
  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new Error(`${String(route.method)} ${route.url} declares no access`);
  });
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    request.caller = await authenticate(request, deps);
    await authorise(request, deps);
  });
}

/** A token where an Authorization header was sent, and nothing else then; otherwise the session of the cookie. */
async function authenticate(request: FastifyRequest, deps: AdminParts): Promise<Caller | null> {
  if (request.headers.authorization !== undefined) return callerByToken(request.headers.authorization, deps);
  const signedIn = await findSession(request, deps);
  if (signedIn === undefined) return null;
  refuseForeignOrigin(request, deps.adminUrl);
  const { user, session } = signedIn;
  const tenantId = user.tenantIds === null ? session.tenantId : workingTenant(user.tenantIds, session.tenantId);
  if (tenantId === undefined) return null;
  return { actor: `user:${user.id}`, roles: user.roles, tenantId, permissions: null, by: { kind: 'user', user, session } };
}

/** The session's tenant while the user still has it, else the first; a user who has none left sees nothing. */
function workingTenant(tenantIds: readonly string[], chosen: string | null): string | undefined {
  return chosen !== null && tenantIds.includes(chosen) ? chosen : tenantIds[0];
}

async function callerByToken(authorization: string, deps: AdminParts): Promise<Caller | null> {
  const text = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (text === undefined || !isToken(text)) return null;
  const token = await deps.access.findToken(hashToken(text));
  if (token === undefined) return null;
  const { id, role, tenantId, permissions } = token;
  return { actor: `token:${id}`, roles: [role], tenantId, permissions, by: { kind: 'token', token } };
}

async function authorise(request: FastifyRequest, deps: AdminParts): Promise<void> {
  const access = request.routeOptions.config.access;
  if (access === 'public') return;
  const caller = request.caller;
  if (caller === null) throw unauthenticated(request);
  if (access === 'self' && caller.by.kind === 'user') return;
  refuseRestricted(caller);
  if (access !== undefined && access !== 'self' && isAllowed(caller, access)) return;
  await noteDenial(caller, access, request, deps);
  if (access === 'self') throw new Problem('forbidden', { detail: 'This is for users who are signed in; a token has no password and no sessions.' });
  throw new Problem('forbidden', { detail: `This needs the permission ${access}.`, members: { permission: access } });
}

const firstSteps = { 'change-password': 'Choose a new password first.', 'enrol-totp': 'Set up a second factor first: your role requires it.' } as const;

function refuseRestricted({ by }: Caller): void {
  const restriction = by.kind === 'user' ? by.session.restriction : null;
  if (restriction !== null) throw new Problem('session-restricted', { detail: firstSteps[restriction], members: { restriction } });
}

/** RFC 6750 section 3: the error is named only when credentials were sent. */
function unauthenticated(request: FastifyRequest): Problem {
  const error = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthenticated', {
    detail: 'Sign in, or send a valid API token as Authorization: Bearer gh_...',
    headers: { 'www-authenticate': `Bearer realm="gatehouse"${error}` },
  });
}

async function noteDenial(caller: Caller, access: Access | undefined, request: FastifyRequest, deps: AdminParts): Promise<void> {
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId: caller.tenantId,
    actor: caller.actor,
    action: 'access.denied',
    object: caller.actor,
    outcome: 'failure',
    details: { permission: access ?? '', method: request.method, route: request.routeOptions.url ?? '' },
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('a public route asked for its caller');
  return request.caller;
}

/** The caller of a route whose access is `self`. */
export function signedInOf(request: FastifyRequest): SignedIn {
  const { by } = callerOf(request);
  if (by.kind !== 'user') throw new Error('a route for users was reached with a token');
  return by;
}

/** What the caller may see: its tenant, or all of them. */
export function contextOf(caller: Caller): Context {
  return caller.tenantId === null ? systemContext(caller.actor) : tenantContext(caller.tenantId, caller.actor);
}
