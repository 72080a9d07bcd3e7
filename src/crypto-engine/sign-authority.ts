import {
  authorityInfoAccessExtension,
  authorityKeyIdentifierExtension,
  basicConstraintsExtension,
  crlDistributionPointExtension,
  keyUsageExtension,
  parseName,
  parsePublicKey,
  signCertificateSoon,
  subjectKeyIdentifierExtension,
} from '../pkix/index.js';
import { certificateTime } from '../protocol/der/index.js';
import { type Eventually, whenThere } from '../runtime/eventually.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { LoadedCa } from './loaded-ca.js';
import type { SigningRequest } from './ports.js';
import { randomSerial } from './serial.js';

/**
 * Certifies the key of another CA (RFC 9810 section 5.3.11): a CA certificate of path length 0, so that what is below it are devices.
 * Of the request only key, subject and validity count; refuses, in words, what it cannot certify.
 */
export function signAuthority(ca: LoadedCa, request: SigningRequest, publicBaseUrl: string, now: Date): Eventually<Result<Buffer, string>> {
  const publicKey = parsePublicKey(request.publicKey);
  const subject = parseName(request.subject);
  if (!publicKey.ok || publicKey.value.type === 'other') return fail('The public key is malformed, or of a type that is not certified here.');
  if (!subject.ok || subject.value.rdns.length === 0) return fail('A CA needs a name.');
  const { notBefore: caStart, notAfter: caEnd } = ca.certificate;
  const notBefore = new Date(Math.max(now.getTime() - request.backdateSeconds * 1000, caStart.getTime()));
  const notAfter = new Date(Math.min(now.getTime() + request.validitySeconds * 1000, caEnd.getTime()));
  if (notAfter <= now) return fail('The root has expired.');
  const content = {
    serial: randomSerial(),
    issuer: ca.certificate.subject,
    notBefore,
    notAfter,
    subject: subject.value,
    spki: request.publicKey,
    extensions: [
      basicConstraintsExtension({ ca: true, pathLength: 0 }),
      keyUsageExtension(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifierExtension(publicKey.value.keyIdentifier),
      authorityKeyIdentifierExtension(ca.keyIdentifier),
      crlDistributionPointExtension(`${publicBaseUrl}/pki/${ca.id}.crl`),
      authorityInfoAccessExtension(`${publicBaseUrl}/pki/${ca.id}.cer`),
    ],
  };
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  return whenThere(signCertificateSoon(content, times, ca.signer), (certificate) => ok(certificate));
}
