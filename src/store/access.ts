import { type Selectable, sql } from 'kysely';
import { ok } from '../runtime/result.js';
import type { Context } from '../tenancy/context.js';
import type { AccessStore, ApiToken, ListQuery, Page, User } from '../tenancy/ports.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, readPage, searched } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import type { ApiTokensTable, UsersTable } from './tables.js';
import { auditChange, changeConfig } from './tenancy/config-change.js';
import { storableText } from './text.js';

type UserRow = Selectable<UsersTable>;
type TokenRow = Selectable<ApiTokensTable>;

export interface AccessLists {
  listUsers(context: Context, query: ListQuery): Promise<Page<User>>;
  listTokens(context: Context, query: ListQuery): Promise<Page<ApiToken>>;
  /** False when it was revoked before, or is not visible to `context`. */
  revokeToken(context: Context, id: string): Promise<boolean>;
}

export function accessStore(connection: Connection, boot: Boot): AccessStore & AccessLists {
  return {
    addUser: (context, { passwordHash, tenantId, ...user }) =>
      changeConfig(connection, async (trx) => {
        const values = { ...user, tenant_id: tenantId, password_hash: passwordHash };
        const row = await trx.insertInto('users').values(values).returningAll().executeTakeFirstOrThrow();
        await auditChange(trx, boot, context, 'user.created', `user:${user.id}`, tenantId, { username: user.username, role: user.role });
        return ok(toUser(row));
      }),
    countUsers: async () => (await firstOf(connection, sql<{ count: number }>`select count(*) as count from users`))?.count ?? 0,
    findUser: async (username) => {
      const row = await firstOf(connection, sql<UserRow>`select * from users where username = ${storableText(username)}`);
      return row === undefined ? undefined : toUser(row);
    },
    addToken: (context, { tenantId, expiresAt, ...token }, tokenHash) =>
      transact(connection, async (trx) => {
        const values = { ...token, tenant_id: tenantId, expires_at: expiresAt, token_hash: tokenHash };
        const row = await trx.insertInto('api_tokens').values(values).returningAll().executeTakeFirstOrThrow();
        await auditChange(trx, boot, context, 'token.created', `token:${token.id}`, tenantId, { name: token.name, role: token.role });
        return toToken(row);
      }),
    findToken: (tokenHash) => findToken(connection, tokenHash),
    listUsers: (context, query) => readPage<UserRow, User>(connection, listing(context, query, 'users', 'username'), query, toUser),
    listTokens: (context, query) => readPage<TokenRow, ApiToken>(connection, listing(context, query, 'api_tokens', 'name'), query, toToken),
    revokeToken: (context, id) => revokeToken(connection, boot, context, id),
  };
}

/** A token is used for every request; its row is written at most once a minute. */
async function findToken(connection: Connection, tokenHash: Buffer): Promise<ApiToken | undefined> {
  const row = await firstOf(
    connection,
    sql<TokenRow>`select * from api_tokens where token_hash = ${tokenHash} and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`,
  );
  if (row === undefined) return undefined;
  const isStale = row.last_used_at === null || Date.now() - row.last_used_at.getTime() > 60_000;
  if (isStale) await rowsOf(connection, sql`update api_tokens set last_used_at = clock_timestamp() where id = ${row.id}`);
  return toToken(row);
}

function listing(context: Context, query: ListQuery, table: 'users' | 'api_tokens', nameColumn: 'username' | 'name') {
  const name = sql.ref(`a.${nameColumn}`);
  return {
    select: sql`a.*`,
    from: sql`${sql.table(table)} a`,
    where: [...visibleTo(context, sql`a.tenant_id`), ...(table === 'api_tokens' ? [sql`a.revoked_at is null`] : []), ...searched(query.q)],
    sorts: { createdAt: { by: sql`a.created_at`, type: 'timestamptz' }, [nameColumn]: { by: name, type: 'text' } },
    defaultSort: '-createdAt',
    id: sql`a.id`,
  } as const;
}

function revokeToken(connection: Connection, boot: Boot, context: Context, id: string): Promise<boolean> {
  return transact(connection, async (trx) => {
    const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id), sql`revoked_at is null`]);
    const { rows } = await sql<{ tenant_id: string | null; name: string }>`update api_tokens set revoked_at = now() where ${where}
      returning tenant_id, name`.execute(trx);
    const [row] = rows;
    if (row === undefined) return false;
    const { tenant_id: tenantId, name } = row;
    await writeAudit(trx, boot, [{ tenantId, actor: context.actor, action: 'token.revoked', object: `token:${id}`, outcome: 'success', details: { name } }]);
    return true;
  });
}

function toUser(row: UserRow): User {
  const { id, username, role, status } = row;
  return { id, tenantId: row.tenant_id, username, role, status, passwordHash: row.password_hash, createdAt: row.created_at };
}

function toToken(row: TokenRow): ApiToken {
  const { id, name, role } = row;
  return { id, tenantId: row.tenant_id, name, role, expiresAt: row.expires_at, lastUsedAt: row.last_used_at, createdAt: row.created_at };
}
