import type { CertificateRecord, NewOrder } from '../../enrolment/ports.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { orderedJson } from '../canonical-json.js';
import { storableJson } from '../text.js';
import { accountOf } from './account.js';
import { issueOctets, octets, type Place } from './issue-octets.js';
import { type NamedStatement, type OrderRecording, orderStatement, spending, spendingNone } from './order-statement.js';
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
 * Everything that an order leaves behind whose certificate is signed already. Digests, certificates and audit details lie in one binary
 * parameter, $4, since they cost more to write and read as text than to store.
 */
const issuing: OrderRecording = {
  columns: `"certificateId" uuid, issuer text, serial text, "certificateSubject" text, sans jsonb, "notBefore" timestamptz, "notAfter" timestamptz,
    "caId" text, at integer, "derLength" integer, "detailsLength" integer`,
  dedupeKey: octets.dedupeKey,
  contentHash: octets.contentHash,
  retainedUntil: "now() + interval '24 hours'",
  state: 'ISSUED',
  order: { certificate_id: '"certificateId"', finished_at: 'greatest(now(), "receivedAt")' },
  more: `new_certificates as (
  insert into certificates (id, tenant_id, profile_id, order_id, connector_id, der, sha256, issuer_hash, issuer, serial, subject, sans, key_hash,
    not_before, not_after)
  select "certificateId", "tenantId", "profileId", "orderId", "connectorId", ${octets.der}, ${octets.sha256}, ${octets.issuerHash},
    issuer, serial, "certificateSubject", sans, ${octets.keyHash}, "notBefore", "notAfter"
  from fresh
), new_engine_certificates as (
  insert into engine_certificates (ca_id, serial, ref, certificate_id, not_after)
  select "caId", serial, "tenantId" || '-' || "orderId", "certificateId", "notAfter" from fresh
)`,
  details: octets.details,
  result: 'select order_id, now() as at from claimed',
};

export const issueStatement: NamedStatement = { name: 'issue', text: orderStatement(issuing, spendingNone) };
/** For orders that all have a minted challenge. */
export const redeemStatement: NamedStatement = { name: 'redeem', text: orderStatement(issuing, spending) };

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
