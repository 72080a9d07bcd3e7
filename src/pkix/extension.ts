import { type Cursor, Cursor as DerCursor, DerError, der, type Element, encode, guarded, oids, tag } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import { type GeneralName, readGeneralNames, uriName } from './general-name.js';

/** RFC 5280 section 4.1
 *  Extension ::= SEQUENCE {
 *    extnID     OBJECT IDENTIFIER,
 *    critical   BOOLEAN DEFAULT FALSE,
 *    extnValue  OCTET STRING } */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of extnValue: the extension's own encoding. */
  readonly value: Buffer;
}

/** `critical FALSE` written out is no DER, but devices send it: accepted. Throws `DerError`. */
export function readExtension(cursor: Cursor): Extension {
  const fields = cursor.sequence();
  const oid = fields.oid();
  const critical = fields.at(tag.boolean) ? fields.boolean() : false;
  const value = fields.octetString();
  fields.end();
  return { oid, critical, value };
}

/** Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension; each extnID at most once (RFC 5280 section 4.2), an empty list is tolerated. */
export function readExtensions(cursor: Cursor): Extension[] {
  const offset = cursor.position;
  const extensions = cursor.each(readExtension);
  if (new Set(extensions.map((extension) => extension.oid)).size !== extensions.length) {
    throw new DerError('bad-value', offset, 'An extension stands twice.');
  }
  return extensions;
}

export function extension(oid: string, critical: boolean, value: Element): Extension {
  return { oid, critical, value: encode(value) };
}

export function encodeExtension(item: Extension): Element {
  return der.sequence(der.oid(item.oid), item.critical ? der.boolean(true) : undefined, der.octetString(item.value));
}

export const keyUsageBits = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof keyUsageBits)[number];

function find(extensions: readonly Extension[], oid: string): Extension | undefined {
  return extensions.find((item) => item.oid === oid);
}

function readWhole<T>(value: Buffer, read: (cursor: Cursor) => T): T {
  const cursor = new DerCursor(value);
  const result = read(cursor);
  cursor.end();
  return result;
}

/** The names in subjectAltName; an empty list when the extension is absent. */
export function subjectAltNames(extensions: readonly Extension[]): Result<readonly GeneralName[], DerError> {
  const san = find(extensions, oids.subjectAltName);
  return guarded(() => (san === undefined ? [] : readWhole(san.value, readGeneralNames)));
}

/** The set key usage bits, or undefined when the extension is absent. */
export function keyUsageOf(extensions: readonly Extension[]): Result<readonly KeyUsage[] | undefined, DerError> {
  const usage = find(extensions, oids.keyUsage);
  return guarded(() => {
    if (usage === undefined) return undefined;
    const bits = readWhole(usage.value, (cursor) => cursor.bitString().bytes);
    return keyUsageBits.filter((_, index) => ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0);
  });
}

/** The extended key usage OIDs, or undefined when the extension is absent; an empty list is `bad-value`. */
export function extendedKeyUsageOf(extensions: readonly Extension[]): Result<readonly string[] | undefined, DerError> {
  const usage = find(extensions, oids.extKeyUsage);
  return guarded(() => {
    if (usage === undefined) return undefined;
    const purposes = readWhole(usage.value, (cursor) => cursor.sequence().each((item) => item.oid()));
    if (purposes.length === 0) throw new DerError('bad-value', 0, 'extKeyUsage is empty.');
    return purposes;
  });
}

export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength?: number;
}

/** basicConstraints, `{ ca: false }` when absent. */
export function basicConstraintsOf(extensions: readonly Extension[]): Result<BasicConstraints, DerError> {
  const constraints = find(extensions, oids.basicConstraints);
  return guarded(() => {
    if (constraints === undefined) return { ca: false };
    return readWhole(constraints.value, (cursor) => {
      const fields = cursor.sequence();
      const ca = fields.at(tag.boolean) ? fields.boolean() : false;
      const pathLength = fields.at(tag.integer) ? fields.smallInteger() : undefined;
      fields.end();
      // pathLenConstraint INTEGER (0..MAX)
      if (pathLength !== undefined && pathLength < 0) throw new DerError('bad-value', 0, 'pathLenConstraint.');
      return pathLength === undefined ? { ca } : { ca, pathLength };
    });
  });
}

/** subjectKeyIdentifier's octets, or undefined when absent or malformed. */
export function subjectKeyIdentifierOf(extensions: readonly Extension[]): Buffer | undefined {
  const identifier = find(extensions, oids.subjectKeyIdentifier);
  if (identifier === undefined) return undefined;
  const read = guarded(() => readWhole(identifier.value, (cursor) => cursor.octetString()));
  return read.ok ? read.value : undefined;
}

export function subjectAltNameExtension(names: readonly GeneralName[], critical = false): Extension {
  return extension(oids.subjectAltName, critical, der.sequence(...names.map((name) => name.der)));
}

export function keyUsageExtension(usages: readonly KeyUsage[]): Extension {
  return extension(oids.keyUsage, true, der.namedBits(usages.map((usage) => keyUsageBits.indexOf(usage))));
}

export function extendedKeyUsageExtension(purposes: readonly string[]): Extension {
  return extension(oids.extKeyUsage, false, der.sequence(...purposes.map(der.oid)));
}

export function basicConstraintsExtension(constraints: BasicConstraints): Extension {
  const { ca, pathLength } = constraints;
  const value = der.sequence(ca ? der.boolean(true) : undefined, pathLength === undefined ? undefined : der.integer(pathLength));
  return extension(oids.basicConstraints, true, value);
}

export function subjectKeyIdentifierExtension(keyIdentifier: Buffer): Extension {
  return extension(oids.subjectKeyIdentifier, false, der.octetString(keyIdentifier));
}

export function authorityKeyIdentifierExtension(keyIdentifier: Buffer): Extension {
  return extension(oids.authorityKeyIdentifier, false, der.sequence(der.implicitPrimitive(0, keyIdentifier)));
}

/** RFC 5280 section 4.2.1.13, one distribution point with one full name. */
export function crlDistributionPointExtension(url: string): Extension {
  const point = der.sequence(der.explicit(0, der.explicit(0, uriName(url).der)));
  return extension(oids.cRLDistributionPoints, false, der.sequence(point));
}

/** RFC 5280 section 4.2.2.1: caIssuers, and before it ocsp where there is a responder. */
export function authorityInfoAccessExtension(caIssuersUrl: string, ocspUrl?: string): Extension {
  const ocsp = ocspUrl === undefined ? undefined : der.sequence(der.oid(oids.ocsp), uriName(ocspUrl).der);
  const access = der.sequence(der.oid(oids.caIssuers), uriName(caIssuersUrl).der);
  return extension(oids.authorityInfoAccess, false, der.sequence(ocsp, access));
}
