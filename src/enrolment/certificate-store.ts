/** The port to the certificates that were issued here, and to what their CAs say of them. */
import type { CertificateList } from '../pkix/index.js';
import type { Context, TenantContext } from '../tenancy/context.js';

/** CRLs of authorities that are not ours, by URL. */
export interface RevocationLists {
  /** What could be had in a few seconds; never rejects. Whether a list is in force and whose it is, the caller checks. */
  listsAt(urls: readonly string[]): Promise<readonly CertificateList[]>;
}

/** A certificate issued through Gatehouse, as renewals, look-ups and lists need it. */
export interface IssuedCertificate {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string | null;
  readonly orderId: string | null;
  /** That of its order; lists leave it out. */
  readonly accountId?: string;
  readonly connectorId: string;
  readonly der: Buffer;
  readonly issuer: string;
  readonly serial: string;
  readonly subject: string;
  readonly sans: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly sha256: Buffer;
  /** `superseded`: a confirmed renewal replaced it; it is still valid. */
  readonly status: 'valid' | 'revoked' | 'superseded';
  /** CRLReason number of a revoked one, where known; 6 (certificateHold) can be released. */
  readonly revocationReason?: number | null;
  /** Its order is to be revoked and its CA has not confirmed that yet; lists leave it out. */
  readonly isRevocationWanted?: true;
}

export interface CertificateStore {
  /** The certificate with exactly these bytes, if it was issued for this tenant. */
  findByFingerprint(context: TenantContext, sha256: Buffer): Promise<IssuedCertificate | undefined>;
  findBySerial(context: TenantContext, issuerHash: Buffer, serial: string): Promise<IssuedCertificate | undefined>;
  find(context: Context, id: string): Promise<IssuedCertificate | undefined>;
}
