import { sql } from 'kysely';
import type { Sealer } from '../runtime/seal.js';
import type { Session, SessionStore } from '../tenancy/session.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { openText, sealText } from './sealed.js';
import { storableText } from './text.js';
import { toUser, type UserRow, userColumns } from './users.js';

interface SessionRow {
  readonly session_id: string;
  readonly user_id: string;
  readonly session_tenant: string | null;
  readonly method: Session['method'];
  readonly restriction: Session['restriction'];
  readonly source: string;
  readonly user_agent: string;
  readonly begun_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

const sessionColumns = sql`s.id as session_id, s.user_id, s.tenant_id as session_tenant, s.method, s.restriction, s.source, s.user_agent,
  s.created_at as begun_at, s.last_used_at, s.expires_at`;

/** A session is used for every request of a browser; its row is written at most once a minute. */
const noteEveryMs = 60_000;

const placeOf = (id: string) => ({ table: 'sessions', column: 'sealed', tenantId: '', rowId: id }) as const;

export function sessionStore(connection: Connection, sealer: Sealer): SessionStore {
  const isAlive = (now: Date, idleMs: number) => sql`s.expires_at > ${now} and s.last_used_at > ${new Date(now.getTime() - idleMs)}`;
  return {
    async begin(session, tokenHash, idToken) {
      const sealed = idToken === undefined ? null : sealText(sealer, idToken, placeOf(session.id));
      await rowsOf(
        connection,
        sql`insert into sessions (id, token_hash, user_id, tenant_id, method, restriction, source, user_agent, sealed, created_at, last_used_at, expires_at)
          values (${session.id}, ${tokenHash}, ${session.userId}, ${session.tenantId}, ${session.method}, ${session.restriction}, ${session.source},
            ${storableText(session.userAgent)}, ${sealed}, ${session.createdAt}, ${session.lastUsedAt}, ${session.expiresAt}) on conflict (id) do nothing`,
      );
    },
    async find(tokenHash, now, idleMs) {
      const row = await firstOf(
        connection,
        sql<SessionRow & UserRow>`select ${sessionColumns}, ${userColumns} from sessions s join users u on u.id = s.user_id
          where s.token_hash = ${tokenHash} and u.status = 'active' and ${isAlive(now, idleMs)}`,
      );
      if (row === undefined) return undefined;
      const isStale = now.getTime() - row.last_used_at.getTime() > noteEveryMs;
      if (isStale) await rowsOf(connection, sql`update sessions set last_used_at = ${now} where id = ${row.session_id} and last_used_at < ${now}`);
      return { session: toSession(row), user: toUser(row) };
    },
    async listOf(userId, now, idleMs) {
      const query = sql<SessionRow>`select ${sessionColumns} from sessions s where s.user_id = ${userId} and ${isAlive(now, idleMs)} order by s.created_at desc`;
      return (await rowsOf(connection, query)).map(toSession);
    },
    async renew(id, tokenHash, restriction) {
      await rowsOf(connection, sql`update sessions set token_hash = ${tokenHash}, restriction = ${restriction} where id = ${id}`);
    },
    async setTenant(id, tenantId) {
      await rowsOf(connection, sql`update sessions set tenant_id = ${tenantId} where id = ${id}`);
    },
    async idToken(id) {
      const row = await firstOf(connection, sql<{ sealed: Buffer | null }>`select sealed from sessions where id = ${id}`);
      return row === undefined || row.sealed === null ? undefined : openText(sealer, row.sealed, placeOf(id));
    },
    end: async (userId, id) => (await rowsOf(connection, sql`delete from sessions where id = ${id} and user_id = ${userId} returning 1`)).length > 0,
    endAll: async (userId, except) =>
      (await rowsOf(connection, sql`delete from sessions where user_id = ${userId} and id is distinct from ${except ?? null}::uuid returning 1`)).length,
    forget: async (now, idleMs) => (await rowsOf(connection, sql`delete from sessions s where not (${isAlive(now, idleMs)}) returning 1`)).length,
  };
}

function toSession(row: SessionRow): Session {
  return {
    id: row.session_id,
    userId: row.user_id,
    tenantId: row.session_tenant,
    method: row.method,
    restriction: row.restriction,
    source: row.source,
    userAgent: row.user_agent,
    createdAt: row.begun_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  };
}
