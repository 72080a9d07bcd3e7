import type { RecordOutcome } from '../../enrolment/ports.js';
import type { Boot } from '../audit.js';
import { type Batcher, createBatcher } from '../batcher.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { type Issuance, type IssuedRow, issueStatement, issueValues } from './issue-statement.js';
import { existingOrOwn } from './record.js';
import { recordedOrder } from './rows.js';

/** On PostgreSQL a second batch is parsed and written while the first waits for its commit; PGlite does one thing at a time. */
const limits = { postgres: { maxBatch: 64, maxInFlight: 2 }, pglite: { maxBatch: 64, maxInFlight: 1 } };

/** Group commit of enrolments whose certificate is already signed; each caller hears only after the commit. */
export function issuanceBatcher(connection: Connection, boot: Boot): Batcher<Issuance, RecordOutcome> {
  return createBatcher((issuances) => issueAll(connection, boot, issuances), limits[connection.kind]);
}

async function issueAll(connection: Connection, boot: Boot, issuances: readonly Issuance[]): Promise<readonly RecordOutcome[]> {
  const values = issueValues(issuances, boot);
  const rows = await retrying(() => connection.prepared<IssuedRow>('issue', issueStatement, values));
  const claimedAt = new Map(rows.map((row) => [row.order_id, row.at]));
  return Promise.all(issuances.map((issuance) => outcomeOf(connection, issuance, claimedAt.get(issuance.order.id))));
}

async function outcomeOf(connection: Connection, { context, order, certificate }: Issuance, at: Date | undefined): Promise<RecordOutcome> {
  if (at === undefined) return existingOrOwn(connection.kysely, context, order);
  const finishedAt = at < order.receivedAt ? order.receivedAt : at;
  const recorded = { tenantId: context.tenantId, state: 'ISSUED', finishedAt, certificateId: certificate.id, failInfo: null, failReason: null } as const;
  return { kind: 'recorded', order: recordedOrder(order, recorded) };
}
