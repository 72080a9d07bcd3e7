import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { IdempotencyKey, IdempotencyStore, KeptAnswer } from '../admin/ports.js';
import { uuidv7 } from '../runtime/ids.js';
import type { Sealer } from '../runtime/seal.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';
import { openText } from './sealed.js';

/** The port, and the broom of a background job. */
export interface IdempotencyRoom extends IdempotencyStore {
  /** Forgets answers whose time is over. Returns how many. */
  forget(): Promise<number>;
}

/** No request of the admin API takes longer; after it the process that began one is taken for gone. */
const claimSeconds = 120;

export const answerPlace = (tenantId: string | null, keyHash: Buffer) =>
  ({ table: 'idempotency_keys', column: 'answer', tenantId: tenantId ?? '', rowId: keyHash.toString('hex') }) as const;

interface StandingRow {
  readonly request_hash: string;
  readonly answer: Buffer | null;
}

/** One row per key; of concurrent claims, on whatever process, one inserts it. */
export function idempotencyStore(connection: Connection, sealer: Sealer): IdempotencyRoom {
  return {
    async claim(key, fingerprint, expiresAt) {
      const keyHash = hashOf(key);
      const claimId = uuidv7();
      if (await take(connection, key, { keyHash, fingerprint, claimId, expiresAt })) return { kind: 'mine', held: hold(connection, sealer, key, claimId) };
      const standing = await firstOf(connection, sql<StandingRow>`select request_hash, answer from idempotency_keys where key_hash = ${keyHash}`);
      // Released between the two statements: its holder is done, and the caller's next try finds the key free.
      if (standing === undefined) return { kind: 'busy' };
      if (standing.request_hash !== fingerprint) return { kind: 'other-request' };
      if (standing.answer === null) return { kind: 'busy' };
      return { kind: 'kept', answer: JSON.parse(openText(sealer, standing.answer, answerPlace(key.tenantId, keyHash)).reveal()) as KeptAnswer };
    },
    forget: async () => (await rowsOf(connection, sql`delete from idempotency_keys where expires_at < now() returning 1`)).length,
  };
}

interface Claim {
  readonly keyHash: Buffer;
  readonly fingerprint: string;
  readonly claimId: string;
  readonly expiresAt: Date;
}

/** True when the key is now ours: it was new, its time was over, or the process that held it is gone. */
async function take(connection: Connection, { tenantId, actor }: IdempotencyKey, claim: Claim): Promise<boolean> {
  const { keyHash, fingerprint, claimId, expiresAt } = claim;
  const row = await firstOf(
    connection,
    sql<{ claim_id: string }>`insert into idempotency_keys as k (key_hash, tenant_id, actor, request_hash, claim_id, claimed_until, expires_at)
      values (${keyHash}, ${tenantId}, ${actor}, ${fingerprint}, ${claimId}, clock_timestamp() + ${claimSeconds} * interval '1 second', ${expiresAt})
      on conflict (key_hash) do update set request_hash = excluded.request_hash, claim_id = excluded.claim_id, claimed_until = excluded.claimed_until,
        answer = null, expires_at = excluded.expires_at
      where k.expires_at <= clock_timestamp() or k.claim_id = excluded.claim_id
        or (k.answer is null and k.claimed_until <= clock_timestamp() and k.request_hash = excluded.request_hash)
      returning claim_id`,
  );
  return row !== undefined;
}

/** Who lost the key to another in the meantime changes nothing. */
function hold(connection: Connection, sealer: Sealer, key: IdempotencyKey, claimId: string) {
  const keyHash = hashOf(key);
  return {
    async keep(answer: KeptAnswer) {
      const sealed = sealer.seal(Buffer.from(JSON.stringify(answer), 'utf8'), answerPlace(key.tenantId, keyHash));
      await rowsOf(connection, sql`update idempotency_keys set answer = ${sealed} where key_hash = ${keyHash} and claim_id = ${claimId}`);
    },
    async release() {
      await rowsOf(connection, sql`delete from idempotency_keys where key_hash = ${keyHash} and claim_id = ${claimId}`);
    },
  };
}

function hashOf({ tenantId, actor, key }: IdempotencyKey): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([tenantId, actor, key]))
    .digest();
}
