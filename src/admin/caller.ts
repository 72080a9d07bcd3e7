import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Context, systemContext, tenantContext } from '../tenancy/context.js';
import type { ApiToken, Role } from '../tenancy/ports.js';
import { hashToken, isToken } from '../tenancy/token.js';
import { isAllowed, type Permission } from './permission.js';
import type { AdminParts } from './ports.js';
import { Problem } from './problem.js';

/** Who asks, once the credentials were verified. */
export interface Caller {
  /** For the audit: `token:<id>`. */
  readonly actor: string;
  readonly role: Role;
  /** null: sees every tenant. */
  readonly tenantId: string | null;
  readonly token: ApiToken;
}

/** What a route asks of its caller; `public` must be said aloud. */
export type Access = Permission | 'public';

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

async function authenticate(request: FastifyRequest, deps: AdminParts): Promise<Caller | null> {
  const text = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (text === undefined || !isToken(text)) return null;
  const token = await deps.access.findToken(hashToken(text));
  if (token === undefined) return null;
  return { actor: `token:${token.id}`, role: token.role, tenantId: token.tenantId, token };
}

async function authorise(request: FastifyRequest, deps: AdminParts): Promise<void> {
  const access = request.routeOptions.config.access;
  if (access === 'public') return;
  const caller = request.caller;
  if (caller === null) throw unauthenticated(request);
  if (access !== undefined && isAllowed(caller, access)) return;
  await noteDenial(caller, access, request, deps);
  throw new Problem('forbidden', { detail: `This needs the permission ${access}.`, members: { permission: access } });
}

/** RFC 6750 section 3: the error is named only when credentials were sent. */
function unauthenticated(request: FastifyRequest): Problem {
  const error = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthenticated', {
    detail: 'Send a valid API token as Authorization: Bearer gh_...',
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

/** What the caller may see: its tenant, or all of them. */
export function contextOf(caller: Caller): Context {
  return caller.tenantId === null ? systemContext(caller.actor) : tenantContext(caller.tenantId, caller.actor);
}
