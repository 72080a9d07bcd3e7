import { sql } from 'kysely';
import type { ChallengeStore, MintedChallenge, NewChallenge } from '../tenancy/challenge.js';
import type { Context, TenantContext } from '../tenancy/context.js';
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
    admit: async (context, challenge) => {
      await rowsOf(connection, insertion(context, challenge));
      const standing = await find(connection, context, challenge.profileId, challenge.mac);
      if (standing === undefined) throw new Error('A challenge was forgotten while it was being admitted.');
      return standing;
    },
    find: (context, profileId, mac) => find(connection, context, profileId, mac),
    forget: async () => {
      const rows = await rowsOf(connection, sql`delete from challenges where expires_at < now() - interval '30 days' returning 1`);
      return rows.length;
    },
  };
}

async function find(connection: Connection, context: Context, profileId: string, mac: Buffer): Promise<MintedChallenge | undefined> {
  const where = allOf([...visibleTo(context, sql`tenant_id`), ...equalsId(sql`profile_id`, profileId), sql`mac = ${mac}`]);
  const row = await firstOf(connection, sql<ChallengeRow>`select *, expires_at <= clock_timestamp() as is_expired from challenges where ${where}`);
  return row === undefined ? undefined : toChallenge(row);
}

/** Nothing where the id or the challenge itself stands there already. */
function insertion({ tenantId }: TenantContext, challenge: NewChallenge) {
  const { id, profileId, mac, subject, sans, deviceId, maxUses, expiresAt } = challenge;
  return sql`
    insert into challenges (id, tenant_id, profile_id, mac, subject, sans, device_id, max_uses, expires_at)
    values (${id}, ${tenantId}, ${profileId}, ${mac}, ${textOrNull(subject)}, ${sans === null ? null : storableJson(sans)}::jsonb,
      ${textOrNull(deviceId)}, ${maxUses}, ${expiresAt})
    on conflict do nothing returning 1`;
}

function mint(connection: Connection, boot: Boot, context: TenantContext, challenge: NewChallenge): Promise<void> {
  const { id, profileId, subject, sans, deviceId, maxUses, expiresAt } = challenge;
  const { tenantId, actor } = context;
  return transact(connection, async (trx, isRetry) => {
    const { rows } = await insertion(context, challenge).execute(trx);
    // An earlier try was committed without our hearing of it.
    if (rows.length === 0 && isRetry) return;
    if (rows.length === 0) throw new Error('The new challenge is that of another.');
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
