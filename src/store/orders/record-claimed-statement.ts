import type { NewOrder } from '../../enrolment/ports.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { orderedJson } from '../canonical-json.js';
import { storableJson } from '../text.js';
import { accountOf } from './account.js';
import { type NamedStatement, type OrderRecording, orderStatement, spending, spendingNone } from './order-statement.js';
import { originOf } from './origin.js';
import { sealPkcs10, storedRequest } from './request-json.js';

/** An order whose CA is called as soon as it stands. */
export interface Recording {
  readonly context: TenantContext;
  readonly order: NewOrder;
  readonly leaseMs: number;
}

export interface RecordedRow {
  readonly order_id: string;
  readonly called_at: Date;
}

/** An order, its claim and the intent of its call in one commit. */
const recording: OrderRecording = {
  columns: '"dedupeKey" text, "contentHash" text, details text, request jsonb, pkcs10 text, "leaseMs" integer, deadline timestamptz',
  dedupeKey: `decode("dedupeKey", 'hex')`,
  contentHash: `decode("contentHash", 'hex')`,
  retainedUntil: 'null::timestamptz',
  state: 'ISSUING',
  order: {},
  more: `work as (
  insert into order_work (order_id, tenant_id, request, pkcs10, fence, lease_until, next_attempt_at, deadline, calls, called_at)
  select "orderId", "tenantId", request, decode(pkcs10, 'hex'), 1, clock_timestamp() + "leaseMs" * interval '1 millisecond', now(), deadline, 1,
    clock_timestamp()
  from fresh
  returning order_id, called_at
), intents as (
  insert into order_intents (order_id, fence, tenant_id, request_hash, connector_version, called_at)
  select work.order_id, 1, fresh."tenantId", sha256(convert_to(fresh.request::text, 'UTF8')), c.version, work.called_at
  from work join fresh on fresh."orderId" = work.order_id left join connectors c on c.id = fresh."connectorId"
)`,
  details: 'details',
  result: 'select order_id, called_at from work',
};

export const recordClaimedStatement: NamedStatement = { name: 'record-claimed', text: orderStatement(recording, spendingNone) };
/** For orders that all have a minted challenge. */
export const redeemClaimedStatement: NamedStatement = { name: 'redeem-claimed', text: orderStatement(recording, spending) };

export function recordingValues(recordings: readonly Recording[], sealer: Sealer, boot: Boot): readonly unknown[] {
  return [storableJson(recordings.map((recording) => inputRow(recording, sealer))), boot.id, boot.nodeId];
}

function inputRow({ context, order, leaseMs }: Recording, sealer: Sealer): Readonly<Record<string, unknown>> {
  return {
    orderId: order.id,
    tenantId: context.tenantId,
    profileId: order.profileId,
    connectorId: order.connectorId,
    protocol: order.protocol,
    accountId: accountOf(order),
    accountLabel: order.accountLabel,
    transactionId: order.transactionId,
    dedupeKey: order.dedupeKey.toString('hex'),
    contentHash: order.contentHash.toString('hex'),
    operation: order.operation,
    subject: order.subject,
    ...order.facts,
    credential: order.credential,
    session: order.session,
    renews: order.renews,
    receivedAt: order.receivedAt,
    actor: context.actor,
    details: detailsOf(order),
    request: storedRequest(order.request),
    pkcs10: sealPkcs10(order.request, context.tenantId, order.id, sealer)?.toString('hex') ?? null,
    leaseMs,
    deadline: order.deadline,
    ...(order.challengeId === undefined ? {} : { challengeId: order.challengeId }),
  };
}

/** Of the audit row; members in order. */
function detailsOf(order: NewOrder): string {
  const { clientIp, operation, profileId, request, requester, transactionId } = originOf(order);
  return orderedJson({ clientIp, operation, profileId, request, requester, state: 'ISSUING', transactionId });
}
