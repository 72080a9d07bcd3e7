import { sql } from 'kysely';
import type { AuditListQuery, AuditReader, RecordedAuditEvent } from '../admin/ports.js';
import type { AuditEvent, AuditLog } from '../audit/event.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Context } from '../tenancy/context.js';
import type { Page } from '../tenancy/ports.js';
import { createBatcher } from './batcher.js';
import { canonicalJson } from './canonical-json.js';
import { type Connection, type Executor, firstOf, rowsOf, transact } from './connection/connection.js';
import { allOf, contains, readPage } from './page.js';
import { equals, equalsId, visibleTo } from './scope.js';
import { storableJson } from './text.js';

/** This run of this node: its audit rows are numbered 1, 2, 3, ... without a gap. */
export interface Boot {
  readonly id: string;
  readonly nodeId: string;
  /** Writes into the same transaction what else follows from events; undefined at once where nothing does. */
  readonly follow?: (executor: Executor, entries: readonly AuditEntry[]) => Promise<void> | undefined;
}

export type AuditEntry = Omit<AuditEvent, 'at'> & { readonly at?: Date };

export async function beginBoot(connection: Connection, nodeId: string): Promise<Boot> {
  const boot = { id: uuidv7(), nodeId };
  await rowsOf(connection, sql`insert into audit_boots (boot_id, node_id) values (${boot.id}, ${nodeId}) on conflict do nothing`);
  return boot;
}

/**
 * Writes events in the transaction of what they tell of. Called last in it: the counter's row stays locked until the commit, and
 * whoever holds it must not wait for anything else. Without its boot row the number is null, which fails the transaction.
 */
export async function writeAudit(executor: Executor, boot: Boot, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const following = boot.follow?.(executor, entries);
  if (following !== undefined) await following;
  const rows = entries.map((entry) => ({ ...entry, details: canonicalJson(entry.details) }));
  await sql`
    with counter as (
      update audit_boots set last_seq = last_seq + ${entries.length} where boot_id = ${boot.id} returning last_seq - ${entries.length} as base)
    insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
    select ${boot.id}, (select base from counter) + r.ordinality, ${boot.nodeId}, coalesce(r.at, clock_timestamp()),
      r."tenantId", r.actor, r.action, r.object, r.outcome, r.details
    from rows from (json_to_recordset(${storableJson(rows)}::json) as
      (at timestamptz, "tenantId" uuid, actor text, action text, object text, outcome text, details text)) with ordinality as r`.execute(executor);
}

export interface AuditRoom {
  readonly store: AuditLog & AuditReader;
  /** Resolves when everything appended is written. */
  idle(): Promise<void>;
}

/** Appended events are group-committed: a flood of failed logins must not queue for one commit each. */
export function auditRoom(connection: Connection, boot: Boot): AuditRoom {
  const write = async (events: readonly AuditEvent[]) => {
    await transact(connection, (trx) => writeAudit(trx, boot, events));
    return events.map(() => undefined);
  };
  const appends = createBatcher<AuditEvent, undefined>(write, { maxBatch: 200, maxInFlight: 1, name: 'audit' });
  return {
    store: {
      append: (event) => appends.submit(event),
      ...auditReader(connection),
    },
    idle: () => appends.idle(),
  };
}

export function auditReader(connection: Connection): AuditReader {
  return {
    list: (context, query) => listEvents(connection, context, query),
    find: (context, id) => findEvent(connection, context, id),
  };
}

interface EventRow {
  readonly id: string;
  readonly node_id: string;
  readonly at: Date;
  readonly tenant_id: string | null;
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly outcome: AuditEvent['outcome'];
  readonly details: string;
}

const eventColumns = sql`boot_id || ':' || node_seq as id, node_id, at, tenant_id, actor, action, object, outcome, details`;

async function findEvent(connection: Connection, context: Context, id: string): Promise<RecordedAuditEvent | undefined> {
  const [bootId = '', nodeSeq = ''] = id.split(':');
  if (!/^\d{1,15}$/.test(nodeSeq)) return undefined;
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`boot_id`, bootId), sql`node_seq = ${Number(nodeSeq)}`]);
  const row = await firstOf(connection, sql<EventRow>`select ${eventColumns} from audit_events where ${where}`);
  return row === undefined ? undefined : toEvent(row);
}

function listEvents(connection: Connection, context: Context, query: AuditListQuery): Promise<Page<RecordedAuditEvent>> {
  const listing = {
    select: eventColumns,
    from: sql`audit_events`,
    where: [
      ...visibleTo(context, sql`tenant_id`),
      ...equalsId(sql`tenant_id`, query.tenantId),
      ...equals(sql`actor`, query.actor),
      ...equals(sql`action`, query.action),
      ...equals(sql`object`, query.object),
      ...equals(sql`outcome`, query.outcome),
      ...(query.since === undefined ? [] : [sql`at >= ${query.since}::timestamptz`]),
      ...(query.until === undefined ? [] : [sql`at < ${query.until}::timestamptz`]),
      ...(query.q === undefined ? [] : [sql`(${contains(sql`action`, query.q)} or ${contains(sql`object`, query.q)} or ${contains(sql`details`, query.q)})`]),
    ],
    sorts: { at: { by: sql`at`, type: 'timestamptz' } },
    defaultSort: '-at',
    // Sorted by at first, which the index does; only equal times are sorted by this.
    id: sql`boot_id::text || ':' || lpad(node_seq::text, 19, '0')`,
    idType: 'text',
  } as const;
  return readPage<EventRow, RecordedAuditEvent>(connection, listing, query, toEvent);
}

function toEvent(row: EventRow): RecordedAuditEvent {
  return {
    id: row.id,
    nodeId: row.node_id,
    at: row.at,
    tenantId: row.tenant_id,
    actor: row.actor,
    action: row.action,
    object: row.object,
    outcome: row.outcome,
    details: JSON.parse(row.details) as Readonly<Record<string, unknown>>,
  };
}
