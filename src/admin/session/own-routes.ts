import type { FastifyRequest } from 'fastify';
import { Secret } from '../../runtime/secret.js';
import { systemContext } from '../../tenancy/context.js';
import { hashPassword } from '../../tenancy/password.js';
import { passwordFault } from '../../tenancy/password-policy.js';
import { limitKeys } from '../../tenancy/sign-in-limit.js';
import { base32, generateBackupCodes, generateTotpSecret, hashBackupCode, matchingStep, otpauthUri } from '../../tenancy/totp.js';
import type { User } from '../../tenancy/user.js';
import type { AdminApp } from '../app.js';
import { signedInOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { idParams } from '../field.js';
import { answers, noContent } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { renewSession } from './begin.js';
import { sessionView } from './describe.js';
import { signedIn, signInDeps } from './routes.js';
import {
  backupCodesSchema,
  confirmPasswordSchema,
  passwordChangeSchema,
  sessionRowsSchema,
  totpConfirmationSchema,
  totpProposalSchema,
  totpRemovalSchema,
} from './schema.js';

const tags = ['session'];
const access = 'self' as const;

/** The user's own sessions. */
export function ownSessionRoutes(app: AdminApp, deps: AdminParts, { sessions, times }: IdentityParts): void {
  app.get(
    '/session/all',
    { config: { access }, schema: { tags, operationId: 'listOwnSessions', summary: 'Where am I signed in', response: answers({ 200: sessionRowsSchema }) } },
    async (request) => {
      const { user, session } = signedInOf(request);
      const all = await sessions.listOf(user.id, deps.clock.now(), times.idleMs);
      return { items: all.map((one) => sessionView(one, session.id)) };
    },
  );

  app.delete(
    '/session/all/:id',
    {
      config: { access },
      schema: { tags, operationId: 'endOwnSession', summary: 'Sign out somewhere else', params: idParams, response: answers({ 204: noContent }) },
    },
    async (request, reply) => {
      if (!(await sessions.end(signedInOf(request).user.id, request.params.id))) throw notFound();
      return reply.code(204).send(null);
    },
  );
}

export function ownPasswordRoute(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  app.post(
    '/session/password',
    {
      config: { access },
      schema: { tags, operationId: 'changePassword', summary: 'Change my password', body: passwordChangeSchema, response: answers({ 204: noContent }) },
    },
    async (request, reply) => {
      const { currentPassword, newPassword } = request.body;
      const user = await confirmed(request, currentPassword, deps, identity);
      const fault = newPassword === currentPassword ? 'Must be another one than before' : passwordFault(newPassword, user);
      refuseFaults(fault === undefined ? [] : [{ path: 'newPassword', message: fault }]);
      const { session } = signedInOf(request);
      const passwordHash = await hashPassword(newPassword);
      await identity.users.setPassword(systemContext(`user:${user.id}`), user.id, { passwordHash, mustChange: false, except: session.id });
      await renewSession(reply, deps, identity, signedInOf(request), { ...user, mustChangePassword: false });
      return reply.code(204).send(null);
    },
  );
}

/** The second factor (RFC 6238): proposed, then confirmed by a code. */
export function ownTotpRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  app.post(
    '/session/totp',
    {
      config: { access },
      schema: {
        tags,
        operationId: 'proposeTotp',
        summary: 'Begin to set up a second factor',
        body: confirmPasswordSchema,
        response: answers({ 200: totpProposalSchema }),
      },
    },
    async (request) => {
      const user = await confirmed(request, request.body.password, deps, identity);
      if (user.mustChangePassword) throw new Problem('session-restricted', { detail: 'Choose a new password first.' });
      const secret = generateTotpSecret();
      if (!(await identity.totp.propose(systemContext(`user:${user.id}`), user.id, new Secret(secret)))) throw inForce();
      return { secret: base32(secret), otpauthUri: otpauthUri(secret, user.username, 'Gatehouse') };
    },
  );

  app.post(
    '/session/totp/confirm',
    {
      config: { access },
      schema: {
        tags,
        operationId: 'confirmTotp',
        summary: 'Put the second factor in force with a code of it',
        body: totpConfirmationSchema,
        response: answers({ 200: backupCodesSchema }),
      },
    },
    async (request, reply) => {
      const { user } = signedInOf(request);
      await limited(user, request, deps, identity);
      const proposed = await identity.totp.secretOf(user.id);
      if (proposed === undefined || proposed.isConfirmed) throw proposed === undefined ? nothingProposed() : inForce();
      const step = matchingStep(proposed.secret.reveal(), request.body.code.replace(/\s/g, ''), deps.clock.now());
      if (step === undefined)
        throw new Problem('invalid-request', { errors: [{ path: 'code', message: 'Is not a code of this moment; check the clock of the phone' }] });
      const backupCodes = [...generateBackupCodes()];
      if (!(await identity.totp.confirm(systemContext(`user:${user.id}`), user.id, step, backupCodes.map(hashBackupCode)))) throw inForce();
      await renewSession(reply, deps, identity, signedInOf(request), { ...user, hasTotp: true });
      return { backupCodes };
    },
  );

  app.post(
    '/session/totp/remove',
    {
      config: { access },
      schema: {
        tags,
        operationId: 'removeTotp',
        summary: 'Do without a second factor',
        body: totpRemovalSchema,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const { session } = signedInOf(request);
      const user = await confirmed(request, request.body.password, deps, identity, request.body.code);
      if (!user.hasTotp) throw nothingProposed();
      await identity.totp.remove(systemContext(`user:${user.id}`), user.id, session.id);
      await renewSession(reply, deps, identity, signedInOf(request), { ...user, hasTotp: false });
      return reply.code(204).send(null);
    },
  );
}

/** The user, when the password is right: who finds a browser unlocked must not take the account with it. Guessing is limited as at sign-in. */
async function confirmed(request: FastifyRequest, password: string, deps: AdminParts, identity: IdentityParts, code?: string): Promise<User> {
  const { user } = signedInOf(request);
  if (!user.hasPassword) throw new Problem('wrong-state', { detail: 'You sign in at an identity provider; password and second factor are kept there.' });
  // The code was asked for when the session began; only what takes the second factor away asks for it again.
  const withoutFactor = code === undefined ? { ...identity, users: withoutTotp(identity.users) } : identity;
  const result = await signedIn({ username: user.username, password, code, source: request.ip }, signInDeps(deps, withoutFactor)).catch((error: unknown) => {
    if (error instanceof Problem && error.code === 'unauthenticated')
      throw new Problem('invalid-request', { errors: [{ path: 'password', message: 'Is wrong, or the code is' }] });
    throw error;
  });
  return { ...result, hasTotp: user.hasTotp };
}

function withoutTotp(users: IdentityParts['users']): IdentityParts['users'] {
  return {
    ...users,
    async findByName(username) {
      const found = await users.findByName(username);
      return found === undefined ? undefined : { ...found, user: { ...found.user, hasTotp: false } };
    },
  };
}

async function limited(user: User, request: FastifyRequest, deps: AdminParts, { limits }: IdentityParts): Promise<void> {
  const { keys, known } = limitKeys(user.username, request.ip);
  const waitMs = await limits.take(keys, known, deps.clock.now());
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new Problem('too-many-attempts', { detail: `Try again in ${seconds} seconds.`, headers: { 'retry-after': String(seconds) } });
}

const inForce = (): Problem => new Problem('wrong-state', { detail: 'A second factor is in force already; remove it first.' });
const nothingProposed = (): Problem => new Problem('wrong-state', { detail: 'There is no second factor to confirm or remove.' });
