import type { ClaimOutcome } from '../../enrolment/ports.js';
import { failpoint } from '../../runtime/failpoint.js';
import type { Sealer } from '../../runtime/seal.js';
import type { Boot } from '../audit.js';
import { type Batcher, createBatcher } from '../batcher.js';
import { isSpending } from '../challenges.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { batchLimits } from './batch-limits.js';
import type { NamedStatement } from './order-statement.js';
import { existingOrOwn } from './record.js';
import { type RecordedRow, type Recording, recordClaimedStatement, recordingValues, redeemClaimedStatement } from './record-claimed-statement.js';
import { recordedOrder } from './rows.js';

/** Group commit of orders whose CA is called at once; each caller hears only after the commit. */
export function recordingBatcher(connection: Connection, boot: Boot, sealer: Sealer): Batcher<Recording, ClaimOutcome> {
  return createBatcher((recordings) => recordAll(connection, boot, sealer, recordClaimedStatement, recordings), {
    ...batchLimits[connection.kind],
    name: 'record',
  });
}

/** The same for orders that use up a minted challenge: a batch that would use one too often is run one by one. */
export function redeemingBatcher(connection: Connection, boot: Boot, sealer: Sealer): Batcher<Recording, ClaimOutcome> {
  const redeem = async (recordings: readonly Recording[]): Promise<readonly ClaimOutcome[]> => {
    try {
      return await recordAll(connection, boot, sealer, redeemClaimedStatement, recordings);
    } catch (error) {
      if (recordings.length > 1 || !isSpending(error)) throw error;
      return [{ kind: 'challenge-spent' }];
    }
  };
  return createBatcher(redeem, { ...batchLimits[connection.kind], name: 'redeem-record' });
}

async function recordAll(
  connection: Connection,
  boot: Boot,
  sealer: Sealer,
  { name, text }: NamedStatement,
  recordings: readonly Recording[],
): Promise<readonly ClaimOutcome[]> {
  const values = recordingValues(recordings, sealer, boot);
  const begun = performance.now();
  failpoint('recording');
  const rows = await retrying(() => connection.prepared<RecordedRow>(name, text, values));
  const calledAt = new Map(rows.map((row) => [row.order_id, row.called_at]));
  return Promise.all(recordings.map((recording) => outcomeOf(connection, recording, calledAt.get(recording.order.id), begun)));
}

/**
 * Without a row the dedupe key was taken. By the order itself when an earlier try was committed unheard: then its claim is ours too, since
 * nobody else takes an order whose lease runs, and the call it was claimed for has not gone out.
 */
async function outcomeOf(connection: Connection, { context, order, leaseMs }: Recording, calledAt: Date | undefined, begun: number): Promise<ClaimOutcome> {
  if (calledAt === undefined) {
    const standing = await existingOrOwn(connection.kysely, context, order);
    const isOurs = standing.kind === 'recorded' && standing.order.state === 'ISSUING' && performance.now() - begun < leaseMs;
    if (!isOurs) return standing;
  }
  const recorded = { tenantId: context.tenantId, state: 'ISSUING', finishedAt: null, certificateId: null, failInfo: null, failReason: null } as const;
  const claimed = {
    order: recordedOrder(order, recorded),
    request: order.request,
    fence: 1,
    caRef: `${context.tenantId}-${order.id}`,
    caReference: null,
    calls: 1,
    calledAt: calledAt ?? null,
    calledMsAgo: calledAt === undefined ? null : 0,
  };
  return { kind: 'claimed', claimed };
}
