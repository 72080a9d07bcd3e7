import { hash } from 'node:crypto';
import { Cursor, contextPrimitive, DerError, decode, der, type Element, encode, tag } from '../protocol/der/index.js';
import { type Eventually, whenThere } from '../runtime/eventually.js';
import type { Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, algorithmIdentifier, readAlgorithmIdentifier } from './algorithm.js';
import { type Extension, encodeExtension, readExtensions } from './extension.js';
import { objectLimits } from './limits.js';
import { type Name, readName } from './name.js';
import { type PublicKey, readPublicKey } from './public-key.js';
import { type SignatureFault, type Signer, signSoon, verifySignature } from './signature.js';

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
 *  Throws `DerError`. A version 1 written out and extensions below version 3 are tolerated: devices sign with such certificates. */
export function readCertificate(cursor: Cursor): Certificate {
  const whole = cursor.elementOf(tag.sequence);
  const fields = new Cursor(whole).sequence();
  const tbs = fields.elementOf(tag.sequence);
  const algorithmElement = fields.elementOf(tag.sequence);
  const signatureAlgorithm = readAlgorithmIdentifier(new Cursor(algorithmElement));
  const signature = fields.bitStringOctets();
  fields.end();

  const body = new Cursor(tbs).sequence();
  const version = readVersion(body);
  const serial = body.integer();
  if (serial.length > maxSerialOctets) throw new DerError('bad-value', 0, 'serialNumber is too long.');
  // RFC 5280 section 4.1.1.2: "This field MUST contain the same algorithm identifier as the signature field"; only this one is signed.
  if (!body.elementOf(tag.sequence).equals(algorithmElement)) throw new DerError('bad-value', 0, 'signature is not signatureAlgorithm.');
  const issuer = readName(body);
  const validity = body.sequence();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subject = readName(body);
  const publicKey = readPublicKey(body);
  for (const uniqueId of [contextPrimitive(1), contextPrimitive(2)]) if (body.at(uniqueId)) body.bitString(uniqueId);
  const list = body.explicit(3);
  const extensions = list === undefined ? [] : readExtensions(list.sequence());
  list?.end();
  body.end();
  return { der: whole, tbs, version, serial, issuer, notBefore, notAfter, subject, publicKey, extensions, signatureAlgorithm, signature };
}

/** RFC 5280 asks readers for 20 octets; longer ones exist, but none that a reader must be prepared to carry without bound. */
const maxSerialOctets = 64;

function readVersion(body: Cursor): Certificate['version'] {
  const field = body.explicit(0);
  if (field === undefined) return 1;
  const version = field.smallInteger() + 1;
  field.end();
  if (version !== 1 && version !== 2 && version !== 3) throw new DerError('bad-value', 0, 'Version.');
  return version;
}

/** A certificate and nothing behind it, every element of it strict DER. */
export function parseCertificate(bytes: Buffer): Result<Certificate, DerError> {
  return decode(bytes, objectLimits, readCertificate);
}

/** The serial number in lower-case hexadecimal without sign octet: `0a1b...`. */
export function serialHex(serial: Buffer): string {
  const magnitude = serial.length > 1 && serial[0] === 0 ? serial.subarray(1) : serial;
  return magnitude.toString('hex');
}

/** SHA-256 over the whole certificate, 32 bytes. */
export function certificateFingerprint(certificate: Buffer): Buffer {
  return hash('sha256', certificate, 'buffer');
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

interface CertificateTimes {
  readonly notBefore: Element;
  readonly notAfter: Element;
}

/** Writes and signs a version 3 certificate. */
export function signCertificate(fields: CertificateFields, times: CertificateTimes, signer: Signer): Buffer {
  const algorithm = encode(algorithmIdentifier(signer.algorithm));
  const tbs = toBeSigned(fields, times, algorithm);
  return encode(der.sequence(tbs, algorithm, der.bitString(signer.sign(tbs))));
}

/** As `signCertificate`, without holding the event loop for a key that signs slowly; rejects as `Signer.signLater`. */
export function signCertificateSoon(fields: CertificateFields, times: CertificateTimes, signer: Signer): Eventually<Buffer> {
  const algorithm = encode(algorithmIdentifier(signer.algorithm));
  const tbs = toBeSigned(fields, times, algorithm);
  return whenThere(signSoon(signer, tbs), (signature) => encode(der.sequence(tbs, algorithm, der.bitString(signature))));
}

function toBeSigned(fields: CertificateFields, times: CertificateTimes, algorithm: Buffer): Buffer {
  return encode(
    der.sequence(
      version3,
      der.unsignedInteger(fields.serial),
      algorithm,
      fields.issuer.der,
      der.sequence(times.notBefore, times.notAfter),
      fields.subject.der,
      fields.spki,
      // Extensions ::= SEQUENCE SIZE (1..MAX): an empty list is left out
      fields.extensions.length === 0 ? undefined : der.explicit(3, der.sequence(...fields.extensions.map(encodeExtension))),
    ),
  );
}
