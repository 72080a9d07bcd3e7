import type { CertificateRecord, ClaimedOrder } from '../../enrolment/ports.js';
import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { type Batcher, createBatcher } from '../batcher.js';
import { orderedJson } from '../canonical-json.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { storableJson } from '../text.js';
import { batchLimits } from './batch-limits.js';

/** What a CA issued for an order that is claimed. */
export interface Settlement {
  readonly context: TenantContext;
  readonly claimed: ClaimedOrder;
  readonly certificate: CertificateRecord;
}

/**
 * Certificate, state, retention, end of the work and audit row of many orders in one commit; only where the fence is still the claimer's
 * and the certificate is no other order's. The work is locked, then the order, everything else, the audit counter last.
 */
const settleStatement = `
with input as materialized (
  select * from json_to_recordset($1::json) as (
    "orderId" uuid, "tenantId" uuid, fence bigint, actor text, details text, "certificateId" uuid, der text, sha256 text, "issuerHash" text, issuer text,
    serial text, subject text, sans jsonb, "keyHash" text, "notBefore" timestamptz, "notAfter" timestamptz)
), locked as materialized (
  select input.*, o.profile_id, o.connector_id, o.dedupe_key from order_work w join orders o on o.id = w.order_id join input on input."orderId" = w.order_id
  where w.order_id = any (array(select "orderId" from input)) and o.tenant_id = input."tenantId" and w.fence = input.fence
    and o.state in ('ISSUING', 'UNCERTAIN', 'CA_PENDING')
  order by w.order_id for update of w, o
), new_certificates as (
  insert into certificates (id, tenant_id, profile_id, order_id, connector_id, der, sha256, issuer_hash, issuer, serial, subject, sans, key_hash,
    not_before, not_after)
  select "certificateId", "tenantId", profile_id, "orderId", connector_id, decode(der, 'hex'), decode(sha256, 'hex'), decode("issuerHash", 'hex'),
    issuer, serial, subject, sans, decode("keyHash", 'hex'), "notBefore", "notAfter"
  from locked order by sha256
  on conflict do nothing
  returning order_id
), settled as materialized (
  select locked.* from locked join new_certificates on new_certificates.order_id = locked."orderId"
), issued as (
  update orders o set state = 'ISSUED', certificate_id = settled."certificateId", finished_at = coalesce(o.finished_at, greatest(now(), o.created_at))
  from settled where o.id = settled."orderId"
), retained as (
  update transactions t set retained_until = now() + interval '24 hours',
    session = case when t.session ? 'confirmWait'
      then t.session || jsonb_build_object('confirmUntil', ((extract(epoch from now()) + (t.session->>'confirmWait')::bigint) * 1000)::bigint)
      else t.session end
  from settled where t.dedupe_key = settled.dedupe_key and t.order_id = settled."orderId"
  returning 1
), ended as (
  delete from order_work w using settled where w.order_id = settled."orderId"
), adopted as (
  delete from orphan_certificates x using settled where x.order_id = settled."orderId" and x.sha256 = decode(settled.sha256, 'hex')
  returning 1
), counter as (
  update audit_boots set last_seq = last_seq + settled.count from (select count(*) as count from settled) as settled
  where boot_id = $2 and (select count(*) from retained) >= 0 and (select count(*) from adopted) >= 0
  returning last_seq - settled.count as base
), new_events as (
  insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
  select $2, (select base from counter) + row_number() over (), $3, now(), "tenantId", actor, 'order.issued', 'order:' || "orderId", 'success', details
  from settled
)
select "orderId" as order_id from settled`;

/** True for those that are settled; the others lost their fence or came upon a certificate that stands already, and are looked at one by one. */
export function settlementBatcher(connection: Connection, boot: Boot): Batcher<Settlement, boolean> {
  const settleAll = async (settlements: readonly Settlement[]): Promise<readonly boolean[]> => {
    const values = [storableJson(settlements.map(inputRow)), boot.id, boot.nodeId];
    const rows = await retrying(() => connection.prepared<{ order_id: string }>('settle', settleStatement, values));
    const settled = new Set(rows.map((row) => row.order_id));
    return settlements.map(({ claimed }) => settled.has(claimed.order.id));
  };
  return createBatcher(settleAll, { ...batchLimits[connection.kind], name: 'settle' });
}

function inputRow({ context, claimed, certificate }: Settlement): Readonly<Record<string, unknown>> {
  return {
    orderId: claimed.order.id,
    tenantId: context.tenantId,
    fence: claimed.fence,
    actor: context.actor,
    details: orderedJson({ reason: `serial ${certificate.serial}`, state: 'ISSUED' }),
    certificateId: certificate.id,
    der: certificate.der.toString('hex'),
    sha256: certificate.sha256.toString('hex'),
    issuerHash: certificate.issuerHash.toString('hex'),
    issuer: certificate.issuer,
    serial: certificate.serial,
    subject: certificate.subject,
    sans: certificate.sans,
    keyHash: certificate.keyHash.toString('hex'),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}
