import { setImmediate } from 'node:timers/promises';
import { Cursor, certificateTime, DerError, der, encode, guarded, oids, tag } from '../protocol/der/index.js';
import { ok, type Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, algorithmIdentifier, readAlgorithmIdentifier } from './algorithm.js';
import { type Extension, encodeExtension, extension, readExtensions } from './extension.js';
import { type Name, readName } from './name.js';
import type { PublicKey } from './public-key.js';
import { type SignatureFault, type Signer, signSoon, verifySignature } from './signature.js';

/** RFC 5280 section 5.3.1; the index is the number, 7 is not used. */
export const crlReasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'unused',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const;
export type CrlReason = (typeof crlReasons)[number];

export interface RevokedCertificate {
  /** Content octets of the serial's INTEGER. */
  readonly serial: Buffer;
  readonly revokedAt: Date;
  /** CRLReason number; 0 when the entry has none. */
  readonly reason: number;
  /** A critical extension of the entry that is not understood (certificateIssuer of an indirect list among them). */
  readonly isBeyondUs?: true;
}

/** What stands before the entries of a list. */
export interface CrlHead {
  readonly version: number;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
}

/** RFC 5280 section 5.1, parsed; `der` and `tbs` are the bytes as received. */
export interface CertificateList extends CrlHead {
  readonly der: Buffer;
  readonly tbs: Buffer;
  readonly revoked: readonly RevokedCertificate[];
  readonly extensions: readonly Extension[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
}

/** RFC 5280 section 5.1
 *  CertificateList ::= SEQUENCE {
 *    tbsCertList         TBSCertList,
 *    signatureAlgorithm  AlgorithmIdentifier,
 *    signatureValue      BIT STRING }
 *  TBSCertList ::= SEQUENCE {
 *    version             Version OPTIONAL,
 *    signature           AlgorithmIdentifier,
 *    issuer              Name,
 *    thisUpdate          Time,
 *    nextUpdate          Time OPTIONAL,
 *    revokedCertificates SEQUENCE OF SEQUENCE {
 *      userCertificate     CertificateSerialNumber,
 *      revocationDate      Time,
 *      crlEntryExtensions  Extensions OPTIONAL } OPTIONAL,
 *    crlExtensions   [0] EXPLICIT Extensions OPTIONAL }
 *  Throws `DerError`. */
export function readCrl(cursor: Cursor): CertificateList {
  const reading = crlReader(cursor);
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
  }
}

/** Entries between two looks at whether others want their turn: two or three milliseconds. */
const entriesPerTurn = 500;

function* crlReader(cursor: Cursor): Generator<void, CertificateList> {
  const { whole, tbs, algorithmElement, signature } = readSigned(cursor);
  const body = new Cursor(tbs).sequence();
  const head = readHead(body, algorithmElement);
  const list = body.enterOptional(tag.sequence);
  const revoked: RevokedCertificate[] = [];
  while (list !== undefined && !list.isEmpty) {
    revoked.push(readRevoked(list));
    if (revoked.length % entriesPerTurn === 0) yield;
  }
  const extensionList = body.explicit(0);
  const extensions = extensionList === undefined ? [] : readExtensions(extensionList.sequence());
  extensionList?.end();
  body.end();
  const signatureAlgorithm = readAlgorithmIdentifier(new Cursor(algorithmElement));
  return { der: whole, tbs, ...head, revoked, extensions, signatureAlgorithm, signature };
}

function readSigned(cursor: Cursor) {
  const whole = cursor.elementOf(tag.sequence);
  const fields = new Cursor(whole).sequence();
  const tbs = fields.elementOf(tag.sequence);
  const algorithmElement = fields.elementOf(tag.sequence);
  const signature = fields.bitStringOctets();
  fields.end();
  return { whole, tbs, algorithmElement, signature };
}

function readHead(body: Cursor, algorithmElement: Buffer): CrlHead {
  const version = (body.at(tag.integer) ? body.smallInteger() : 0) + 1;
  if (version !== 1 && version !== 2) throw new DerError('bad-value', 0, 'Version.');
  // RFC 5280 section 5.1.1.2: "This field MUST contain the same algorithm identifier as the signature field"; only this one is signed.
  if (!body.elementOf(tag.sequence).equals(algorithmElement)) throw new DerError('bad-value', 0, 'signature is not signatureAlgorithm.');
  const issuer = readName(body);
  const thisUpdate = body.time();
  const nextUpdate = body.at(tag.utcTime) || body.at(tag.generalizedTime) ? body.time() : undefined;
  return { version, issuer, thisUpdate, nextUpdate };
}

function readRevoked(cursor: Cursor): RevokedCertificate {
  const fields = cursor.sequence();
  const serial = fields.integer();
  const revokedAt = fields.time();
  const extensions = fields.isEmpty ? [] : readExtensions(fields.sequence());
  fields.end();
  const reason = extensions.find((item) => item.oid === oids.reasonCode);
  const isBeyondUs = extensions.some((item) => item.critical && item.oid !== oids.reasonCode);
  const number = reason === undefined ? 0 : new Cursor(reason.value).smallInteger(tag.enumerated);
  return { serial, revokedAt, reason: number, ...(isBeyondUs && { isBeyondUs }) };
}

export function parseCrl(bytes: Buffer): Result<CertificateList, DerError> {
  return guarded(() => {
    const cursor = new Cursor(bytes);
    const crl = readCrl(cursor);
    cursor.end();
    return crl;
  });
}

/** As `parseCrl`, in turns: a list of 100,000 entries takes a second, which nothing else may wait for. */
export async function parseCrlInTurns(bytes: Buffer): Promise<Result<CertificateList, DerError>> {
  const cursor = new Cursor(bytes);
  const reading = crlReader(cursor);
  for (;;) {
    const step = guarded(() => {
      const next = reading.next();
      if (next.done) cursor.end();
      return next;
    });
    if (!step.ok) return step;
    if (step.value.done) return ok(step.value.value);
    await setImmediate();
  }
}

/** What a list says of itself, its entries and extensions not looked at; refuses what is no whole list. */
export function parseCrlHead(bytes: Buffer): Result<CrlHead, DerError> {
  return guarded(() => {
    const cursor = new Cursor(bytes);
    const { tbs, algorithmElement } = readSigned(cursor);
    cursor.end();
    return readHead(new Cursor(tbs).sequence(), algorithmElement);
  });
}

/** Checks that `issuerKey` signed the list. */
export function verifyCrl(crl: CertificateList, issuerKey: PublicKey): Result<true, SignatureFault> {
  return verifySignature(crl.signatureAlgorithm, issuerKey, crl.tbs, crl.signature);
}

/** The cRLNumber, or undefined when absent or over 6 octets. */
export function crlNumberOf(crl: CertificateList): number | undefined {
  const number = crl.extensions.find((item) => item.oid === oids.crlNumber);
  if (number === undefined) return undefined;
  const read = guarded(() => new Cursor(number.value).smallInteger());
  return read.ok ? read.value : undefined;
}

/** RFC 5280 section 5.2.3. */
export function crlNumberExtension(number: number): Extension {
  return extension(oids.crlNumber, false, der.integer(number));
}

export interface CrlFields {
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedCertificate[];
  readonly extensions: readonly Extension[];
}

const version2 = der.integer(1);

/** Writes and signs a version 2 list. An empty list has no revokedCertificates, reason 0 no reasonCode (RFC 5280 sections 5.1.2.6 and 5.3.1). */
export function signCrl(fields: CrlFields, signer: Signer): Buffer {
  const algorithm = encode(algorithmIdentifier(signer.algorithm));
  const tbs = toBeSigned(fields, Buffer.concat(fields.revoked.map(revokedEntry)), algorithm);
  return encode(der.sequence(tbs, algorithm, der.bitString(signer.sign(tbs))));
}

/** As `signCrl`, in turns, and on another thread for a key that signs slowly; rejects as `Signer.signLater`. */
export async function signCrlInTurns(fields: CrlFields, signer: Signer): Promise<Buffer> {
  const algorithm = encode(algorithmIdentifier(signer.algorithm));
  const parts: Buffer[] = [];
  for (let from = 0; from < fields.revoked.length; from += entriesPerTurn) {
    if (from > 0) await setImmediate();
    parts.push(Buffer.concat(fields.revoked.slice(from, from + entriesPerTurn).map(revokedEntry)));
  }
  const tbs = toBeSigned(fields, Buffer.concat(parts), algorithm);
  return encode(der.sequence(tbs, algorithm, der.bitString(await signSoon(signer, tbs))));
}

function toBeSigned(fields: CrlFields, entries: Buffer, algorithm: Buffer): Buffer {
  return encode(
    der.sequence(
      version2,
      algorithm,
      fields.issuer.der,
      certificateTime(fields.thisUpdate),
      certificateTime(fields.nextUpdate),
      entries.length === 0 ? undefined : der.primitive(tag.sequence, entries),
      der.explicit(0, der.sequence(...fields.extensions.map(encodeExtension))),
    ),
  );
}

function revokedEntry(entry: RevokedCertificate): Buffer {
  const reason = entry.reason === 0 ? undefined : der.sequence(encodeExtension(extension(oids.reasonCode, false, der.integer(entry.reason, tag.enumerated))));
  return encode(der.sequence(der.unsignedInteger(entry.serial), certificateTime(entry.revokedAt), reason));
}
