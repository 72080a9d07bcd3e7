import { sql } from 'kysely';
import { knownSourceMs, type LimitKey, limitMemoryMs, limitRules, type SignInLimits, waitAfter } from '../tenancy/sign-in-limit.js';
import { type Connection, rowsOf, transact } from './connection/connection.js';
import type { Trx } from './tenancy/config-change.js';

interface LimitRow {
  readonly key_hash: Buffer;
  readonly tries: number;
  readonly blocked_until: Date | null;
}

const later = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** Each try locks its rows, always in the same order, so that tries made at once are counted one after the other. */
export function signInLimits(connection: Connection): SignInLimits {
  return {
    take: (keys, known, now) =>
      transact(connection, async (trx) => {
        const isKnown = (await sql`select 1 from sign_in_limits where key_hash = ${known} and expires_at > ${now}`.execute(trx)).rows.length > 0;
        const held = inOrder(keys).filter(({ kind }) => !(isKnown && kind === 'account'));
        const rows = await lockRows(trx, held, now);
        const waits = rows.map(({ blocked_until }) => (blocked_until === null ? 0 : blocked_until.getTime() - now.getTime()));
        const wait = Math.max(0, ...waits);
        if (wait === 0) for (const [index, { kind }] of held.entries()) await count(trx, rows[index] as LimitRow, kind, now);
        return wait;
      }),
    succeeded: (keys, known, now) =>
      transact(connection, async (trx) => {
        for (const { kind, hash } of inOrder(keys)) {
          if (kind === 'source') await sql`update sign_in_limits set tries = greatest(tries - 1, 0) where key_hash = ${hash}`.execute(trx);
          else await sql`delete from sign_in_limits where key_hash = ${hash}`.execute(trx);
        }
        await sql`insert into sign_in_limits (key_hash, tries, expires_at) values (${known}, 0, ${later(now, knownSourceMs)})
          on conflict (key_hash) do update set expires_at = excluded.expires_at`.execute(trx);
      }),
    forget: async (now) => (await rowsOf(connection, sql`delete from sign_in_limits where expires_at <= ${now} returning 1`)).length,
  };
}

function inOrder(keys: readonly LimitKey[]): readonly LimitKey[] {
  return [...keys].sort((left, right) => Buffer.compare(left.hash, right.hash));
}

/** One row per key, in their order; counters whose time is over begin anew. */
async function lockRows(trx: Trx, keys: readonly LimitKey[], now: Date): Promise<readonly LimitRow[]> {
  const rows: LimitRow[] = [];
  for (const { hash } of keys) {
    const found = await sql<LimitRow>`insert into sign_in_limits as l (key_hash, tries, expires_at) values (${hash}, 0, ${later(now, limitMemoryMs)})
      on conflict (key_hash) do update set tries = case when l.expires_at <= ${now} then 0 else l.tries end,
        blocked_until = case when l.blocked_until <= ${now} then null else l.blocked_until end
      returning key_hash, tries, blocked_until`.execute(trx);
    rows.push(found.rows[0] as LimitRow);
  }
  return rows;
}

async function count(trx: Trx, row: LimitRow, kind: LimitKey['kind'], now: Date): Promise<void> {
  const tries = row.tries + 1;
  const wait = waitAfter(tries, limitRules[kind]);
  await sql`update sign_in_limits set tries = ${tries}, blocked_until = ${wait === 0 ? null : later(now, wait)}, expires_at = ${later(now, limitMemoryMs + wait)}
    where key_hash = ${row.key_hash}`.execute(trx);
}
