import { sql } from 'kysely';
import type { ChallengeStore, MintedChallenge, NewChallenge } from '../tenancy/challenge.js';
import type { TenantContext } from '../tenancy/context.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, type Executor, firstOf, rowsOf, transact } from './connection/connection.js';
import { violatedConstraint } from './connection/transient.js';
import { allOf } from './page.js';
import { equalsId, visibleTo } from './scope.js';
import { storableJson, storableText } from './text.js';

interface ChallengeRow {
  readonly id: string;
  readonly profile_id: string;
  readonly subject: string | null;
  readonly sans: readonly string[] | null;
  readonly device_id: string | null;
  readonly max_uses: number;
  readonly used: number;
  readonly expires_at: Date;
  readonly is_expired: boolean;
}

export function challengeStore(connection: Connection, boot: Boot): ChallengeStore {
  return {
    mint: (context, challenge) => mint(connection, boot, context, challenge),
    find: async (context, profileId, mac) => {
      const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), sql`mac = ${mac}`]);
      const row = await firstOf(connection, sql<ChallengeRow>`select *, expires_at <= clock_timestamp() as is_expired from challenges where ${where}`);
      return row === undefined ? undefined : toChallenge(row);
    },
    forget: async () => {
      const rows = await rowsOf(connection, sql`delete from challenges where expires_at < now() - interval '30 days' returning 1`);
      return rows.length;
    },
  };
}

function mint(connection: Connection, boot: Boot, context: TenantContext, challenge: NewChallenge): Promise<void> {
  const { id, profileId, mac, subject, sans, deviceId, maxUses, expiresAt } = challenge;
  const { tenantId, actor } = context;
  return transact(connection, async (trx, isRetry) => {
    const { rows } = await sql`
      insert into challenges (id, tenant_id, profile_id, mac, subject, sans, device_id, max_uses, expires_at)
      values (${id}, ${tenantId}, ${profileId}, ${mac}, ${textOrNull(subject)}, ${sans === null ? null : storableJson(sans)}::jsonb,
        ${textOrNull(deviceId)}, ${maxUses}, ${expiresAt})
      on conflict (id) do nothing returning 1`.execute(trx);
    // An earlier try was committed without our hearing of it.
    if (rows.length === 0 && isRetry) return;
    const details = { profileId, subject, sans, deviceId, uses: maxUses, expiresAt: expiresAt.toISOString() };
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'challenge.minted', object: `challenge:${id}`, outcome: 'success', details }]);
  });
}

function textOrNull(text: string | null): string | null {
  return text === null ? null : storableText(text);
}

function toChallenge(row: ChallengeRow): MintedChallenge {
  return {
    id: row.id,
    profileId: row.profile_id,
    subject: row.subject,
    sans: row.sans,
    deviceId: row.device_id,
    maxUses: row.max_uses,
    used: row.used,
    expiresAt: row.expires_at,
    isExpired: row.is_expired,
  };
}

/** The order's challenge is used up or has expired; thrown so that its transaction leaves nothing behind. */
export class ChallengeSpent extends Error {
  override readonly name = 'ChallengeSpent';
}

/** Uses a challenge in the transaction that records its order; throws `ChallengeSpent`. */
export async function spendChallenge(trx: Executor, challengeId: string): Promise<void> {
  const { rows } = await sql`
    update challenges set used = used + 1 where id = ${challengeId} and used < max_uses and expires_at > now() returning 1`.execute(trx);
  if (rows.length === 0) throw new ChallengeSpent('The challenge is used up or has expired.');
}

/** True for the failure of a statement that would have used a challenge once too often. */
export function isSpending(error: unknown): boolean {
  return error instanceof ChallengeSpent || violatedConstraint(error) === 'challenges_used_check';
}
