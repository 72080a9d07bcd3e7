import { createHash } from 'node:crypto';
import { Cursor, contextConstructed, type DerError, der, type Element, encode, guarded, tag } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, algorithmIdentifier, readAlgorithmIdentifier } from './algorithm.js';
import { type Extension, encodeExtension, readExtensions } from './extension.js';
import { type Name, readName } from './name.js';
import { type PublicKey, readPublicKey } from './public-key.js';
import { type SignatureFault, type Signer, verifySignature } from './signature.js';

/** RFC 5280 section 4.1, parsed; `der` and `tbs` are the bytes as received. */
export interface Certificate {
  readonly der: Buffer;
  readonly tbs: Buffer;
  readonly version: 1 | 2 | 3;
  /** Content octets of the serialNumber INTEGER. */
  readonly serial: Buffer;
  readonly issuer: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly extensions: readonly Extension[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
}

/** RFC 5280 section 4.1
 *  Certificate ::= SEQUENCE {
 *    tbsCertificate      TBSCertificate,
 *    signatureAlgorithm  AlgorithmIdentifier,
 *    signatureValue      BIT STRING }
 *  TBSCertificate ::= SEQUENCE {
 *    version         [0] EXPLICIT Version DEFAULT v1,
 *    serialNumber        CertificateSerialNumber,
 *    signature           AlgorithmIdentifier,
 *    issuer              Name,
 *    validity            Validity,
 *    subject             Name,
 *    subjectPublicKeyInfo SubjectPublicKeyInfo,
 *    issuerUniqueID  [1] IMPLICIT UniqueIdentifier OPTIONAL,
 *    subjectUniqueID [2] IMPLICIT UniqueIdentifier OPTIONAL,
 *    extensions      [3] EXPLICIT Extensions OPTIONAL }
 *  Throws `DerError`. */
export function readCertificate(cursor: Cursor): Certificate {
  const whole = cursor.elementOf(tag.sequence);
  const fields = new Cursor(whole).sequence();
  const tbs = fields.elementOf(tag.sequence);
  const signatureAlgorithm = readAlgorithmIdentifier(fields);
  const signature = fields.bitStringOctets();
  fields.end();

  const body = new Cursor(tbs).sequence();
  const version = (body.explicit(0)?.smallInteger() ?? 0) + 1;
  const serial = body.integer();
  body.skip();
  const issuer = readName(body);
  const validity = body.sequence();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subject = readName(body);
  const publicKey = readPublicKey(body);
  body.enterOptional(0x81);
  body.enterOptional(0x82);
  const extensionList = body.explicit(3);
  const extensions = extensionList === undefined ? [] : readExtensions(extensionList.sequence());
  body.end();
  const known = version === 2 || version === 3 ? version : 1;
  return { der: whole, tbs, version: known, serial, issuer, notBefore, notAfter, subject, publicKey, extensions, signatureAlgorithm, signature };
}

export function parseCertificate(bytes: Buffer): Result<Certificate, DerError> {
  return guarded(() => {
    const cursor = new Cursor(bytes);
    const certificate = readCertificate(cursor);
    cursor.end();
    return certificate;
  });
}

/** The serial number in lower-case hexadecimal without sign octet: `0a1b...`. */
export function serialHex(serial: Buffer): string {
  const magnitude = serial.length > 1 && serial[0] === 0 ? serial.subarray(1) : serial;
  return magnitude.toString('hex');
}

/** SHA-256 over the whole certificate, 32 bytes. */
export function certificateFingerprint(certificate: Buffer): Buffer {
  return createHash('sha256').update(certificate).digest();
}

/** `AB:CD:...`, the form in which people compare fingerprints. */
export function fingerprintText(fingerprint: Buffer): string {
  return (fingerprint.toString('hex').toUpperCase().match(/../g) ?? []).join(':');
}

/** Checks that `issuerKey` signed the certificate. */
export function verifyCertificate(certificate: Certificate, issuerKey: PublicKey): Result<true, SignatureFault> {
  return verifySignature(certificate.signatureAlgorithm, issuerKey, certificate.tbs, certificate.signature);
}

export interface CertificateFields {
  /** Unsigned big-endian magnitude, 1..20 octets. */
  readonly serial: Buffer;
  readonly issuer: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: Name;
  /** The SubjectPublicKeyInfo element. */
  readonly spki: Buffer;
  readonly extensions: readonly Extension[];
}

const version3 = encode(der.explicit(0, der.integer(2)));

/** Writes and signs a version 3 certificate. */
export function signCertificate(fields: CertificateFields, times: { notBefore: Element; notAfter: Element }, signer: Signer): Buffer {
  const algorithm = encode(algorithmIdentifier(signer.algorithm));
  const tbs = encode(
    der.sequence(
      version3,
      der.unsignedInteger(fields.serial),
      algorithm,
      fields.issuer.der,
      der.sequence(times.notBefore, times.notAfter),
      fields.subject.der,
      fields.spki,
      der.constructed(contextConstructed(3), der.sequence(...fields.extensions.map(encodeExtension))),
    ),
  );
  return encode(der.sequence(tbs, algorithm, der.bitString(signer.sign(tbs))));
}
