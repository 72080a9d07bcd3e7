import { sql } from 'kysely';
import type { FoldedRefusal, RefusalReader as RefusalList, RefusalListQuery } from '../admin/ports.js';
import type { RefusalLog, RefusalRecord } from '../enrolment/ports.js';
import type { RefusalReason } from '../enrolment/refusal.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Log } from '../runtime/log.js';
import type { Context } from '../tenancy/context.js';
import type { Page } from '../tenancy/ports.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { readPage, searched } from './page.js';
import { equals, equalsId, visibleTo } from './scope.js';
import { createSpool } from './spool.js';
import { storableJson } from './text.js';

export interface RefusalReader extends RefusalList {
  /** Forgets what was not seen again for `days`. Returns how many. */
  forget(days: number): Promise<number>;
}

export interface RefusalRoom {
  readonly store: RefusalLog & RefusalReader;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Note extends RefusalRecord {
  readonly at: Date;
}

export function refusalRoom(connection: Connection, log: Log): RefusalRoom {
  const spool = createSpool<Note>((notes) => write(connection, notes), { name: 'refusals', intervalMs: 250, maxBatch: 1_000, maxWaiting: 10_000, log });
  return {
    store: {
      note: (refusal) => spool.add({ ...refusal, at: new Date() }),
      ...refusalList(connection),
      forget: async (days) => {
        const gone = sql`delete from refusals where last_seen < now() - ${days} * interval '1 day' returning 1`;
        return (await rowsOf(connection, gone)).length;
      },
    },
    flush: () => spool.flush(),
    close: () => spool.close(),
  };
}

export function refusalList(connection: Connection): RefusalList {
  return { list: (context, query) => list(connection, context, query) };
}

/** The newest note tells client and detail; sorted, so that two nodes that fold the same rows do not wait for each other in a circle. */
async function write(connection: Connection, notes: readonly Note[]): Promise<void> {
  const folded = [...fold(notes).values()];
  await rowsOf(
    connection,
    sql`insert into refusals (id, reason, tenant_id, profile_id, source, client_family, detail, count, first_seen, last_seen)
      select id, reason, "tenantId", "profileId", source, "clientFamily", detail, count, "firstSeen", "lastSeen"
      from json_to_recordset(${storableJson(folded)}::json) as (id uuid, reason text, "tenantId" uuid, "profileId" uuid, source text,
        "clientFamily" text, detail text, count bigint, "firstSeen" timestamptz, "lastSeen" timestamptz)
      order by reason, "profileId", source
      on conflict (reason, profile_id, source) do update set count = refusals.count + excluded.count,
        last_seen = greatest(refusals.last_seen, excluded.last_seen), client_family = excluded.client_family, detail = excluded.detail,
        tenant_id = coalesce(excluded.tenant_id, refusals.tenant_id)`,
  );
}

function fold(notes: readonly Note[]): Map<string, FoldedRefusal> {
  const folded = new Map<string, FoldedRefusal>();
  for (const { at, ...refusal } of notes) {
    const key = JSON.stringify([refusal.reason, refusal.profileId, refusal.source]);
    const before = folded.get(key) ?? { id: uuidv7(), count: 0, firstSeen: at };
    folded.set(key, { ...refusal, id: before.id, count: before.count + 1, firstSeen: before.firstSeen, lastSeen: at });
  }
  return folded;
}

interface RefusalRow {
  readonly id: string;
  readonly reason: RefusalReason;
  readonly tenant_id: string | null;
  readonly profile_id: string | null;
  readonly source: string;
  readonly client_family: string;
  readonly detail: string;
  readonly count: number;
  readonly first_seen: Date;
  readonly last_seen: Date;
}

function list(connection: Connection, context: Context, query: RefusalListQuery): Promise<Page<FoldedRefusal>> {
  const listing = {
    select: sql`r.*`,
    from: sql`refusals r`,
    where: [
      ...visibleTo(context, sql`r.tenant_id`),
      ...equalsId(sql`r.tenant_id`, query.tenantId),
      ...equals(sql`r.reason`, query.reason),
      ...equalsId(sql`r.profile_id`, query.profileId),
      ...equals(sql`r.source`, query.source),
      ...(query.since === undefined ? [] : [sql`r.last_seen >= ${query.since}`]),
      ...searched(query.q, sql`r.source`, sql`r.detail`),
    ],
    sorts: {
      lastSeen: { by: sql`r.last_seen`, type: 'timestamptz' },
      firstSeen: { by: sql`r.first_seen`, type: 'timestamptz' },
      count: { by: sql`r.count`, type: 'bigint' },
    },
    defaultSort: '-lastSeen',
    id: sql`r.id`,
  } as const;
  return readPage<RefusalRow, FoldedRefusal>(connection, listing, query, toRefusal);
}

function toRefusal(row: RefusalRow): FoldedRefusal {
  return {
    id: row.id,
    reason: row.reason,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    source: row.source,
    clientFamily: row.client_family,
    detail: row.detail,
    count: row.count,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
  };
}
