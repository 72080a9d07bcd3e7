import { createHash } from 'node:crypto';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import type { EnrolmentDeps } from './service.js';

/** The certificate with which a transaction was begun, DER; undefined where it was begun otherwise, or is unknown. */
export async function findSigner(
  context: TenantContext,
  profile: Profile,
  transactionId: string,
  issuer: Buffer | undefined,
  deps: EnrolmentDeps,
): Promise<Buffer | undefined> {
  const [transaction] = await deps.orders.findTransactions(context, profile.id, transactionId);
  if (transaction === undefined) return undefined;
  const { signer } = transaction.session;
  if (typeof signer === 'string') return Buffer.from(signer, 'base64');
  const [, serial] = /^certificate:([0-9a-f]+)$/.exec(transaction.order.credential) ?? [];
  if (serial === undefined || issuer === undefined) return undefined;
  return (await deps.certificates.findBySerial(context, createHash('sha256').update(issuer).digest(), serial))?.der;
}
