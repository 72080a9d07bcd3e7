import type { Certificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type CmsSigner, certificatesOnly, encodeSignedData, readCertificatesOnly, readSignedData, verifySigner } from '../cms/index.js';
import { decodeBer, scepLimits } from '../der/index.js';

/** RFC 8894 §4.2.1, §4.3.1, §4.7.1; compared literally by clients (sscep uses strcmp). */
export const mediaTypes = {
  caCertificate: 'application/x-x509-ca-cert',
  caChain: 'application/x-x509-ca-ra-cert',
  nextCa: 'application/x-x509-next-ca-cert',
  pkiMessage: 'application/x-pki-message',
} as const;

export interface CaCertificates {
  readonly mediaType: (typeof mediaTypes)['caCertificate' | 'caChain'];
  readonly body: Buffer;
}

/** The GetCACert answer: a single certificate bare, several as a degenerate SignedData in the order given. */
export function encodeCaCertificates(certificates: readonly Buffer[]): CaCertificates {
  const [only, ...more] = certificates;
  return only !== undefined && more.length === 0
    ? { mediaType: mediaTypes.caCertificate, body: only }
    : { mediaType: mediaTypes.caChain, body: certificatesOnly(certificates) };
}

/** The certificates of a GetCACert answer in the order sent. */
export function readCaCertificates(mediaType: string, body: Buffer): Result<readonly Buffer[], string> {
  if (mediaType === mediaTypes.caCertificate) return ok([body]);
  if (mediaType !== mediaTypes.caChain) return fail(`The server sent ${mediaType} for its certificates.`);
  const read = readCertificatesOnly(body, scepLimits);
  return read.ok ? ok(read.value.certificates) : fail('The certificates of the server could not be read.');
}

/**
 * The GetNextCACert answer (RFC 8894 §4.7.1): a SignedData by the current RA key over a degenerate SignedData of the certificates to
 * come, so that clients trust them because they trust the current ones.
 */
export function encodeNextCaCertificates(certificates: readonly Buffer[], signer: CmsSigner): Buffer {
  return encodeSignedData({ content: certificatesOnly(certificates), digest: 'sha256', signer, attributes: [], certificates: [signer.certificate.der] });
}

/** The certificates of a GetNextCACert answer in the order sent, once the signature of `ra` is verified. */
export function readNextCaCertificates(mediaType: string, body: Buffer, ra: Certificate): Result<readonly Buffer[], string> {
  if (mediaType !== mediaTypes.nextCa) return fail(`The server sent ${mediaType} for its next certificates.`);
  const signedData = decodeBer(body, scepLimits, readSignedData);
  if (!signedData.ok) return fail('The next certificates of the server could not be read.');
  const [signer, ...more] = signedData.value.signers;
  if (signer === undefined || more.length > 0) return fail('The next certificates do not have exactly one signer.');
  const verified = verifySigner(signedData.value, signer, ra.publicKey);
  if (!verified.ok) return fail(`The next certificates are not signed by the current RA certificate (${verified.error}).`);
  const read = signedData.value.content === undefined ? undefined : readCertificatesOnly(signedData.value.content, scepLimits);
  return read?.ok ? ok(read.value.certificates) : fail('The next certificates of the server could not be read.');
}
