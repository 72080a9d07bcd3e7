import { type Certificate, isSameName, type Name, parseName, subjectKeyIdentifierOf } from '../../pkix/index.js';
import type { Result } from '../../runtime/result.js';
import { Cursor, contextPrimitive, type DerError, der, type Element, guarded, tag } from '../der/index.js';

/** RFC 5652 §5.3, §6.2.1
 *  SignerIdentifier ::= CHOICE {
 *    issuerAndSerialNumber     IssuerAndSerialNumber,
 *    subjectKeyIdentifier  [0] IMPLICIT SubjectKeyIdentifier }
 *  RecipientIdentifier has the same form. */
export type Identifier =
  | { readonly kind: 'issuerAndSerial'; readonly issuer: Buffer; readonly serial: Buffer }
  | { readonly kind: 'subjectKeyIdentifier'; readonly keyIdentifier: Buffer };

/** `issuer`: the Name's encoding; `serial`: content octets of the INTEGER. Throws `DerError`. */
export function readIdentifier(cursor: Cursor): Identifier {
  if (cursor.at(contextPrimitive(0))) return { kind: 'subjectKeyIdentifier', keyIdentifier: cursor.content(contextPrimitive(0)) };
  return { kind: 'issuerAndSerial', ...readIssuerAndSerial(cursor) };
}

/** RFC 5652 §10.2.4
 *  IssuerAndSerialNumber ::= SEQUENCE {
 *    issuer        Name,
 *    serialNumber  CertificateSerialNumber } */
export function readIssuerAndSerial(cursor: Cursor): { readonly issuer: Buffer; readonly serial: Buffer } {
  const fields = cursor.sequence();
  const issuer = fields.elementOf(tag.sequence);
  const serial = fields.integer();
  fields.end();
  return { issuer, serial };
}

export function issuerAndSerial(certificate: Certificate): Element {
  return der.sequence(certificate.issuer.der, der.integerContent(certificate.serial));
}

/** The recipient or signer form that names a certificate by its key: the extension's identifier, or the SHA-1 of the key without one. */
export function keyIdentifierOf(certificate: Certificate): Buffer {
  return subjectKeyIdentifierOf(certificate.extensions) ?? certificate.publicKey.keyIdentifier;
}

/** Whether `identifier` names this certificate. */
export function identifies(identifier: Identifier, certificate: Certificate): boolean {
  if (identifier.kind === 'subjectKeyIdentifier') return identifier.keyIdentifier.equals(keyIdentifierOf(certificate));
  return identifier.serial.equals(certificate.serial) && isNamed(identifier.issuer, certificate.issuer);
}

/** Writers that build the issuer anew choose other string types than the certificate: the names are compared, not the bytes. */
function isNamed(issuer: Buffer, name: Name): boolean {
  if (issuer.equals(name.der)) return true;
  const parsed = parseName(issuer);
  return parsed.ok && isSameName(parsed.value, name);
}

/** Issuer and serial of a certificate's encoding without reading the rest of it, which may be odd. */
export function peekIssuerAndSerial(certificate: Buffer): Result<{ readonly issuer: Buffer; readonly serial: Buffer }, DerError> {
  return guarded(() => {
    const tbs = new Cursor(certificate).sequence().sequence();
    if (tbs.at(0xa0)) tbs.skip();
    const serial = tbs.integer();
    tbs.skip();
    return { issuer: tbs.elementOf(tag.sequence), serial };
  });
}
