import { sql } from 'kysely';
import { beginBoot, writeAudit } from '../../src/store/audit.js';
import { transact } from '../../src/store/connection/connection.js';
import type { RawStore } from '../support/raw-store.js';

const tenantId = '01890000-0000-7000-8000-000000000001';
const texts = ['plain', 'é\u2028\u2029\u0000\ud800', '"quoted" \\ \u0007\u007f', '漢字 🜁', 'a\nb\rc\td'];

/** Writes events of three boots by turns, sealing now and then, and signs `checkpoints` times. */
export async function growTrail({ connection, store }: RawStore, events: number, checkpoints: number): Promise<void> {
  const boots = [await beginBoot(connection, 'one'), await beginBoot(connection, 'two'), await beginBoot(connection, 'three')];
  const each = Math.ceil(events / checkpoints);
  for (let round = 0; round < checkpoints; round += 1) {
    for (let written = 0; written < each; ) {
      const count = Math.min(1 + (written % 7), each - written);
      const boot = boots[(round + written) % boots.length] as (typeof boots)[number];
      const entries = Array.from({ length: count }, (_, at) => ({
        tenantId: at % 2 === 0 ? tenantId : null,
        actor: 'device',
        action: 'order.issued',
        object: `order:${round}-${written + at}`,
        outcome: 'success' as const,
        details: { text: texts[(written + at) % texts.length], number: (written + at) / 7, list: [1, null, true] },
      }));
      await transact(connection, (trx) => writeAudit(trx, boot, entries));
      written += count;
    }
    while ((await store.auditChain.seal()) > 0);
    await store.auditChain.sign();
  }
}

export async function exported({ store }: Pick<RawStore, 'store'>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of store.auditChain.export()) lines.push(line);
  return lines;
}

/** What somebody with the database can do to it, each as SQL; `undo` is done afterwards by the copies that `keepCopies` made. */
export function databaseTamperings(seq: number): Readonly<Record<string, string>> {
  const at = `(e.boot_id, e.node_seq) = (select r.boot_id, r.seq_from + ${seq} - r.first from audit_runs r where ${seq} between r.first and r.last)`;
  const row = `audit_events e where ${at}`;
  return {
    'an actor is changed': `update audit_events e set actor = 'nobody' where ${at}`,
    'an outcome is changed': `update audit_events e set outcome = 'failure' where ${at}`,
    'a time is changed': `update audit_events e set at = at + interval '1 microsecond' where ${at}`,
    'details are changed': `update audit_events e set details = replace(details, 'text', 'test') where ${at}`,
    'a tenant is changed': `update audit_events e set tenant_id = '01890000-0000-7000-8000-000000000002' where ${at}`,
    'an event is deleted': `delete from ${row}`,
    'all later events are deleted': `delete from audit_events e using audit_runs r where e.boot_id = r.boot_id and r.first + e.node_seq - r.seq_from >= ${seq} and e.node_seq between r.seq_from and r.seq_from + r.last - r.first`,
    'two events change places': `with pair as (select boot_id, node_seq, details, object, lead(object) over w as next, lead(node_seq) over w as next_seq from audit_events where boot_id = (select boot_id from ${row}) window w as (order by node_seq)),
        chosen as (select * from pair where next_seq is not null order by abs(node_seq - ${seq}) limit 1)
      update audit_events e set object = case when e.node_seq = c.node_seq then c.next else c.object end from chosen c where e.boot_id = c.boot_id and e.node_seq in (c.node_seq, c.next_seq)`,
    'a leaf hash is changed': `update audit_tiles set hashes = overlay(hashes placing '\\x00'::bytea from ${((seq - 1) % 256) * 32 + 1} for 1) where level = 0 and index = ${Math.floor((seq - 1) / 256)}
      and get_byte(hashes, ${((seq - 1) % 256) * 32}) <> 0`,
    'the newest checkpoint is deleted': 'delete from audit_checkpoints where size = (select max(size) from audit_checkpoints)',
    'a checkpoint in between is deleted': 'delete from audit_checkpoints where size = (select min(size) from audit_checkpoints)',
    'a checkpoint is changed': `update audit_checkpoints set note = replace(note, 'time 2', 'time 1') where size = (select min(size) from audit_checkpoints)`,
    'runs are renumbered': 'update audit_runs set seq_from = seq_from + 1 where first = (select max(first) from audit_runs)',
  };
}

const copied = ['audit_events', 'audit_runs', 'audit_tiles', 'audit_checkpoints'];

export async function keepCopies({ connection }: RawStore): Promise<void> {
  for (const table of copied) await sql.raw(`create table kept_${table} as select * from ${table}`).execute(connection.kysely);
}

export async function restoreCopies({ connection }: RawStore): Promise<void> {
  for (const table of copied) {
    await sql.raw(`delete from ${table}`).execute(connection.kysely);
    await sql.raw(`insert into ${table} select * from kept_${table}`).execute(connection.kysely);
  }
}
