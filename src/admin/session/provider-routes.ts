import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuidv7 } from '../../runtime/ids.js';
import { createSealer, deriveKey } from '../../runtime/seal.js';
import { Secret } from '../../runtime/secret.js';
import { systemContext } from '../../tenancy/context.js';
import type { IdentityProvider, LoginState, ProvidedUser } from '../../tenancy/identity-provider.js';
import { plainUsername } from '../../tenancy/sign-in.js';
import type { User } from '../../tenancy/user.js';
import type { AdminApp } from '../app.js';
import { answers } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { beginSession } from './begin.js';
import { cookieName, cookieOf } from './session-cookie.js';

const tags = ['session'];
const loginMinutes = 10;
const context = systemContext('identity-provider');

/** Why a login came to nothing; the console shows it in words. */
type LoginFault = 'provider-away' | 'login-not-verified' | 'no-access' | 'name-taken';

const loginStateSchema = z.object({ state: z.string(), nonce: z.string(), codeVerifier: z.string(), until: z.number() });
const redirect = z.null().describe('To the identity provider, or to the console');

/** Login at an identity provider: the browser goes there and comes back; it carries the state of it, sealed, in a cookie of its own. */
export function providerRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts, provider: IdentityProvider): void {
  const loginCookie = `${cookieName(deps.adminUrl)}-login`;
  const flags = `Path=/; HttpOnly; SameSite=Lax${deps.adminUrl.startsWith('https:') ? '; Secure' : ''}`;

  app.get(
    '/session/provider',
    {
      config: { access: 'public' },
      schema: { tags, operationId: 'beginProviderLogin', summary: 'Sign in at the identity provider', response: answers({ 302: redirect }) },
    },
    async (_request, reply) => {
      const begun = await provider.begin();
      if (begun === undefined) return sendHome(reply, deps, 'provider-away');
      reply.header('set-cookie', `${loginCookie}=${sealLogin(begun.login, deps)}; Max-Age=${loginMinutes * 60}; ${flags}`);
      return reply.redirect(begun.url, 302) as never;
    },
  );

  app.get(
    '/session/provider/callback',
    {
      config: { access: 'public' },
      schema: {
        tags,
        operationId: 'finishProviderLogin',
        summary: 'Where the identity provider sends the browser back to',
        querystring: z.looseObject({}),
        response: answers({ 302: redirect }),
      },
    },
    async (request, reply) => {
      reply.header('set-cookie', `${loginCookie}=; Max-Age=0; ${flags}`);
      const login = openLogin(cookieOf(request, loginCookie), deps);
      const provided = login === undefined ? undefined : await provider.finish(request.url.split('?')[1] ?? '', login);
      if (provided === undefined) return sendHome(reply, deps, 'login-not-verified');
      return finish(request, reply, deps, identity, provided);
    },
  );
}

async function finish(request: FastifyRequest, reply: FastifyReply, deps: AdminParts, identity: IdentityParts, provided: ProvidedUser): Promise<never> {
  const user = await userFor(provided, deps, identity);
  if (typeof user === 'string') {
    await noteRefusal(provided, user, request.ip, deps);
    return sendHome(reply, deps, user);
  }
  const cleared = reply.getHeader('set-cookie');
  await beginSession(request, reply, deps, identity, { user, method: 'oidc', idToken: new Secret(provided.idToken) });
  reply.header(
    'set-cookie',
    [cleared, reply.getHeader('set-cookie')].flat().filter((line, index, all) => line !== undefined && all.indexOf(line) === index),
  );
  return sendHome(reply, deps);
}

function sendHome(reply: FastifyReply, deps: AdminParts, fault?: LoginFault): never {
  return reply.redirect(`${deps.adminUrl}/${fault === undefined ? '' : `?loginError=${fault}`}`, 302) as never;
}

/** The user of this identity, made at the first login; roles and tenants are what the provider says now. A local user of the same name is never taken over. */
async function userFor(provided: ProvidedUser, deps: AdminParts, { users }: IdentityParts): Promise<User | LoginFault> {
  const tenantIds = await tenantIdsOf(provided, deps);
  if (provided.roles.length === 0 || tenantIds?.length === 0) return 'no-access';
  const facts = { email: provided.email, displayName: lineOf(provided.displayName), roles: provided.roles, tenantIds };
  const { issuer, subject } = provided;
  const known = await users.findByIdentity({ issuer, subject });
  if (known === undefined) return addUser({ ...facts, username: usernameOf(provided), identity: { issuer, subject } }, deps, users);
  if (known.status !== 'active') return 'no-access';
  const isSame = (Object.keys(facts) as (keyof typeof facts)[]).every((name) => JSON.stringify(known[name]) === JSON.stringify(facts[name]));
  if (isSame) return known;
  const updated = await users.update(context, known.id, known.version, facts);
  return updated.ok ? updated.value : 'no-access';
}

async function addUser(
  facts: Pick<User, 'email' | 'displayName' | 'roles' | 'tenantIds' | 'username' | 'identity'>,
  deps: AdminParts,
  users: IdentityParts['users'],
): Promise<User | LoginFault> {
  const id = uuidv7(deps.clock.now().getTime());
  const created = await users.create(context, { ...facts, id, status: 'active', passwordHash: null, mustChangePassword: false });
  if (created.ok) return created.value;
  const other = facts.identity === null ? undefined : await users.findByIdentity(facts.identity);
  return other ?? 'name-taken';
}

async function tenantIdsOf({ tenants }: ProvidedUser, deps: AdminParts): Promise<readonly string[] | null> {
  if (tenants === null) return null;
  const { items } = await deps.tenants.list(context, { limit: 200, sort: 'name' });
  return items.filter(({ slug, status }) => tenants.includes(slug) && status === 'active').map(({ id }) => id);
}

const lineOf = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 100);

/** The provider's name for the user where it is one of ours, else one made of the subject. */
function usernameOf({ issuer, subject, username }: ProvidedUser): string {
  const plain = plainUsername(username);
  if (/^[a-z0-9][a-z0-9._@+-]{0,127}$/.test(plain)) return plain;
  return `oidc-${createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex')
    .slice(0, 24)}`;
}

async function noteRefusal({ issuer, subject }: ProvidedUser, reason: LoginFault, source: string, deps: AdminParts): Promise<void> {
  const details = { reason, issuer, subject, source };
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId: null,
    actor: 'identity-provider',
    action: 'login.failed',
    object: 'user:unknown',
    outcome: 'failure',
    details,
  });
}

const place = { table: 'cookie', column: 'login', tenantId: '', rowId: '' } as const;

function sealLogin(login: LoginState, deps: AdminParts): string {
  const text = JSON.stringify({ ...login, until: deps.clock.now().getTime() + loginMinutes * 60_000 });
  return createSealer(deriveKey(deps.challengeMacKey, 'login state')).seal(Buffer.from(text), place).toString('base64url');
}

function openLogin(cookie: string | undefined, deps: AdminParts): LoginState | undefined {
  if (cookie === undefined) return undefined;
  const opened = createSealer(deriveKey(deps.challengeMacKey, 'login state')).open(Buffer.from(cookie, 'base64url'), place);
  const parsed = opened.ok ? loginStateSchema.safeParse(JSON.parse(opened.value.toString('utf8'))) : undefined;
  return parsed?.success === true && parsed.data.until > deps.clock.now().getTime() ? parsed.data : undefined;
}
