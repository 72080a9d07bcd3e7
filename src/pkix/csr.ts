import { Cursor, DerError, decode, der, encode, oids, tag } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, algorithmIdentifier, readAlgorithmIdentifier } from './algorithm.js';
import { type Extension, encodeExtension, readExtensions } from './extension.js';
import { objectLimits } from './limits.js';
import { type Name, readName } from './name.js';
import { type PublicKey, readPublicKey } from './public-key.js';
import { type SignatureFault, type Signer, verifySignature } from './signature.js';

export interface CsrAttribute {
  readonly oid: string;
  /** The whole encodings of the values. */
  readonly values: readonly Buffer[];
}

/** RFC 2986 section 4.1, parsed; `der` and `info` are the bytes as received. */
export interface CertificationRequest {
  readonly der: Buffer;
  readonly info: Buffer;
  readonly version: number;
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly attributes: readonly CsrAttribute[];
  /** From extensionRequest and Microsoft's twin of it, in that order. */
  readonly extensions: readonly Extension[];
  readonly challengePassword: string | undefined;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
}

/** RFC 2986 section 4
 *  CertificationRequest ::= SEQUENCE {
 *    certificationRequestInfo  CertificationRequestInfo,
 *    signatureAlgorithm        AlgorithmIdentifier,
 *    signature                 BIT STRING }
 *  CertificationRequestInfo ::= SEQUENCE {
 *    version        INTEGER { v1(0) },
 *    subject        Name,
 *    subjectPKInfo  SubjectPublicKeyInfo,
 *    attributes     [0] IMPLICIT SET OF Attribute }
 *  Throws `DerError`; absent attributes are tolerated, as some devices leave them out. */
export function readCsr(cursor: Cursor): CertificationRequest {
  const whole = cursor.elementOf(tag.sequence);
  const fields = new Cursor(whole).sequence();
  const info = fields.elementOf(tag.sequence);
  const signatureAlgorithm = readAlgorithmIdentifier(fields);
  const signature = fields.bitStringOctets();
  fields.end();

  const body = new Cursor(info).sequence();
  const version = body.smallInteger();
  const subject = readName(body);
  const publicKey = readPublicKey(body);
  const attributes = body.explicit(0)?.each(readAttribute) ?? [];
  body.end();
  const extensions = requestedExtensions(attributes);
  const challengePassword = readChallenge(attributes, extensions);
  return { der: whole, info, version, subject, publicKey, attributes, extensions, challengePassword, signatureAlgorithm, signature };
}

/** A request and nothing behind it, every element of it strict DER. */
export function parseCsr(bytes: Buffer): Result<CertificationRequest, DerError> {
  return decode(bytes, objectLimits, readCsr);
}

function readAttribute(cursor: Cursor): CsrAttribute {
  const fields = cursor.sequence();
  const oid = fields.oid();
  const values = fields.set().each((value) => value.element());
  fields.end();
  return { oid, values };
}

function requestedExtensions(attributes: readonly CsrAttribute[]): Extension[] {
  const all: Extension[] = [];
  for (const type of [oids.extensionRequest, oids.microsoftExtensionRequest]) {
    for (const attribute of attributes) {
      if (attribute.oid !== type) continue;
      for (const value of attribute.values) for (const item of readExtensions(new Cursor(value).sequence())) all.push(item);
    }
  }
  if (new Set(all.map((item) => item.oid)).size !== all.length) throw new DerError('bad-value', 0, 'An extension is requested twice.');
  return all;
}

/**
 * PKCS#9 challengePassword in any string type; some clients put it among the requested extensions. SINGLE VALUE TRUE
 * (RFC 2985 section 5.4.1): of two, nobody could say which one was checked.
 */
function readChallenge(attributes: readonly CsrAttribute[], extensions: readonly Extension[]): string | undefined {
  const values = attributes.filter((item) => item.oid === oids.challengePassword).flatMap((item) => item.values);
  if (values.length > 1) throw new DerError('bad-value', 0, 'challengePassword stands twice.');
  const value = values[0] ?? extensions.find((item) => item.oid === oids.challengePassword)?.value;
  if (value === undefined) return undefined;
  const cursor = new Cursor(value);
  const text = cursor.text();
  cursor.end();
  return text;
}

/** Checks the request's own signature: proof of possession of its key. */
export function verifyCsr(csr: CertificationRequest): Result<true, SignatureFault> {
  return verifySignature(csr.signatureAlgorithm, csr.publicKey, csr.info, csr.signature);
}

export interface CsrFields {
  readonly subject: Name;
  readonly challengePassword?: string;
  readonly extensions?: readonly Extension[];
}

/** Writes and signs a request with attributes in DER order. */
export function signCsr(fields: CsrFields, signer: Signer): Buffer {
  const { challengePassword, extensions = [] } = fields;
  const attributes = [];
  if (challengePassword !== undefined) {
    attributes.push(der.sequence(der.oid(oids.challengePassword), der.set(der.utf8String(challengePassword))));
  }
  if (extensions.length > 0) {
    attributes.push(der.sequence(der.oid(oids.extensionRequest), der.set(der.sequence(...extensions.map(encodeExtension)))));
  }
  const info = encode(der.sequence(der.integer(0), fields.subject.der, signer.publicKey.spki, der.setOf(attributes, 0xa0)));
  return encode(der.sequence(info, algorithmIdentifier(signer.algorithm), der.bitString(signer.sign(info))));
}
