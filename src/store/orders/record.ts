import { sql, type Transaction } from 'kysely';
import type { NewOrder, RecordOutcome, Refused } from '../../enrolment/ports.js';
import { failpoint } from '../../runtime/failpoint.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { ChallengeSpent, spendChallenge } from '../challenges.js';
import { type Connection, type Executor, transact } from '../connection/connection.js';
import { recordNotice } from '../notices.js';
import type { Tables } from '../tables.js';
import { storableJson, storableText } from '../text.js';
import { accountOf } from './account.js';
import { AccountHeld, claimAccount } from './duplicates.js';
import { stateEvent } from './event.js';
import { originOf } from './origin.js';
import { requestToJson, sealPkcs10 } from './request-json.js';
import { type Recorded, recordedOrder } from './rows.js';
import { findTransaction } from './transactions.js';

type FirstState = 'AWAITING_APPROVAL' | 'ACCEPTED' | Refused;

/** Records a new order unless its dedupe key is taken; key, order, work and audit row are one commit. */
export function record(connection: Connection, boot: Boot, sealer: Sealer, context: TenantContext, order: NewOrder, state: FirstState): Promise<RecordOutcome> {
  return spending(connection, async (trx) => {
    const isFree = await takeDedupeKey(trx, context, order, typeof state === 'object');
    return isFree ? insertOrder(trx, boot, sealer, context, order, state) : existingOrOwn(trx, context, order);
  });
}

/** As `record`, in the place of the order `replaces`, which must be over and must still be the one that stands there. */
export function supersede(
  connection: Connection,
  boot: Boot,
  sealer: Sealer,
  context: TenantContext,
  order: NewOrder,
  replaces: string,
  state: 'AWAITING_APPROVAL' | 'ACCEPTED' = 'ACCEPTED',
): Promise<RecordOutcome> {
  return spending(connection, async (trx) => {
    const isReplaced = await replaceTransaction(trx, context, order, replaces);
    const isFree = isReplaced || (await takeDedupeKey(trx, context, order, false));
    return isFree ? insertOrder(trx, boot, sealer, context, order, state) : existingOrOwn(trx, context, order);
  });
}

/** One transaction; when the order's challenge turns out to be spent, nothing of it is written. */
async function spending(connection: Connection, work: (trx: Transaction<Tables>) => Promise<RecordOutcome>): Promise<RecordOutcome> {
  try {
    return await transact(connection, work);
  } catch (error) {
    if (error instanceof ChallengeSpent) return { kind: 'challenge-spent' };
    if (error instanceof AccountHeld) return { kind: 'account-held' };
    throw error;
  }
}

/** What holds the dedupe key. That is the order itself when an earlier try was committed without our hearing of it. */
export async function existingOrOwn(executor: Executor, context: TenantContext, order: NewOrder): Promise<RecordOutcome> {
  const transaction = await findTransaction(executor, context, order.dedupeKey);
  if (transaction === undefined) throw new Error('The transaction was forgotten while it was being recorded again.');
  return transaction.order.id === order.id ? { kind: 'recorded', order: transaction.order } : { kind: 'existing', transaction };
}

async function takeDedupeKey(trx: Transaction<Tables>, { tenantId }: TenantContext, order: NewOrder, isFinal: boolean): Promise<boolean> {
  const { rows } = await sql`
    insert into transactions (dedupe_key, order_id, tenant_id, profile_id, transaction_id, content_hash, session, retained_until)
    values (${order.dedupeKey}, ${order.id}, ${tenantId}, ${order.profileId}, ${storableText(order.transactionId)}, ${order.contentHash},
      ${storableJson(order.session)}::jsonb, case when ${isFinal}::boolean then now() + interval '24 hours' end)
    on conflict (dedupe_key) do nothing returning 1`.execute(trx);
  return rows.length === 1;
}

async function replaceTransaction(trx: Transaction<Tables>, { tenantId }: TenantContext, order: NewOrder, replaces: string): Promise<boolean> {
  const { rows } = await sql`
    update transactions t set order_id = ${order.id}, content_hash = ${order.contentHash}, session = ${storableJson(order.session)}::jsonb, retained_until = null
    from orders o
    where t.dedupe_key = ${order.dedupeKey} and t.tenant_id = ${tenantId} and t.order_id = ${replaces} and o.id = t.order_id and o.finished_at is not null
    returning 1`.execute(trx);
  return rows.length === 1;
}

async function insertOrder(
  trx: Transaction<Tables>,
  boot: Boot,
  sealer: Sealer,
  context: TenantContext,
  order: NewOrder,
  state: FirstState,
): Promise<RecordOutcome> {
  const { tenantId } = context;
  const refused = typeof state === 'object' ? state : undefined;
  const first = refused?.state ?? (state as Exclude<FirstState, Refused>);
  const accountId = accountOf(order);
  const { facts } = order;
  if (order.challengeId !== undefined && refused === undefined) await spendChallenge(trx, order.challengeId);
  await sql`insert into accounts (id, tenant_id, profile_id, label) values (${accountId}, ${tenantId}, ${order.profileId}, ${storableText(order.accountLabel)})
    on conflict (id) do nothing`.execute(trx);
  if (order.isExclusive === true && refused === undefined) await claimAccount(trx, accountId);
  const { rows } = await sql<{ finished_at: Date | null }>`
    insert into orders (id, tenant_id, profile_id, connector_id, protocol, account_id, transaction_id, dedupe_key, operation, state, subject, fail_info,
      fail_reason, client_ip, client_family, key_type, digest, cipher, credential, renews, created_at, finished_at)
    values (${order.id}, ${tenantId}, ${order.profileId}, ${order.connectorId}, ${order.protocol}, ${accountId}, ${storableText(order.transactionId)},
      ${order.dedupeKey}, ${order.operation}, ${first}, ${storableText(order.subject)}, ${refused?.failInfo ?? null},
      ${refused === undefined ? null : storableText(refused.failReason)}, ${facts.clientIp}, ${storableText(facts.clientFamily)}, ${facts.keyType},
      ${facts.digest}, ${facts.cipher}, ${storableText(order.credential)}, ${order.renews}, ${order.receivedAt},
      case when ${refused !== undefined}::boolean then greatest(now(), ${order.receivedAt}::timestamptz) end)
    returning finished_at`.execute(trx);
  if (refused === undefined) await insertWork(trx, sealer, tenantId, order, first === 'ACCEPTED');
  if (order.notice !== undefined) await recordNotice(trx, sealer, tenantId, order);
  await writeAudit(trx, boot, [
    stateEvent(context, order.id, first, refused?.failReason, { ...originOf(order), ...(refused && { failInfo: refused.failInfo }) }),
  ]);
  failpoint('recording');
  const recorded: Recorded = {
    tenantId,
    state: first,
    finishedAt: rows[0]?.finished_at ?? null,
    certificateId: null,
    failInfo: refused?.failInfo ?? null,
    failReason: refused?.failReason ?? null,
  };
  return { kind: 'recorded', order: recordedOrder(order, recorded) };
}

/** What waits for somebody's word is not due, so that whoever looks for work does not come upon it again and again. */
async function insertWork(trx: Transaction<Tables>, sealer: Sealer, tenantId: string, order: NewOrder, isDue: boolean): Promise<void> {
  const { id, request, deadline } = order;
  await sql`insert into order_work (order_id, tenant_id, request, pkcs10, next_attempt_at, deadline)
    values (${id}, ${tenantId}, ${requestToJson(request)}::jsonb, ${sealPkcs10(request, tenantId, id, sealer)},
      case when ${isDue}::boolean then now() else 'infinity' end, ${deadline})`.execute(trx);
}
