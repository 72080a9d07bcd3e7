import { sql } from 'kysely';
import { checkpointLine, eventLine, eventText } from '../audit/line.js';
import { chainHash, chainStart } from '../audit/merkle.js';
import type { ChainLine } from '../audit/sink.js';
import { chained, type StoredEvent, storedEvent } from './audit-seal.js';
import { leavesOf } from './audit-tiles.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';

/** Events of one page of an export. */
const pageEvents = 1_000;

/**
 * Every event up to the newest checkpoint, each with the hash that was sealed for it, and every checkpoint behind the last event it covers.
 * The events are as they stand now, the hashes as they stood then: what differs is found by whoever verifies.
 */
export async function* exportLines(connection: Connection): AsyncGenerator<string> {
  const end = (await firstOf(connection, sql<{ size: number }>`select size from audit_checkpoints order by size desc limit 1`))?.size ?? 0;
  let before: Buffer = chainStart;
  for (let first = 1; first <= end; first += pageEvents) {
    const last = Math.min(end, first + pageEvents - 1);
    const page = await readLines(connection, { first, last, before });
    const notes = await notesOf(connection, first, last);
    const events = new Map(page.lines.map(({ seq, text }) => [seq, text]));
    for (let seq = first; seq <= last; seq += 1) {
      const [event, note] = [events.get(seq), notes.get(seq)];
      if (event !== undefined) yield event;
      if (note !== undefined) yield checkpointLine(note);
    }
    before = page.head;
  }
}

interface PlacedRow extends StoredEvent {
  readonly seq: number;
}

export interface Placed extends ChainLine {
  readonly tenantId: string | null;
}

interface Stretch {
  readonly first: number;
  readonly last: number;
  /** The chain's hash before the first. */
  readonly before: Buffer;
}

/** The events of a stretch that are there, and the chain's hash after its last. */
export async function readLines(
  connection: Connection,
  { first, last, before }: Stretch,
): Promise<{ readonly lines: readonly Placed[]; readonly head: Buffer }> {
  const rows = new Map((await eventsOf(connection, first, last)).map((row) => [row.seq, row]));
  const leaves = await leavesOf(connection.kysely, first, last);
  const lines: Placed[] = [];
  let head = before;
  for (let seq = first; seq <= last; seq += 1) {
    head = chainHash(head, leaves[seq - first] ?? Buffer.alloc(0));
    const row = rows.get(seq);
    if (row !== undefined) lines.push(lineOf(row, seq, head));
  }
  return { lines, head };
}

function lineOf(row: StoredEvent, seq: number, head: Buffer): Placed {
  const event = chained(row, seq);
  const { at, nodeId, action, outcome, tenantId } = event;
  return { seq, text: eventLine(eventText(event), head), event: { at, nodeId, action, outcome }, tenantId };
}

/** The chain's hash before event `seq`: kept for the end of each run, and from there on made of the leaves. */
export async function headBefore(connection: Connection, seq: number): Promise<Buffer> {
  const run = await firstOf(connection, sql<{ last: number; head: Buffer }>`select last, head from audit_runs where last < ${seq} order by first desc limit 1`);
  const { last = 0, head = chainStart } = run ?? {};
  return last + 1 >= seq ? head : (await leavesOf(connection.kysely, last + 1, seq - 1)).reduce(chainHash, head);
}

interface NoteRow {
  readonly size: number;
  readonly note: string;
}

/** Checkpoints by size. */
export async function notesOf(connection: Connection, first: number, last: number): Promise<ReadonlyMap<number, string>> {
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
