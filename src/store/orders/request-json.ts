import type { CertificateRequest } from '../../enrolment/ports.js';
import type { SealedPlace, Sealer } from '../../runtime/seal.js';
import { openBytes } from '../sealed.js';

export interface StoredRequest extends Omit<CertificateRequest, 'publicKey' | 'subject' | 'sans' | 'pkcs10' | 'renews'> {
  readonly publicKey: string;
  readonly subject: string;
  readonly sans: readonly string[];
  readonly renews?: string;
  /** Where versions before the sealed column left it. */
  readonly pkcs10?: string;
}

/** The PKCS#10 holds the challenge (row SCEP-100), and without it the signature that a CA checks would be wrong: it is sealed to its row. */
const place = (tenantId: string, orderId: string): SealedPlace => ({ table: 'order_work', column: 'pkcs10', tenantId, rowId: orderId });

/** A certificate request as stored with an open order, without its PKCS#10: DER as base64. */
export function requestToJson(request: CertificateRequest): string {
  return JSON.stringify(storedRequest(request));
}

/** The same, not yet a text. */
export function storedRequest(request: CertificateRequest): StoredRequest {
  return {
    publicKey: request.publicKey.toString('base64'),
    subject: request.subject.toString('base64'),
    sans: request.sans.map((san) => san.toString('base64')),
    keyUsage: request.keyUsage,
    extendedKeyUsage: request.extendedKeyUsage,
    validitySeconds: request.validitySeconds,
    backdateSeconds: request.backdateSeconds,
    ...(request.renews !== undefined && { renews: request.renews.toString('base64') }),
  };
}

/** What goes into the column beside it. */
export function sealPkcs10({ pkcs10 }: CertificateRequest, tenantId: string, orderId: string, sealer: Sealer): Buffer | null {
  return pkcs10 === undefined ? null : sealer.seal(pkcs10, place(tenantId, orderId));
}

/** A row of `order_work`, as far as it is the request. */
export interface RequestRow {
  readonly order_id: string;
  readonly tenant_id: string;
  readonly request: unknown;
  readonly pkcs10: Buffer | null;
}

/** Throws when the sealed part does not open: it was changed, and no CA may be asked for it. */
export function requestOf(row: RequestRow, sealer: Sealer): CertificateRequest {
  const { publicKey, subject, sans, renews, pkcs10: unsealed, ...rest } = row.request as StoredRequest;
  const inClear = unsealed === undefined ? undefined : Buffer.from(unsealed, 'base64');
  const pkcs10 = row.pkcs10 === null ? inClear : openBytes(sealer, row.pkcs10, place(row.tenant_id, row.order_id)).reveal();
  return {
    ...rest,
    publicKey: Buffer.from(publicKey, 'base64'),
    subject: Buffer.from(subject, 'base64'),
    sans: sans.map((san) => Buffer.from(san, 'base64')),
    ...(renews !== undefined && { renews: Buffer.from(renews, 'base64') }),
    ...(pkcs10 !== undefined && { pkcs10 }),
  };
}
