import type { NewOrder } from '../../enrolment/ports.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { orderedJson } from '../canonical-json.js';
import { storableJson } from '../text.js';
import { accountOf } from './account.js';
import { type ChallengePart, type IssueStatement, spending } from './issue-statement.js';
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

/**
 * An order, its claim and the intent of its call in one commit, for many orders in one statement. As in the statement for orders that are
 * issued at once, rows come sorted by dedupe key and the audit counter is taken after everything that may wait for somebody else.
 */
const statement = ({ column, ctes, waits }: ChallengePart): string => `
with input as materialized (
  select * from json_to_recordset($1::json) as (
    "orderId" uuid, "tenantId" uuid, "profileId" uuid, "connectorId" uuid, protocol text, "accountId" uuid, "accountLabel" text,
    "transactionId" text, "dedupeKey" text, "contentHash" text, operation text, subject text, "clientIp" text, "clientFamily" text,
    "keyType" text, digest text, cipher text, credential text, session jsonb, renews uuid, "receivedAt" timestamptz, actor text,
    details text, request jsonb, pkcs10 text, "leaseMs" integer, deadline timestamptz${column})
), claimed as (
  insert into transactions (dedupe_key, order_id, tenant_id, profile_id, transaction_id, content_hash, session)
  select decode("dedupeKey", 'hex'), "orderId", "tenantId", "profileId", "transactionId", decode("contentHash", 'hex'), session
  from input order by "dedupeKey"
  on conflict (dedupe_key) do nothing
  returning order_id
), fresh as materialized (
  select input.* from input join claimed on claimed.order_id = input."orderId"
${ctes}), new_accounts as (
  insert into accounts (id, tenant_id, profile_id, label)
  select distinct on ("accountId") "accountId", "tenantId", "profileId", "accountLabel" from fresh order by "accountId"
  on conflict (id) do nothing
  returning 1
), new_orders as (
  insert into orders (id, tenant_id, profile_id, connector_id, protocol, account_id, transaction_id, dedupe_key, operation, state, subject, client_ip,
    client_family, key_type, digest, cipher, credential, renews, created_at)
  select "orderId", "tenantId", "profileId", "connectorId", protocol, "accountId", "transactionId", decode("dedupeKey", 'hex'), operation, 'ISSUING',
    subject, "clientIp", "clientFamily", "keyType", digest, cipher, credential, renews, "receivedAt"
  from fresh
), work as (
  insert into order_work (order_id, tenant_id, request, pkcs10, fence, lease_until, next_attempt_at, deadline, calls, called_at)
  select "orderId", "tenantId", request, decode(pkcs10, 'hex'), 1, clock_timestamp() + "leaseMs" * interval '1 millisecond', now(), deadline, 1,
    clock_timestamp()
  from fresh
  returning order_id, called_at
), intents as (
  insert into order_intents (order_id, fence, tenant_id, request_hash, connector_version, called_at)
  select work.order_id, 1, fresh."tenantId", sha256(convert_to(fresh.request::text, 'UTF8')), c.version, work.called_at
  from work join fresh on fresh."orderId" = work.order_id left join connectors c on c.id = fresh."connectorId"
), counter as (
  update audit_boots set last_seq = last_seq + fresh.count from (select count(*) as count from fresh) as fresh
  where boot_id = $2 and (select count(*) from new_accounts) >= 0${waits} returning last_seq - fresh.count as base
), new_events as (
  insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
  select $2, (select base from counter) + row_number() over (), $3, now(), "tenantId", actor, 'order.issuing', 'order:' || "orderId", 'success', details
  from fresh
)
select order_id, called_at from work`;

export const recordClaimedStatement: IssueStatement = { name: 'record-claimed', text: statement({ column: '', ctes: '', waits: '' }) };
/** For orders that all have a minted challenge. */
export const redeemClaimedStatement: IssueStatement = { name: 'redeem-claimed', text: statement(spending) };

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
