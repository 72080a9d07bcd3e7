import { sql, type Transaction } from 'kysely';
import { sealedAtOnce } from '../audit/chain.js';
import { type ChainedEvent, eventText } from '../audit/line.js';
import { chainHash, chainStart, leafHash } from '../audit/merkle.js';
import { appendLeaves } from './audit-tiles.js';
import { type Connection, type Executor, transact } from './connection/connection.js';
import type { Tables } from './tables.js';

/** Any constant: who holds it adds to the chain, the others leave it to them. */
const chainLock = 7_243_392_101;

interface BootRow {
  readonly boot_id: string;
  readonly sealed: number;
  readonly last_seq: number;
}

/**
 * Puts committed events into the chain, boot by boot. What a boot's counter says is committed: row and counter are one transaction, and those
 * of a boot come one after another. 0 also while another process is at it.
 */
export function sealEvents(connection: Connection): Promise<number> {
  return transact(connection, async (trx) => {
    if (!(await holdChain(trx))) return 0;
    const { rows: boots } = await sql<BootRow>`select b.boot_id, coalesce(s.seq, 0) as sealed, b.last_seq
      from audit_boots b left join audit_sealed s on s.boot_id = b.boot_id
      where b.last_seq > coalesce(s.seq, 0) order by b.boot_id`.execute(trx);
    let end = await chainEnd(trx);
    let room = sealedAtOnce;
    for (const boot of boots) {
      if (room === 0) break;
      const sealed = await sealRun(trx, boot, Math.min(boot.last_seq, boot.sealed + room), end);
      room -= sealed.size - end.size;
      end = sealed;
    }
    return sealedAtOnce - room;
  });
}

/** Until the end of the transaction. */
export async function holdChain(trx: Transaction<Tables>): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(${sql.lit(chainLock)}) as held`.execute(trx);
  return rows[0]?.held === true;
}

export interface ChainEnd {
  /** Events in the chain. */
  readonly size: number;
  readonly head: Buffer;
}

export async function chainEnd(executor: Executor): Promise<ChainEnd> {
  const { rows } = await sql<{ last: number; head: Buffer }>`select last, head from audit_runs order by first desc limit 1`.execute(executor);
  return rows[0] === undefined ? { size: 0, head: chainStart } : { size: rows[0].last, head: rows[0].head };
}

async function sealRun(trx: Transaction<Tables>, { boot_id, sealed }: BootRow, last: number, end: ChainEnd): Promise<ChainEnd> {
  const { rows } = await sql<StoredEvent>`select ${storedEvent} from audit_events e
    where e.boot_id = ${boot_id} and e.node_seq > ${sealed} and e.node_seq <= ${last} order by e.node_seq`.execute(trx);
  // Where rows were taken away before they were sealed, the chain of this boot ends: going on would hide the gap, and standing still shows in the figures.
  const gap = rows.findIndex((row, at) => row.node_seq !== sealed + 1 + at);
  const whole = gap === -1 ? rows : rows.slice(0, gap);
  if (whole.length === 0) return end;
  const leaves = whole.map((row, at) => leafHash(eventText(chained(row, end.size + 1 + at))));
  const head = leaves.reduce(chainHash, end.head);
  await appendLeaves(trx, end.size, leaves);
  const size = end.size + whole.length;
  await sql`insert into audit_runs (first, last, boot_id, seq_from, head) values (${end.size + 1}, ${size}, ${boot_id}, ${sealed + 1}, ${head})`.execute(trx);
  await sql`insert into audit_sealed (boot_id, seq) values (${boot_id}, ${sealed + whole.length}) on conflict (boot_id) do update set seq = excluded.seq`.execute(
    trx,
  );
  return { size, head };
}

export interface StoredEvent {
  readonly boot_id: string;
  readonly node_seq: number;
  readonly node_id: string;
  readonly at_text: string;
  readonly tenant_id: string | null;
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly outcome: string;
  readonly details: string;
}

/** The columns of `audit_events e` that are hashed. */
export const storedEvent = sql`e.boot_id, e.node_seq, e.node_id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at_text,
  e.tenant_id, e.actor, e.action, e.object, e.outcome, e.details`;

export function chained(row: StoredEvent, seq: number): ChainedEvent {
  const { boot_id: bootId, node_seq: nodeSeq, node_id: nodeId, at_text: at, tenant_id: tenantId, actor, action, object, outcome, details } = row;
  return { seq, bootId, nodeSeq, nodeId, at, tenantId, actor, action, object, outcome, details };
}
