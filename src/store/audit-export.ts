import { sql } from 'kysely';
import { checkpointLine, eventLine, eventText } from '../audit/line.js';
import { chainHash, chainStart } from '../audit/merkle.js';
import { chained, type StoredEvent, storedEvent } from './audit-seal.js';
import { leavesOf } from './audit-tiles.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';

/** Events of one page of an export. */
const pageEvents = 1_000;

interface PlacedRow extends StoredEvent {
  readonly seq: number;
}

interface NoteRow {
  readonly size: number;
  readonly note: string;
}

/**
 * Every event up to the newest checkpoint, each with the hash that was sealed for it, and every checkpoint behind the last event it covers.
 * The events are as they stand now, the hashes as they stood then: what differs is found by whoever verifies.
 */
export async function* exportLines(connection: Connection): AsyncGenerator<string> {
  const end = (await firstOf(connection, sql<{ size: number }>`select size from audit_checkpoints order by size desc limit 1`))?.size ?? 0;
  let head: Buffer = chainStart;
  for (let first = 1; first <= end; first += pageEvents) {
    const last = Math.min(end, first + pageEvents - 1);
    const notes = await notesOf(connection, first, last);
    const rows = new Map((await eventsOf(connection, first, last)).map((row) => [row.seq, row]));
    const leaves = await leavesOf(connection.kysely, first, last);
    for (let seq = first; seq <= last; seq += 1) {
      head = chainHash(head, leaves[seq - first] ?? Buffer.alloc(0));
      const row = rows.get(seq);
      if (row !== undefined) yield eventLine(eventText(chained(row, seq)), head);
      const note = notes.get(seq);
      if (note !== undefined) yield checkpointLine(note);
    }
  }
}

async function notesOf(connection: Connection, first: number, last: number): Promise<ReadonlyMap<number, string>> {
  const rows = await rowsOf(connection, sql<NoteRow>`select size, note from audit_checkpoints where size between ${first} and ${last} order by size`);
  return new Map(rows.map(({ size, note }) => [size, note]));
}

function eventsOf(connection: Connection, first: number, last: number): Promise<readonly PlacedRow[]> {
  return rowsOf(
    connection,
    sql<PlacedRow>`select r.first + e.node_seq - r.seq_from as seq, ${storedEvent}
      from audit_runs r join audit_events e on e.boot_id = r.boot_id and e.node_seq between r.seq_from and r.seq_from + r.last - r.first
      where r.first <= ${last} and r.first >= coalesce((select max(first) from audit_runs where first <= ${first}), 1)
        and r.first + e.node_seq - r.seq_from between ${first} and ${last}`,
  );
}
