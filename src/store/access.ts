import { type Selectable, sql } from 'kysely';
import type { Context } from '../tenancy/context.js';
import type { AccessStore, ApiToken, ListQuery, NewToken, Page } from '../tenancy/ports.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, readPage, searched } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import type { ApiTokensTable } from './tables.js';
import { auditChange } from './tenancy/config-change.js';

type TokenRow = Selectable<ApiTokensTable>;

export interface AccessLists {
  findTokenById(context: Context, id: string): Promise<ApiToken | undefined>;
  listTokens(context: Context, query: ListQuery): Promise<Page<ApiToken>>;
  /** False when it was revoked before, or is not visible to `context`. */
  revokeToken(context: Context, id: string): Promise<boolean>;
}

/** API tokens. */
export function accessStore(connection: Connection, boot: Boot): AccessStore & AccessLists {
  return {
    addToken: (context, token, tokenHash) => addToken(connection, boot, context, token, tokenHash),
    findToken: (tokenHash) => findToken(connection, tokenHash),
    findTokenById: async (context, id) => {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`id`, id), sql`revoked_at is null`]);
      const row = await firstOf(connection, sql<TokenRow>`select * from api_tokens where ${where}`);
      return row === undefined ? undefined : toToken(row);
    },
    listTokens: (context, query) => readPage<TokenRow, ApiToken>(connection, listing(context, query), query, toToken),
    revokeToken: (context, id) => revokeToken(connection, boot, context, id),
  };
}

function addToken(connection: Connection, boot: Boot, context: Context, token: NewToken, tokenHash: Buffer): Promise<ApiToken> {
  const { id, tenantId, name, role, expiresAt, permissions = null } = token;
  return transact(connection, async (trx) => {
    const kept = permissions === null ? null : JSON.stringify(permissions);
    const values = { id, tenant_id: tenantId, name, role, expires_at: expiresAt, token_hash: tokenHash, permissions: kept, created_by: context.actor };
    const row = await trx.insertInto('api_tokens').values(values).returningAll().executeTakeFirstOrThrow();
    await auditChange(trx, boot, context, 'token.created', `token:${id}`, tenantId, { name, role, ...(permissions !== null && { permissions }) });
    return toToken(row);
  });
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

function listing(context: Context, query: ListQuery) {
  return {
    select: sql`a.*`,
    from: sql`api_tokens a`,
    where: [...visibleTo(context, sql`a.tenant_id`), sql`a.revoked_at is null`, ...searched(query.q, sql`a.name`)],
    sorts: {
      createdAt: { by: sql`a.created_at`, type: 'timestamptz' },
      name: { by: sql`a.name`, type: 'text' },
      lastUsedAt: { by: sql`coalesce(a.last_used_at, '-infinity')`, type: 'timestamptz' },
      expiresAt: { by: sql`coalesce(a.expires_at, 'infinity')`, type: 'timestamptz' },
    },
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

function toToken(row: TokenRow): ApiToken {
  const { id, name, role, permissions } = row;
  const times = { expiresAt: row.expires_at, lastUsedAt: row.last_used_at, createdAt: row.created_at };
  return { id, tenantId: row.tenant_id, name, role, permissions, createdBy: row.created_by, ...times };
}
