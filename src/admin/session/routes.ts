import type { FastifyReply, FastifyRequest } from 'fastify';
import { GateCrowded } from '../../tenancy/gate.js';
import { type SignInAttempt, type SignInDeps, type SignInFault, signIn } from '../../tenancy/sign-in.js';
import type { User } from '../../tenancy/user.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, signedInOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { answers } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { Problem } from '../problem.js';
import { beginSession, noteSession } from './begin.js';
import { describeCaller } from './describe.js';
import { refuseForeignPage } from './origin.js';
import { sessionChangeSchema, sessionSchema, signInSchema, signOutSchema } from './schema.js';
import { clearSessionCookie, findSession } from './session-cookie.js';

const tags = ['session'];

export function sessionRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/session',
    {
      config: { access: 'public' },
      schema: {
        tags,
        operationId: 'getSession',
        summary: 'Who am I; answers 200 without credentials too',
        response: answers({ 200: sessionSchema }),
      },
    },
    async (request) => describeCaller(request.caller, deps),
  );
}

/** Signing in and out, and the tenant to work in. */
export function signInRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  app.post(
    '/session',
    {
      config: { access: 'public' },
      schema: { tags, operationId: 'signIn', summary: 'Sign in; the session is a cookie', body: signInSchema, response: answers({ 200: sessionSchema }) },
    },
    async (request, reply) => {
      refuseForeignPage(request, deps.adminUrl);
      const user = await signedIn({ ...request.body, source: request.ip }, signInDeps(deps, identity));
      const by = await beginSession(request, reply, deps, identity, { user, method: 'password' });
      return describeCaller(callerAt(by), deps);
    },
  );

  app.delete(
    '/session',
    {
      config: { access: 'public' },
      schema: { tags, operationId: 'signOut', summary: 'Sign out; 200 also when nobody was signed in', response: answers({ 200: signOutSchema }) },
    },
    async (request, reply) => ({ endUrl: await signOut(request, reply, deps, identity) }),
  );

  app.patch(
    '/session',
    {
      config: { access: 'self' },
      schema: {
        tags,
        operationId: 'changeSession',
        summary: 'Work in another tenant',
        body: sessionChangeSchema,
        response: answers({ 200: sessionSchema }),
      },
    },
    async (request) => {
      const { user, session } = signedInOf(request);
      const { tenantId } = parsedChange(request.body);
      await refuseOtherTenant(user, tenantId, callerOf(request), deps);
      await identity.sessions.setTenant(session.id, tenantId);
      return describeCaller(callerAt({ user, session: { ...session, tenantId } }), deps);
    },
  );
}

/** A PATCH body reaches handlers unchecked, since most are merge patches; this one is not. */
function parsedChange(body: unknown): { readonly tenantId: string | null } {
  const parsed = sessionChangeSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new Problem('invalid-request', { errors: [{ path: 'tenantId', message: 'Must be the id of a tenant, or null for every tenant' }] });
}

async function refuseOtherTenant(user: User, tenantId: string | null, { actor }: Caller, deps: AdminParts): Promise<void> {
  const isOwn = tenantId === null ? user.tenantIds === null : (user.tenantIds?.includes(tenantId) ?? true);
  const exists = isOwn && (tenantId === null || (await deps.tenants.find({ tenantId: null, actor }, tenantId)) !== undefined);
  refuseFaults(exists ? [] : [{ path: 'tenantId', message: 'No tenant of yours' }]);
}

export function signInDeps(deps: AdminParts, identity: IdentityParts): SignInDeps {
  const { users, totp, limits } = identity;
  return { users, totp, limits, audit: deps.audit, clock: deps.clock };
}

/** The user, or the problem that says why not: 401 for everything that is wrong, 429 while a block stands. */
export async function signedIn(attempt: SignInAttempt, deps: SignInDeps): Promise<User> {
  const result = await signIn(attempt, deps).catch((error: unknown) => {
    if (error instanceof GateCrowded) throw new Problem('unavailable', { detail: 'Too many sign in at once.', headers: { 'retry-after': '10' } });
    throw error;
  });
  if (result.ok) return result.value;
  throw problemOf(result.error);
}

function problemOf(fault: SignInFault): Problem {
  if (fault.kind === 'code-required') return new Problem('code-required', { detail: 'Send the six digits of your authenticator app as `code`.' });
  if (fault.kind === 'wrong') return new Problem('unauthenticated', { detail: 'User name, password or code is wrong.' });
  const seconds = Math.ceil(fault.waitMs / 1000);
  return new Problem('too-many-attempts', { detail: `Try again in ${seconds} seconds.`, headers: { 'retry-after': String(seconds) } });
}

function callerAt({ user, session }: Pick<Extract<Caller['by'], { kind: 'user' }>, 'user' | 'session'>): Caller {
  return { actor: `user:${user.id}`, roles: user.roles, tenantId: session.tenantId, permissions: null, by: { kind: 'user', user, session } };
}

/** The cookie goes in any case. Where to sign out at the identity provider too. */
async function signOut(request: FastifyRequest, reply: FastifyReply, deps: AdminParts, identity: IdentityParts): Promise<string | null> {
  const found = await findSession(request, deps);
  clearSessionCookie(reply, deps.adminUrl);
  if (found === undefined) return null;
  const idToken = await identity.sessions.idToken(found.session.id);
  await identity.sessions.end(found.user.id, found.session.id);
  await noteSession(deps, 'session.ended', found, {});
  if (idToken === undefined || identity.provider === undefined) return null;
  return (await identity.provider.endUrl(idToken.reveal())) ?? null;
}
