import { createHash, type Hash } from 'node:crypto';
import { sql } from 'kysely';
import type { AuditTrail, TrailFault, TrailMarks, TrailReport } from '../audit/trail.js';
import { canonicalJson } from './canonical-json.js';
import { type Connection, rowsOf } from './connection/connection.js';

export function auditTrail(connection: Connection): AuditTrail {
  return { verify: (marks, progress) => verify(connection, marks, progress) };
}

interface BootRow {
  readonly boot_id: string;
  /** Rows written until the verification began. */
  readonly last_seq: number;
}

interface EventRow {
  readonly node_seq: number;
  readonly at: string;
  readonly details: string;
  readonly [column: string]: unknown;
}

const pageRows = 2_000;
/** More faults than this tell nothing more. */
const mostFaults = 1_000;

/** Boot by boot; rows that running nodes add meanwhile are above the counters that were read first, and left to the next time. */
async function verify(connection: Connection, marks: TrailMarks, progress: (events: number) => void): Promise<TrailReport> {
  const boots = await rowsOf(connection, sql<BootRow>`select boot_id, last_seq from audit_boots order by started_at, boot_id`);
  const faults: TrailFault[] = [];
  const note = (fault: TrailFault): void => void (faults.length < mostFaults && faults.push(fault));
  const found: Record<string, { readonly seq: number; readonly digest: string }> = {};
  let events = 0;
  for (const boot of boots) {
    const counted = (count: number): void => {
      events += count;
      progress(events);
    };
    const digest = await verifyBoot(connection, boot, marks[boot.boot_id], { note, counted });
    if (boot.last_seq > 0) found[boot.boot_id] = { seq: boot.last_seq, digest };
  }
  const known = new Set(boots.map(({ boot_id }) => boot_id));
  for (const boot of Object.keys(marks)) if (!known.has(boot)) note({ kind: 'gone', boot });
  for (const row of await beyond(connection)) note({ kind: 'beyond', boot: row.boot_id, seq: row.node_seq });
  return { events, boots: boots.length, faults, marks: found };
}

interface Findings {
  readonly note: (fault: TrailFault) => void;
  readonly counted: (events: number) => void;
}

/** The digest is over the canonical JSON of every row, each ended by a line feed. */
async function verifyBoot(connection: Connection, boot: BootRow, mark: TrailMarks[string] | undefined, { note, counted }: Findings): Promise<string> {
  const digest = createHash('sha256');
  let last = 0;
  let isMarkMet = mark === undefined;
  const meetMark = (): void => {
    isMarkMet = true;
    if (mark !== undefined && hexOf(digest) !== mark.digest) note({ kind: 'changed', boot: boot.boot_id, seq: mark.seq });
  };
  for (;;) {
    const rows = await eventsAfter(connection, boot, last);
    for (const row of rows) {
      if (row.node_seq > last + 1) note({ kind: 'gap', boot: boot.boot_id, from: last + 1, to: row.node_seq - 1 });
      if (!isMarkMet && mark !== undefined && row.node_seq > mark.seq) meetMark();
      if (!isCanonical(row.details)) note({ kind: 'not-canonical', boot: boot.boot_id, seq: row.node_seq });
      digest.update(`${canonicalJson(row)}\n`);
      last = row.node_seq;
    }
    counted(rows.length);
    if (rows.length < pageRows) break;
  }
  if (!isMarkMet) meetMark();
  if (last < boot.last_seq) note({ kind: 'gap', boot: boot.boot_id, from: last + 1, to: boot.last_seq });
  return hexOf(digest);
}

function hexOf(digest: Hash): string {
  return digest.copy().digest('hex');
}

function eventsAfter(connection: Connection, { boot_id, last_seq }: BootRow, after: number): Promise<readonly EventRow[]> {
  return rowsOf(
    connection,
    sql<EventRow>`select boot_id, node_seq, node_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, tenant_id, actor, action,
        object, outcome, details
      from audit_events where boot_id = ${boot_id} and node_seq > ${after} and node_seq <= ${last_seq} order by node_seq limit ${pageRows}`,
  );
}

function isCanonical(details: string): boolean {
  try {
    return canonicalJson(JSON.parse(details)) === details;
  } catch {
    return false;
  }
}

interface StrayRow {
  readonly boot_id: string;
  readonly node_seq: number;
}

/** Found by the index, boot by boot. Row and counter are written in one transaction, so that a row above its counter was not written by a node. */
function beyond(connection: Connection): Promise<readonly StrayRow[]> {
  return rowsOf(
    connection,
    sql<StrayRow>`with recursive seen as (
        (select boot_id from audit_events order by boot_id limit 1)
        union all
        select (select e.boot_id from audit_events e where e.boot_id > seen.boot_id order by e.boot_id limit 1) from seen where seen.boot_id is not null
      ), highest as (
        select boot_id, (select max(e.node_seq) from audit_events e where e.boot_id = seen.boot_id) as node_seq from seen where boot_id is not null
      )
      select h.boot_id, h.node_seq from highest h left join audit_boots b on b.boot_id = h.boot_id
      where b.boot_id is null or h.node_seq > b.last_seq order by h.boot_id`,
  );
}
