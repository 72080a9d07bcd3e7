import { sql } from 'kysely';
import type { Operation, Order, OrderState, Session } from '../../enrolment/order.js';
import type { NewOrder, StoredTransaction } from '../../enrolment/ports.js';
import type { Protocol } from '../../tenancy/profile.js';
import { accountOf } from './account.js';

export interface OrderRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly profile_id: string;
  readonly connector_id: string;
  readonly protocol: Protocol;
  readonly account_id: string;
  readonly transaction_id: string;
  readonly operation: Operation;
  readonly state: OrderState;
  readonly subject: string;
  readonly fail_info: string | null;
  readonly fail_reason: string | null;
  readonly attempts: number;
  readonly client_ip: string;
  readonly client_family: string;
  readonly key_type: string;
  readonly digest: string;
  readonly cipher: string;
  readonly credential: string;
  readonly certificate_id: string | null;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly acknowledged_at: Date | null;
}

/** The columns of `OrderRow`, of a table named `o`. */
export const orderColumns = sql.raw(
  `o.id, o.tenant_id, o.profile_id, o.connector_id, o.protocol, o.account_id, o.transaction_id, o.operation, o.state, o.subject, o.fail_info,
   o.fail_reason, o.attempts, o.client_ip, o.client_family, o.key_type, o.digest, o.cipher, o.credential, o.certificate_id, o.created_at,
   o.finished_at, o.acknowledged_at`,
);

export function toOrder(row: OrderRow): Order {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    connectorId: row.connector_id,
    protocol: row.protocol,
    accountId: row.account_id,
    transactionId: row.transaction_id,
    operation: row.operation,
    state: row.state,
    subject: row.subject,
    failInfo: row.fail_info,
    failReason: row.fail_reason,
    attempts: row.attempts,
    facts: { clientIp: row.client_ip, clientFamily: row.client_family, keyType: row.key_type, digest: row.digest, cipher: row.cipher },
    credential: row.credential,
    certificateId: row.certificate_id,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    acknowledgedAt: row.acknowledged_at,
  };
}

/** What the database makes of a new order; the rest is as it was given. */
export interface Recorded {
  readonly tenantId: string;
  readonly state: OrderState;
  readonly finishedAt: Date | null;
  readonly certificateId: string | null;
  readonly failInfo: string | null;
  readonly failReason: string | null;
}

/** The order as it now stands, without reading it back. */
export function recordedOrder(order: NewOrder, recorded: Recorded): Order {
  return {
    id: order.id,
    profileId: order.profileId,
    connectorId: order.connectorId,
    protocol: order.protocol,
    accountId: accountOf(order),
    transactionId: order.transactionId,
    operation: order.operation,
    subject: order.subject,
    attempts: 1,
    facts: order.facts,
    credential: order.credential,
    createdAt: order.receivedAt,
    acknowledgedAt: null,
    ...recorded,
  };
}

export interface TransactionRow extends OrderRow {
  readonly content_hash: Buffer;
  readonly session: Session;
  readonly der: Buffer | null;
}

export function toTransaction(row: TransactionRow): StoredTransaction {
  return { order: toOrder(row), contentHash: row.content_hash, session: row.session, certificate: row.der };
}
