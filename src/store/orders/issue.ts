import type { RecordOutcome } from '../../enrolment/ports.js';
import type { Boot } from '../audit.js';
import { type Batcher, createBatcher } from '../batcher.js';
import { isSpending } from '../challenges.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { batchLimits } from './batch-limits.js';
import { type Issuance, type IssuedRow, issueStatement, issueValues, redeemStatement } from './issue-statement.js';
import type { NamedStatement } from './order-statement.js';
import { existingOrOwn } from './record.js';
import { recordedOrder } from './rows.js';

/** Group commit of enrolments whose certificate is already signed; each caller hears only after the commit. */
export function issuanceBatcher(connection: Connection, boot: Boot): Batcher<Issuance, RecordOutcome> {
  return createBatcher((issuances) => issueAll(connection, boot, issueStatement, issuances), { ...batchLimits[connection.kind], name: 'issue' });
}

/**
 * The same for orders that use up a minted challenge. A statement that would use one too often fails as a whole; the batcher then
 * runs its orders one by one, and those that come too late fail alone.
 */
export function redemptionBatcher(connection: Connection, boot: Boot): Batcher<Issuance, RecordOutcome> {
  const redeem = async (issuances: readonly Issuance[]): Promise<readonly RecordOutcome[]> => {
    try {
      return await issueAll(connection, boot, redeemStatement, issuances);
    } catch (error) {
      if (issuances.length > 1 || !isSpending(error)) throw error;
      return [{ kind: 'challenge-spent' }];
    }
  };
  return createBatcher(redeem, { ...batchLimits[connection.kind], name: 'redeem' });
}

async function issueAll(connection: Connection, boot: Boot, { name, text }: NamedStatement, issuances: readonly Issuance[]): Promise<readonly RecordOutcome[]> {
  const values = issueValues(issuances, boot);
  const rows = await retrying(() => connection.prepared<IssuedRow>(name, text, values));
  const claimedAt = new Map(rows.map((row) => [row.order_id, row.at]));
  return Promise.all(issuances.map((issuance) => outcomeOf(connection, issuance, claimedAt.get(issuance.order.id))));
}

async function outcomeOf(connection: Connection, { context, order, certificate }: Issuance, at: Date | undefined): Promise<RecordOutcome> {
  if (at === undefined) return existingOrOwn(connection.kysely, context, order);
  const finishedAt = at < order.receivedAt ? order.receivedAt : at;
  const recorded = { tenantId: context.tenantId, state: 'ISSUED', finishedAt, certificateId: certificate.id, failInfo: null, failReason: null } as const;
  return { kind: 'recorded', order: recordedOrder(order, recorded) };
}
