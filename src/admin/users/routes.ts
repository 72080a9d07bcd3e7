import { uuidv7 } from '../../runtime/ids.js';
import { generateCredential } from '../../tenancy/credentials.js';
import { hashPassword } from '../../tenancy/password.js';
import { passwordFault } from '../../tenancy/password-policy.js';
import type { User } from '../../tenancy/user.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { listRoute } from '../list-route.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts, IdentityParts } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { changeRoute, type Resource, readRoute, removeRoute, sendCreated } from '../resource.js';
import { written } from '../write-fault.js';
import { grantFaults, refuseMighty } from './may-manage.js';
import { changedUserSchema, createdUserSchema, newUserSchema, userListQuery, userPage, userPatchSchema, userSchema, userView } from './schema.js';

const tags = ['users'];

/** 142 bits, typed once. */
const madePasswordLength = 24;

export function makePassword(): string {
  return generateCredential(madePasswordLength);
}

export function userResource({ users }: IdentityParts): Resource<User, typeof userSchema> {
  return {
    path: '/users',
    tags,
    name: 'User',
    one: 'a user',
    access: { read: 'user:read', write: 'user:write' },
    schema: userSchema,
    async find(caller, id) {
      const user = await users.find(contextOf(caller), id);
      if (user === undefined) throw notFound();
      return user;
    },
    view: (_caller, user) => userView(user),
  };
}

export function userRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  const { users } = identity;
  const resource = userResource(identity);

  listRoute(app, {
    path: '/users',
    tags,
    operationId: 'listUsers',
    summary: 'List users',
    access: 'user:read',
    query: userListQuery,
    page: userPage,
    list: ({ context, query }) => users.list(context, query),
    view: (items) => items.map(userView),
  });

  app.post(
    '/users',
    {
      config: { access: 'user:write' },
      schema: { tags, operationId: 'createUser', summary: 'Create a user', body: newUserSchema, response: answers({ 201: createdUserSchema }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { password, email = null, tenantIds: wanted, ...fields } = request.body;
      const tenantIds = tenantsForNew(caller, wanted);
      const user = { ...fields, email, tenantIds };
      refuseFaults([...(await grantFaults(caller, user, deps)), ...passwordFaults(password, user)]);
      const made = password === undefined ? makePassword() : undefined;
      const passwordHash = await hashPassword(made ?? password ?? '');
      const stored = { ...user, id: uuidv7(deps.clock.now().getTime()), passwordHash, mustChangePassword: true, identity: null };
      const created = written(await users.create(contextOf(caller), stored));
      const view = { ...userView(created), ...(made !== undefined && { password: made }) };
      return sendCreated(reply, deps, { ...resource, schema: createdUserSchema }, caller, created, view);
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: userPatchSchema,
    async change({ caller, current, version, patch }) {
      refuseMighty(caller, current);
      const { id: _id, ...document } = { id: current.id, ...editable(current) };
      const changed = applyPatch(changedUserSchema, document, patch, ['username']);
      const after = { ...changed, email: changed.email ?? null, tenantIds: changed.tenantIds ?? null };
      refuseFaults(await grantFaults(caller, after, deps));
      if (isSelf(caller, current) && after.status !== 'active') throw ownAccount();
      return written(await users.update(contextOf(caller), current.id, version, after));
    },
  });
  removeRoute(app, deps, resource, {
    async remove({ caller, current, version }) {
      refuseMighty(caller, current);
      if (isSelf(caller, current)) throw ownAccount();
      written(await users.remove(contextOf(caller), current.id, version));
    },
  });
}

/** As the patch sees it: what is absent is cleared. */
function editable({ email, displayName, roles, tenantIds, status }: User): Readonly<Record<string, unknown>> {
  return { email: email ?? undefined, displayName, roles, tenantIds: tenantIds ?? undefined, status };
}

function tenantsForNew(caller: Caller, wanted: readonly string[] | null | undefined): readonly string[] | null {
  if (wanted !== undefined) return wanted;
  if (caller.tenantId === null)
    throw new Problem('invalid-request', { errors: [{ path: 'tenantIds', message: 'Required: name the tenants, or null for every tenant' }] });
  return [caller.tenantId];
}

function passwordFaults(password: string | undefined, user: Pick<User, 'username' | 'displayName' | 'email'>) {
  const fault = password === undefined ? undefined : passwordFault(password, user);
  return fault === undefined ? [] : [{ path: 'password', message: fault }];
}

const isSelf = ({ by }: Caller, user: User): boolean => by.kind === 'user' && by.user.id === user.id;

const ownAccount = (): Problem => new Problem('wrong-state', { detail: 'You cannot lock yourself out; ask another administrator.' });
