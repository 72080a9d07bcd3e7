import { fail, ok, type Result } from '../../runtime/result.js';
import { certificatesOnly, readCertificatesOnly } from '../cms/index.js';
import { scepLimits } from '../der/index.js';

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
