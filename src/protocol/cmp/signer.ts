import { type Certificate, subjectKeyIdentifierOf } from '../../pkix/index.js';

/**
 * Which of the certificates in extraCerts protects a message: "extraCerts[0]" should be the signer (RFC 9483 section 3.3), but base stations
 * send any order (3GPP TS 33.310 clause 9.5.2): the one that senderKID names, else the first. Undefined where there are none.
 */
export function signerAmong(certificates: readonly Certificate[], senderKID: Buffer | undefined): Certificate | undefined {
  const named = senderKID && certificates.find((item) => subjectKeyIdentifierOf(item.extensions)?.equals(senderKID));
  return named ?? certificates[0];
}
