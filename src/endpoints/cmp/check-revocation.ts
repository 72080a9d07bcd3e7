import type { RefusalCode } from '../../enrolment/refusal.js';
import { type AlgorithmIdentifier, algorithmIdentifier, type Certificate, crlReasons, isSameName } from '../../pkix/index.js';
import { type CertTemplate, crlEntryExtensions, type RevDetails, templateExtensions } from '../../protocol/cmp/index.js';
import { Cursor, encode, guarded, oids, tag } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';

const unspecified = 0;

/** The CRLReason number asked for (RFC 9483 section 4.2: one reasonCode); OpenSSL sends none when it is told none. */
export function reasonOf(details: RevDetails): Result<number, RefusalCode> {
  const extensions = crlEntryExtensions(details);
  if (!extensions.ok) return fail('revocation-reason');
  const [reason, ...further] = extensions.value.filter(({ oid }) => oid === oids.reasonCode);
  if (further.length > 0) return fail('revocation-reason-doubled');
  if (reason === undefined) return ok(unspecified);
  const number = guarded(() => {
    const cursor = new Cursor(reason.value);
    const value = cursor.smallInteger(tag.enumerated);
    cursor.end();
    return value;
  });
  const name = number.ok ? crlReasons[number.value] : undefined;
  return number.ok && name !== undefined && name !== 'unused' ? number : fail('revocation-reason');
}

/** RFC 9483 section 4.2: "Any other fields of the template that are given must match the certificate"; our certificates have no unique identifiers. */
export function isDescribedBy(certificate: Certificate, template: CertTemplate): boolean {
  const { version, signingAlg, validity, subject, publicKey, issuerUID, subjectUID } = template;
  if (issuerUID !== undefined || subjectUID !== undefined) return false;
  if (version !== undefined && version + 1 !== certificate.version) return false;
  if (signingAlg !== undefined && !isSameAlgorithm(signingAlg, certificate.signatureAlgorithm)) return false;
  if (subject !== undefined && !isSameName(subject, certificate.subject)) return false;
  if (publicKey !== undefined && !publicKey.equals(certificate.publicKey.spki)) return false;
  if (validity?.notBefore !== undefined && validity.notBefore.getTime() !== certificate.notBefore.getTime()) return false;
  if (validity?.notAfter !== undefined && validity.notAfter.getTime() !== certificate.notAfter.getTime()) return false;
  return hasExtensions(certificate, template);
}

function isSameAlgorithm(one: AlgorithmIdentifier, other: AlgorithmIdentifier): boolean {
  return encode(algorithmIdentifier(one)).equals(encode(algorithmIdentifier(other)));
}

function hasExtensions(certificate: Certificate, template: CertTemplate): boolean {
  const wanted = templateExtensions(template);
  if (!wanted.ok) return false;
  return wanted.value.every((item) => certificate.extensions.some(({ oid, value }) => oid === item.oid && value.equals(item.value)));
}
