import type { CertificateRecord, NewOrder } from '../../enrolment/ports.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { orderedJson } from '../canonical-json.js';
import { storableJson } from '../text.js';
import { accountOf } from './account.js';
import { issueOctets, octets, type Place } from './issue-octets.js';
import { originOf } from './origin.js';

/** An order whose certificate is already signed. */
export interface Issuance {
  readonly context: TenantContext;
  readonly order: NewOrder;
  readonly certificate: CertificateRecord;
  readonly caId: string;
}

export interface IssuedRow {
  readonly order_id: string;
  readonly at: Date;
}

/**
 * Everything one enrolment leaves behind, for many of them, in one statement: first the dedupe keys, then only for those that were
 * free the rest. One JSON document as the parameter is cheaper than an array per column (64 orders, parameters alone: 1.6 ms against
 * 2.0 on PostgreSQL 15, 2.7 against 8.4 on PGlite); digests, certificates and audit details lie in one binary parameter beside it, since
 * they cost more to write and read as text than to store. Rows come sorted by dedupe key, so that two such statements never wait for
 * each other in a circle; the audit counter is taken after everything that may wait for another transaction (hence its glance at
 * new_accounts).
 */
const statement = ({ column, ctes, waits }: ChallengePart): string => `
with input as materialized (
  select * from json_to_recordset($1::json) as (
    "orderId" uuid, "tenantId" uuid, "profileId" uuid, "connectorId" uuid, protocol text, "accountId" uuid, "accountLabel" text,
    "transactionId" text, operation text, subject text, "clientIp" text, "clientFamily" text, "keyType" text, digest text, cipher text,
    credential text, session jsonb, renews uuid, "receivedAt" timestamptz, actor text, "certificateId" uuid, issuer text, serial text,
    "certificateSubject" text, sans jsonb, "notBefore" timestamptz, "notAfter" timestamptz, "caId" text, at integer, "derLength" integer,
    "detailsLength" integer${column})
), claimed as (
  insert into transactions (dedupe_key, order_id, tenant_id, profile_id, transaction_id, content_hash, session, retained_until)
  select ${octets.dedupeKey} as key, "orderId", "tenantId", "profileId", "transactionId", ${octets.contentHash}, session, now() + interval '24 hours'
  from input order by key
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
    client_family, key_type, digest, cipher, credential, certificate_id, renews, created_at, finished_at)
  select "orderId", "tenantId", "profileId", "connectorId", protocol, "accountId", "transactionId", ${octets.dedupeKey}, operation, 'ISSUED',
    subject, "clientIp", "clientFamily", "keyType", digest, cipher, credential, "certificateId", renews, "receivedAt", greatest(now(), "receivedAt")
  from fresh
), new_certificates as (
  insert into certificates (id, tenant_id, profile_id, order_id, connector_id, der, sha256, issuer_hash, issuer, serial, subject, sans, key_hash,
    not_before, not_after)
  select "certificateId", "tenantId", "profileId", "orderId", "connectorId", ${octets.der}, ${octets.sha256}, ${octets.issuerHash},
    issuer, serial, "certificateSubject", sans, ${octets.keyHash}, "notBefore", "notAfter"
  from fresh
), new_engine_certificates as (
  insert into engine_certificates (ca_id, serial, ref, certificate_id, not_after)
  select "caId", serial, "tenantId" || '-' || "orderId", "certificateId", "notAfter" from fresh
), counter as (
  update audit_boots set last_seq = last_seq + fresh.count from (select count(*) as count from fresh) as fresh
  where boot_id = $2 and (select count(*) from new_accounts) >= 0${waits} returning last_seq - fresh.count as base
), new_events as (
  insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
  select $2, (select base from counter) + row_number() over (), $3, now(), "tenantId", actor, 'order.issued', 'order:' || "orderId", 'success', ${octets.details}
  from fresh
)
select order_id, now() as at from claimed`;

export interface ChallengePart {
  readonly column: string;
  readonly ctes: string;
  readonly waits: string;
}

/**
 * Uses the challenges of the orders that are new. One that is used up or has expired violates challenges_used_check, and with it the whole
 * statement fails. Locked in the order of their ids, as the dedupe keys are.
 */
export const spending: ChallengePart = {
  column: ', "challengeId" uuid',
  ctes: `), uses as materialized (
  select "challengeId" as id, count(*)::integer as count from fresh group by "challengeId"
), locked as materialized (
  select c.id, uses.count from challenges c join uses on uses.id = c.id order by c.id for update of c
), spent as (
  update challenges c set used = case when c.expires_at > now() then c.used + locked.count else c.max_uses + 1 end
  from locked where c.id = locked.id
  returning 1
`,
  waits: ' and (select count(*) from spent) >= 0',
};

export interface IssueStatement {
  /** Under which the server keeps it prepared. */
  readonly name: string;
  readonly text: string;
}

export const issueStatement: IssueStatement = { name: 'issue', text: statement({ column: '', ctes: '', waits: '' }) };
/** For orders that all have a minted challenge; the others do not pay for it. */
export const redeemStatement: IssueStatement = { name: 'redeem', text: statement(spending) };

export function issueValues(issuances: readonly Issuance[], boot: Boot): readonly unknown[] {
  const { bytes, places } = issueOctets(issuances.map(({ order, certificate }) => ({ order, certificate, details: detailsOf(order, certificate) })));
  return [storableJson(issuances.map((issuance, index) => inputRow(issuance, places[index] as Place))), boot.id, boot.nodeId, bytes];
}

function inputRow({ context, order, certificate, caId }: Issuance, place: Place): Readonly<Record<string, unknown>> {
  const { facts } = order;
  return {
    orderId: order.id,
    tenantId: context.tenantId,
    profileId: order.profileId,
    connectorId: order.connectorId,
    protocol: order.protocol,
    accountId: accountOf(order),
    accountLabel: order.accountLabel,
    transactionId: order.transactionId,
    operation: order.operation,
    subject: order.subject,
    clientIp: facts.clientIp,
    clientFamily: facts.clientFamily,
    keyType: facts.keyType,
    digest: facts.digest,
    cipher: facts.cipher,
    credential: order.credential,
    session: order.session,
    renews: order.renews,
    receivedAt: order.receivedAt,
    actor: context.actor,
    certificateId: certificate.id,
    issuer: certificate.issuer,
    serial: certificate.serial,
    certificateSubject: certificate.subject,
    sans: certificate.sans,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    caId,
    at: place.at,
    derLength: place.derLength,
    detailsLength: place.detailsLength,
    challengeId: order.challengeId,
  };
}

/** Of the audit row; members in order. */
function detailsOf(order: NewOrder, { issuer, serial, sha256 }: CertificateRecord): string {
  const { clientIp, operation, profileId, request, requester, transactionId } = originOf(order);
  return orderedJson({ clientIp, issuer, operation, profileId, request, requester, serial, sha256: sha256.toString('hex'), state: 'ISSUED', transactionId });
}
