import { fail, ok, type Result } from '../../runtime/result.js';
import { contextConstructed, type DerError, decodeBer, der, type Element, encode, type Limits, oids } from '../der/index.js';
import { contentInfo } from './content-info.js';
import { readSignedData } from './signed-data.js';

/**
 * The degenerate, certificates-only SignedData (RFC 8894 §3.4): no eContent, no signers, the certificates in the given order.
 * CertificateSet is a SET OF and DER would sort it, but clients pair positions with roles (Apple takes the first certificate
 * as its own), so the order given stands, which is BER.
 */
export function certificatesOnly(certificates: readonly Buffer[], crls: readonly Buffer[] = []): Buffer {
  const list = (n: number, items: readonly Buffer[]): Element | undefined =>
    items.length === 0 ? undefined : der.constructed(contextConstructed(n), ...items);
  const signedData = der.sequence(der.integer(1), der.set(), der.sequence(der.oid(oids.data)), list(0, certificates), list(1, crls), der.set());
  return encode(contentInfo(oids.signedData, signedData));
}

/** The certificates of a degenerate SignedData in the order received; `not-degenerate` when it carries content or signers. */
export function readCertificatesOnly(
  bytes: Buffer,
  limits: Limits,
): Result<{ certificates: readonly Buffer[]; crls: readonly Buffer[] }, DerError | 'not-degenerate'> {
  const signedData = decodeBer(bytes, limits, readSignedData);
  if (!signedData.ok) return signedData;
  const { content, signers, certificates, crls } = signedData.value;
  return content === undefined && signers.length === 0 ? ok({ certificates, crls }) : fail('not-degenerate');
}
