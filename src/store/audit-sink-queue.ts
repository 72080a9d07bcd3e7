import { sql } from 'kysely';
import { checkpointLine } from '../audit/line.js';
import type { ClaimedSink, SinkPosition, SinkQueue } from '../audit/sink.js';
import type { Sealer } from '../runtime/seal.js';
import { headBefore, notesOf, readLines } from './audit-export.js';
import { chainEnd } from './audit-seal.js';
import { type SinkRow, secretPlace } from './audit-sinks.js';
import { type Connection, rowsOf } from './connection/connection.js';
import { openText } from './sealed.js';
import { storableText } from './text.js';

/** The chain is the queue: a sink has a position in it, and one process at a time moves it, under a fence. */
export function sinkQueue(connection: Connection, sealer: Sealer): SinkQueue {
  return {
    claim: async (leaseMs) => (await claim(connection, leaseMs)).map((row) => toClaimed(row, sealer)),
    next: (sink, after, limit) => nextPage(connection, sink, after, limit),
    async advance({ id, fence }, { position, signed }, leaseMs) {
      const moved = await rowsOf(
        connection,
        sql`update audit_sinks set position = ${position}, signed = ${signed}, attempts = 0, last_error = null, delivered_at = clock_timestamp(),
            next_attempt_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
          where id = ${id} and fence = ${fence} returning 1`,
      );
      return moved.length === 1;
    },
    async release({ id, fence }, reason, delayMs) {
      const error = reason === null ? null : storableText(reason);
      await rowsOf(
        connection,
        sql`update audit_sinks set next_attempt_at = clock_timestamp() + ${delayMs} * interval '1 millisecond',
            last_error = coalesce(${error}, last_error) where id = ${id} and fence = ${fence}`,
      );
    },
  };
}

/** Events in their order; each checkpoint behind its last event, or before all of them where those were delivered already. */
async function nextPage(connection: Connection, { tenantId }: ClaimedSink, after: SinkPosition, limit: number): ReturnType<SinkQueue['next']> {
  const end = (await chainEnd(connection.kysely)).size;
  const last = Math.min(end, after.position + limit);
  const notes = await notesOf(connection, after.signed + 1, last);
  if (last === after.position && notes.size === 0) return undefined;
  const at = { position: last, signed: Math.max(after.signed, ...notes.keys()) };
  const first = after.position + 1;
  const events = first > last ? [] : (await readLines(connection, { first, last, before: await headBefore(connection, first) })).lines;
  if (tenantId !== null) return { lines: events.filter((line) => line.tenantId === tenantId), at };
  const checkpoints = [...notes].map(([seq, note]) => ({ seq, text: checkpointLine(note) }));
  return { lines: [...events, ...checkpoints].sort((left, right) => left.seq - right.seq), at };
}

function claim(connection: Connection, leaseMs: number): Promise<readonly SinkRow[]> {
  return rowsOf(
    connection,
    sql<SinkRow>`update audit_sinks set fence = fence + 1, attempts = attempts + 1, next_attempt_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      where id in (select id from audit_sinks where status = 'active' and next_attempt_at <= clock_timestamp()
          and (position < coalesce((select last from audit_runs order by first desc limit 1), 0)
            or signed < coalesce((select size from audit_checkpoints order by size desc limit 1), 0)) order by id for update skip locked)
      returning *`,
  );
}

function toClaimed(row: SinkRow, sealer: Sealer): ClaimedSink {
  const { id, name, type, settings, position, signed, fence, attempts } = row;
  const secret = row.secret === null ? undefined : openText(sealer, row.secret, secretPlace(id));
  return { id, name, type, settings, tenantId: row.tenant_id, at: { position, signed }, fence, attempts, secret };
}
