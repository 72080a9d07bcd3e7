import { z } from 'zod';
import { hashPassword } from '../../tenancy/password.js';
import type { User } from '../../tenancy/user.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { idParams, idSchema } from '../field.js';
import { answers, noContent } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { sessionView } from '../session/describe.js';
import { sessionRowsSchema } from '../session/schema.js';
import { refuseMighty } from './may-manage.js';
import { makePassword, userResource } from './routes.js';
import { resetPasswordSchema } from './schema.js';

const tags = ['users'];
const sessionParams = z.strictObject({ id: idSchema, sessionId: idSchema });

/** What an administrator does for others: a new password, another phone, an end of their sessions. */
export function userCredentialRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  const { users, totp, sessions, times } = identity;
  const resource = userResource(identity);
  const managed = async (caller: Caller, id: string): Promise<User> => {
    const user = await resource.find(caller, id);
    refuseMighty(caller, user);
    return user;
  };

  app.post(
    '/users/:id/reset-password',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'resetPassword',
        summary: 'Make a new password for a user, to be changed at the next login; every session of the user ends',
        params: idParams,
        response: answers({ 200: resetPasswordSchema }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const user = await managed(caller, request.params.id);
      if (user.identity !== null) throw new Problem('wrong-state', { detail: 'This user signs in at the identity provider; reset the password there.' });
      const password = makePassword();
      if (!(await users.setPassword(contextOf(caller), user.id, { passwordHash: await hashPassword(password), mustChange: true }))) throw notFound();
      return { password };
    },
  );

  app.post(
    '/users/:id/remove-totp',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'removeUserTotp',
        summary: 'Take the second factor of a user away, when the phone is lost; every session of the user ends',
        params: idParams,
        response: answers({ 204: noContent }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const user = await managed(caller, request.params.id);
      if (!(await totp.remove(contextOf(caller), user.id))) throw new Problem('wrong-state', { detail: 'The user has no second factor.' });
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/users/:id/sessions',
    {
      config: { access: 'user:read' },
      schema: { tags, operationId: 'listUserSessions', summary: 'Where a user is signed in', params: idParams, response: answers({ 200: sessionRowsSchema }) },
    },
    async (request) => {
      const caller = callerOf(request);
      const user = await managed(caller, request.params.id);
      const current = caller.by.kind === 'user' ? caller.by.session.id : undefined;
      return { items: (await sessions.listOf(user.id, deps.clock.now(), times.idleMs)).map((session) => sessionView(session, current)) };
    },
  );

  const noteEnd = (caller: Caller, user: User, details: Readonly<Record<string, string | number>>) =>
    deps.audit.append({
      at: deps.clock.now(),
      tenantId: caller.tenantId,
      actor: caller.actor,
      action: 'session.revoked',
      object: `user:${user.id}`,
      outcome: 'success',
      details,
    });

  app.delete(
    '/users/:id/sessions',
    {
      config: { access: 'user:write' },
      schema: { tags, operationId: 'endUserSessions', summary: 'Sign a user out everywhere', params: idParams, response: answers({ 204: noContent }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const user = await managed(caller, request.params.id);
      await noteEnd(caller, user, { sessions: await sessions.endAll(user.id) });
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/users/:id/sessions/:sessionId',
    {
      config: { access: 'user:write' },
      schema: { tags, operationId: 'endUserSession', summary: 'Sign a user out at one browser', params: sessionParams, response: answers({ 204: noContent }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { id, sessionId } = request.params;
      const user = await managed(caller, id);
      if (!(await sessions.end(user.id, sessionId))) throw notFound();
      await noteEnd(caller, user, { session: sessionId });
      return reply.code(204).send(null);
    },
  );
}
