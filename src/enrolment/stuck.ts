import { parseCertificate } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import { certificateRecord } from './new-order.js';
import type { Order } from './order.js';
import type { CertificateRecord, CertificateRequest } from './ports.js';
import { differenceFrom } from './settle.js';

/** What the store does for an operator with an order that no automatic step may touch; each is one transaction with its audit event. */
export interface StuckOrders {
  /** What was asked of the CA; undefined when the order is over. */
  openRequest(context: TenantContext, orderId: string): Promise<CertificateRequest | undefined>;
  /** STUCK -> ACCEPTED, its calls forgotten; false when it is elsewhere. */
  retryStuck(context: TenantContext, orderId: string, reason: string): Promise<boolean>;
  /** STUCK -> ISSUED; false when it is elsewhere, `taken` when the certificate is another order's. */
  resolveStuck(context: TenantContext, orderId: string, certificate: CertificateRecord, reason: string): Promise<boolean | 'taken'>;
}

/**
 * Gives a stuck order the certificate that the operator found at its CA, in DER: the device gets it at its next poll. It is held against
 * the order as one that the CA answered with; in words what is wrong with it, `wrong-state` when the order is not stuck.
 */
export async function resolveStuck(
  order: Order,
  actor: string,
  der: Buffer,
  reason: string,
  now: Date,
  orders: StuckOrders,
): Promise<Result<true, { readonly kind: 'wrong-state' } | { readonly kind: 'wrong-certificate'; readonly detail: string }>> {
  const context = tenantContext(order.tenantId, actor);
  const request = order.state === 'STUCK' ? await orders.openRequest(context, order.id) : undefined;
  if (request === undefined) return fail({ kind: 'wrong-state' });
  const parsed = parseCertificate(der);
  // A CA may put names in an order of its own: an operator who looked at the certificate has seen it.
  const difference = parsed.ok ? differenceFrom(parsed.value, request, { capabilities: { ordersNames: true } }, now) : 'it is no certificate';
  if (difference !== undefined) return fail({ kind: 'wrong-certificate', detail: `This certificate is not what the order asked for: ${difference}.` });
  const resolved = await orders.resolveStuck(context, order.id, certificateRecord(der), reason);
  if (resolved === 'taken') return fail({ kind: 'wrong-certificate', detail: 'This certificate belongs to another order.' });
  return resolved ? ok(true) : fail({ kind: 'wrong-state' });
}
