import { sql } from 'kysely';
import type { AuditChain, ChainState, InclusionProof, KeptCheckpoint } from '../audit/chain.js';
import { type Checkpoint, signCheckpoint } from '../audit/checkpoint.js';
import { eventText } from '../audit/line.js';
import { inclusionProof, rootOf } from '../audit/merkle.js';
import type { Sealer } from '../runtime/seal.js';
import { exportLines } from './audit-export.js';
import { type SigningKey, signingKey } from './audit-key.js';
import { chainEnd, chained, holdChain, type StoredEvent, sealEvents, storedEvent } from './audit-seal.js';
import { subtreeReader } from './audit-tiles.js';
import { type Connection, type Executor, firstOf, rowsOf, transact } from './connection/connection.js';

export function auditChain(connection: Connection, sealer: Sealer): AuditChain {
  let known: Promise<SigningKey> | undefined;
  const key = (): Promise<SigningKey> => {
    known ??= signingKey(connection, sealer).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    seal: () => sealEvents(connection),
    sign: async (when = 'now') => sign(connection, await key(), when),
    key: async () => {
      const { origin, publicKey } = await key();
      return { origin, publicKey };
    },
    state: () => stateOf(connection),
    checkpoints: (after, limit) => checkpointsAfter(connection, after, limit),
    export: () => exportLines(connection),
    proofOf: (bootId, nodeSeq) => proofOf(connection, bootId, nodeSeq),
  };
}

/** The next checkpoint, which names the one before: none can be left out unseen. */
function sign(connection: Connection, key: SigningKey, when: 'now' | 'due'): Promise<Checkpoint | undefined> {
  return transact(connection, async (trx) => {
    if (!(await holdChain(trx))) return undefined;
    const { size } = await chainEnd(trx);
    const { previous, now, age } = await lastSigned(trx);
    if (size === previous || (when === 'due' && !isDue(size - previous, age))) return undefined;
    const root = await rootOf(subtreeReader(trx), size);
    const checkpoint = { origin: key.origin, size, root, time: now.toISOString(), previous };
    await sql`insert into audit_checkpoints (size, note, signed_at) values (${size}, ${signCheckpoint(checkpoint, key, key.privateKey)}, ${now})`.execute(trx);
    return checkpoint;
  });
}

interface LastSigned {
  readonly previous: number;
  readonly now: Date;
  /** Seconds. */
  readonly age: number;
}

async function lastSigned(executor: Executor): Promise<LastSigned> {
  const { rows } = await sql<LastSigned>`with last as (select size, signed_at from audit_checkpoints order by size desc limit 1)
    select coalesce((select size from last), 0)::bigint as previous, clock_timestamp() as now,
      coalesce(extract(epoch from clock_timestamp() - (select signed_at from last)), 1e9)::float8 as age`.execute(executor);
  return rows[0] as LastSigned;
}

/** After a minute, or after ten seconds where much has happened: so long may someone with the database *and* the key rewrite what nobody else has seen. */
function isDue(events: number, age: number): boolean {
  return age >= 60 || (events >= 1_000 && age >= 10);
}

async function checkpointsAfter(connection: Connection, after: number, limit: number): Promise<readonly KeptCheckpoint[]> {
  const rows = await rowsOf(
    connection,
    sql<{
      size: number;
      note: string;
      signed_at: Date;
    }>`select size, note, signed_at from audit_checkpoints where size > ${after} order by size limit ${limit}`,
  );
  return rows.map(({ size, note, signed_at }) => ({ size, note, signedAt: signed_at }));
}

interface StateRow {
  readonly sealed: number;
  readonly signed: number;
  readonly unsealed: number;
  readonly unsigned_seconds: number;
}

async function stateOf(connection: Connection): Promise<ChainState> {
  const row = await firstOf(
    connection,
    sql<StateRow>`with chain as (select coalesce((select last from audit_runs order by first desc limit 1), 0) as sealed,
          coalesce((select size from audit_checkpoints order by size desc limit 1), 0) as signed)
      select sealed, signed,
        (select coalesce(sum(b.last_seq - coalesce(s.seq, 0)), 0)::bigint from audit_boots b left join audit_sealed s on s.boot_id = b.boot_id) as unsealed,
        coalesce(extract(epoch from clock_timestamp() - (select sealed_at from audit_runs where first > signed order by first limit 1)), 0)::float8 as unsigned_seconds
      from chain`,
  );
  const { sealed = 0, signed = 0, unsealed = 0, unsigned_seconds: unsignedSeconds = 0 } = row ?? {};
  return { sealed, signed, unsealed, unsignedSeconds };
}

interface PlacedRow extends StoredEvent {
  readonly seq: number;
}

async function proofOf(connection: Connection, bootId: string, nodeSeq: number): Promise<InclusionProof | undefined> {
  const row = await firstOf(
    connection,
    sql<PlacedRow>`select r.first + e.node_seq - r.seq_from as seq, ${storedEvent} from audit_events e
      join lateral (select first, last, seq_from from audit_runs where boot_id = e.boot_id and seq_from <= e.node_seq order by seq_from desc limit 1) r
        on e.node_seq <= r.seq_from + r.last - r.first
      where e.boot_id = ${bootId} and e.node_seq = ${nodeSeq}`,
  );
  if (row === undefined) return undefined;
  const [covering] = await checkpointsAfter(connection, row.seq - 1, 1);
  if (covering === undefined) return undefined;
  const path = await inclusionProof(subtreeReader(connection.kysely), row.seq - 1, covering.size);
  return { seq: row.seq, event: eventText(chained(row, row.seq)), path, note: covering.note, size: covering.size };
}
