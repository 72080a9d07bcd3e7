import { type RawBuilder, sql } from 'kysely';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Context } from '../tenancy/context.js';
import { highestRole, type Role } from '../tenancy/role.js';
import type { NewUser, ProviderIdentity, User, UserChange, UserFault, UserStore, UserWithPassword } from '../tenancy/user.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, contains, readPage } from './page.js';
import { equals, equalsId } from './scope.js';
import { auditChange, changedFields, type Trx, writeOrFault } from './tenancy/config-change.js';
import { isUuid, storableText } from './text.js';

export interface UserRow {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly tenant_ids: readonly string[] | null;
  readonly username: string;
  readonly email: string | null;
  readonly display_name: string;
  readonly role: Role;
  readonly roles: readonly Role[] | null;
  readonly status: User['status'];
  readonly password_hash: string | null;
  readonly must_change_password: boolean;
  readonly totp_confirmed_at: Date | null;
  readonly identity_issuer: string | null;
  readonly identity_subject: string | null;
  readonly last_login_at: Date | null;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Everything a `User` is made of, and the password; not the second factor's secret. */
export const userColumns = sql`u.id, u.tenant_id, u.tenant_ids, u.username, u.email, u.display_name, u.role, u.roles, u.status, u.password_hash,
  u.must_change_password, u.totp_confirmed_at, u.identity_issuer, u.identity_subject, u.last_login_at, u.version, u.created_at, u.updated_at`;

export function userStore(connection: Connection, boot: Boot): UserStore {
  return {
    create: (context, user) => createUser(connection, boot, context, user),
    count: async () => (await firstOf(connection, sql<{ count: number }>`select count(*) as count from users`))?.count ?? 0,
    find: async (context, id) => toUserOrNone(await firstOf(connection, selectUser([...visibleUsers(context), ...equalsId(sql`u.id`, id)]))),
    findByName: async (username) => withPassword(await firstOf(connection, selectUser(equals(sql`u.username`, username)))),
    findByIdentity: async ({ issuer, subject }) =>
      toUserOrNone(await firstOf(connection, selectUser([sql`u.identity_issuer = ${issuer}`, sql`u.identity_subject = ${storableText(subject)}`]))),
    list: (context, query) => readPage<UserRow, User>(connection, listing(context, query), query, toUser),
    update: (context, id, version, change) => updateUser(connection, boot, context, id, version, change),
    remove: (context, id, version) => removeUser(connection, boot, context, id, version),
    setPassword: (context, id, change) => setPassword(connection, boot, context, id, change),
    rehash: async (id, from, to) => void (await rowsOf(connection, sql`update users set password_hash = ${to} where id = ${id} and password_hash = ${from}`)),
    noteLogin: async (id, at) => void (await rowsOf(connection, sql`update users set last_login_at = ${at} where id = ${id}`)),
  };
}

export function toUser(row: UserRow): User {
  const { id, username, email, roles, status, version } = row;
  const identity: ProviderIdentity | null =
    row.identity_issuer === null || row.identity_subject === null ? null : { issuer: row.identity_issuer, subject: row.identity_subject };
  return {
    id,
    username,
    email,
    displayName: row.display_name,
    roles: roles ?? [row.role],
    tenantIds: row.tenant_ids ?? (row.tenant_id === null ? null : [row.tenant_id]),
    status,
    hasPassword: row.password_hash !== null,
    mustChangePassword: row.must_change_password,
    hasTotp: row.totp_confirmed_at !== null,
    identity,
    lastLoginAt: row.last_login_at,
    version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const toUserOrNone = (row: UserRow | undefined): User | undefined => (row === undefined ? undefined : toUser(row));
const withPassword = (row: UserRow | undefined): UserWithPassword | undefined =>
  row === undefined ? undefined : { user: toUser(row), passwordHash: row.password_hash };

/** Users of the context's tenant, also those who have others beside it; never those of every tenant. */
function visibleUsers({ tenantId }: Context): readonly RawBuilder<unknown>[] {
  if (tenantId === null) return [];
  return isUuid(tenantId) ? [sql`(u.tenant_id = ${tenantId}::uuid or u.tenant_ids @> ${JSON.stringify([tenantId])}::jsonb)`] : [sql`false`];
}

function selectUser(where: readonly RawBuilder<unknown>[]): RawBuilder<UserRow> {
  return sql<UserRow>`select ${userColumns} from users u where ${allOf(where)}`;
}

function listing(context: Context, query: Parameters<UserStore['list']>[1]) {
  const { q, status, role } = query;
  return {
    select: userColumns,
    from: sql`users u`,
    where: [
      ...visibleUsers(context),
      ...equals(sql`u.status`, status),
      ...(role === undefined ? [] : [sql`(u.role = ${role} or u.roles @> ${JSON.stringify([role])}::jsonb)`]),
      ...(q === undefined || q === ''
        ? []
        : [sql`(${contains(sql`u.username`, q)} or ${contains(sql`u.display_name`, q)} or ${contains(sql`coalesce(u.email, '')`, q)})`]),
    ],
    sorts: {
      createdAt: { by: sql`u.created_at`, type: 'timestamptz' },
      username: { by: sql`u.username`, type: 'text' },
      lastLoginAt: { by: sql`coalesce(u.last_login_at, '-infinity')`, type: 'timestamptz' },
    },
    defaultSort: 'username',
    id: sql`u.id`,
  } as const;
}

/** Both spellings of the tenants: the column of one, which older versions read, and the list. */
function tenantColumns(tenantIds: User['tenantIds']): { readonly one: string | null; readonly list: string | null } {
  const [first] = tenantIds ?? [];
  return { one: tenantIds?.length === 1 ? (first ?? null) : null, list: tenantIds === null ? null : JSON.stringify(tenantIds) };
}

function createUser(connection: Connection, boot: Boot, context: Context, user: NewUser): Promise<Result<User, UserFault>> {
  return writeOrFault(connection, async (trx) => {
    const { one, list } = tenantColumns(user.tenantIds);
    const { rows } = await sql<UserRow>`insert into users as u (id, tenant_id, tenant_ids, username, email, display_name, role, roles, status, password_hash,
        must_change_password, password_changed_at, identity_issuer, identity_subject)
      values (${user.id}, ${one}, ${list}::jsonb, ${user.username}, ${user.email}, ${storableText(user.displayName)}, ${highestRole(user.roles)},
        ${JSON.stringify(user.roles)}::jsonb, ${user.status}, ${user.passwordHash}, ${user.mustChangePassword}, now(),
        ${user.identity?.issuer ?? null}, ${user.identity === null ? null : storableText(user.identity.subject)})
      returning ${userColumns}`.execute(trx);
    const created = toUser(rows[0] as UserRow);
    const details = { username: user.username, roles: user.roles, tenantIds: user.tenantIds };
    await auditChange(trx, boot, context, 'user.created', `user:${user.id}`, one, details);
    return ok(created);
  });
}

/** The user, locked; with those that also have every tenant and every right, so that two administrators cannot remove each other. */
async function lockUser(trx: Trx, context: Context, id: string): Promise<User | undefined> {
  await sql`select 1 from users where tenant_id is null and tenant_ids is null and role = 'superadmin' order by id for update`.execute(trx);
  const { rows } = await sql<UserRow>`${selectUser([...visibleUsers(context), ...equalsId(sql`u.id`, id)])} for update`.execute(trx);
  return toUserOrNone(rows[0]);
}

function isTopAdministrator({ tenantIds, roles, status, hasPassword }: Pick<User, 'tenantIds' | 'roles' | 'status' | 'hasPassword'>): boolean {
  return tenantIds === null && roles.includes('superadmin') && status === 'active' && hasPassword;
}

/** Those who sign in by password count: an identity provider may be away. */
async function isLastAdministrator(trx: Trx, id: string): Promise<boolean> {
  const { rows } = await sql`select 1 from users where tenant_id is null and tenant_ids is null and role = 'superadmin' and status = 'active'
    and password_hash is not null and id <> ${id} limit 1`.execute(trx);
  return rows.length === 0;
}

function updateUser(connection: Connection, boot: Boot, context: Context, id: string, version: number, change: UserChange): Promise<Result<User, UserFault>> {
  return writeOrFault<User, UserFault>(connection, async (trx) => {
    const before = await lockUser(trx, context, id);
    if (before === undefined) return fail({ kind: 'not-found' });
    if (before.version !== version) return fail({ kind: 'stale', version: before.version });
    const after = { ...before, ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) } as User;
    if (isTopAdministrator(before) && !isTopAdministrator(after) && (await isLastAdministrator(trx, id))) return fail({ kind: 'last-administrator' });
    const { one, list } = tenantColumns(after.tenantIds);
    const { rows } =
      await sql<UserRow>`update users as u set email = ${after.email}, display_name = ${storableText(after.displayName)}, status = ${after.status},
        role = ${highestRole(after.roles)}, roles = ${JSON.stringify(after.roles)}::jsonb, tenant_id = ${one}, tenant_ids = ${list}::jsonb,
        version = version + 1, updated_at = now()
      where u.id = ${id} returning ${userColumns}`.execute(trx);
    const isRegranted = change.roles !== undefined || change.tenantIds !== undefined || change.status !== undefined;
    if (isRegranted && hasOtherRights(before, after)) await endSessions(trx, id);
    const details = { changed: changedFields(change), roles: after.roles, tenantIds: after.tenantIds, status: after.status };
    await auditChange(trx, boot, context, 'user.updated', `user:${id}`, one, details);
    return ok(toUser(rows[0] as UserRow));
  });
}

function hasOtherRights(before: User, after: User): boolean {
  const rights = ({ roles, tenantIds, status }: User): string => JSON.stringify([[...roles].sort(), tenantIds === null ? null : [...tenantIds].sort(), status]);
  return rights(before) !== rights(after);
}

export async function endSessions(trx: Trx, userId: string, except: string | null = null): Promise<void> {
  await sql`delete from sessions where user_id = ${userId} and (${except}::uuid is null or id <> ${except}::uuid)`.execute(trx);
}

function removeUser(connection: Connection, boot: Boot, context: Context, id: string, version: number): Promise<Result<true, UserFault>> {
  return writeOrFault<true, UserFault>(connection, async (trx) => {
    const user = await lockUser(trx, context, id);
    if (user === undefined) return fail({ kind: 'not-found' });
    if (user.version !== version) return fail({ kind: 'stale', version: user.version });
    if (isTopAdministrator(user) && (await isLastAdministrator(trx, id))) return fail({ kind: 'last-administrator' });
    await sql`delete from users where id = ${id}`.execute(trx);
    await auditChange(trx, boot, context, 'user.removed', `user:${id}`, tenantColumns(user.tenantIds).one, { username: user.username });
    return ok(true);
  });
}

function setPassword(connection: Connection, boot: Boot, context: Context, id: string, change: Parameters<UserStore['setPassword']>[2]): Promise<boolean> {
  return transact(connection, async (trx) => {
    const where = allOf([...visibleUsers(context), ...equalsId(sql`u.id`, id)]);
    const { rows } = await sql<{
      tenant_id: string | null;
    }>`update users u set password_hash = ${change.passwordHash}, must_change_password = ${change.mustChange},
      password_changed_at = now(), updated_at = now(), version = version + 1 where ${where} returning tenant_id`.execute(trx);
    const [row] = rows;
    if (row === undefined) return false;
    await endSessions(trx, id, change.except ?? null);
    const action = change.mustChange ? 'user.password-reset' : 'user.password-changed';
    await writeAudit(trx, boot, [{ tenantId: row.tenant_id, actor: context.actor, action, object: `user:${id}`, outcome: 'success', details: {} }]);
    return true;
  });
}
