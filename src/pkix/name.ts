import { Cursor, DerError, decodeText, der, type Element, encode, guarded, isPrintable, oids, tag } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';

/** RFC 5280 section 4.1.2.4
 *  AttributeTypeAndValue ::= SEQUENCE { type AttributeType, value AttributeValue } */
export interface NameAttribute {
  readonly type: string;
  /** The value as text; `#` and hexadecimal for values that are no character string. */
  readonly text: string;
  /** The value's whole encoding. */
  readonly value: Buffer;
}

/** A distinguished name: `der` as received, and its relative names in wire order. */
export interface Name {
  readonly der: Buffer;
  readonly rdns: readonly (readonly NameAttribute[])[];
}

const shortNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'CN',
  [oids.surname]: 'SN',
  [oids.serialNumber]: 'serialNumber',
  [oids.countryName]: 'C',
  [oids.localityName]: 'L',
  [oids.stateOrProvinceName]: 'ST',
  [oids.streetAddress]: 'STREET',
  [oids.organizationName]: 'O',
  [oids.organizationalUnitName]: 'OU',
  [oids.title]: 'title',
  [oids.givenName]: 'GN',
  [oids.dnQualifier]: 'dnQualifier',
  [oids.domainComponent]: 'DC',
  [oids.userId]: 'UID',
  [oids.emailAddress]: 'emailAddress',
  [oids.unstructuredName]: 'unstructuredName',
  [oids.unstructuredAddress]: 'unstructuredAddress',
};
const typesByShortName = new Map(Object.entries(shortNames).map(([oid, name]) => [name.toLowerCase(), oid]));

/** Name ::= CHOICE { rdnSequence SEQUENCE OF SET SIZE (1..MAX) OF AttributeTypeAndValue }. Throws `DerError`. */
export function readName(cursor: Cursor): Name {
  const start = cursor.position;
  const element = cursor.elementOf(tag.sequence);
  const rdns = new Cursor(element).sequence().each((names) => {
    const rdn = names.set();
    if (rdn.isEmpty) throw new DerError('bad-value', start, 'Empty relative name.');
    return rdn.each(readAttribute);
  });
  return { der: element, rdns };
}

function readAttribute(cursor: Cursor): NameAttribute {
  const fields = cursor.sequence();
  const type = fields.oid();
  const value = fields.element();
  fields.end();
  return { type, text: textOf(value), value };
}

function textOf(value: Buffer): string {
  const cursor = new Cursor(value);
  const type = cursor.peekTag();
  const text = guarded(() => decodeText(type, cursor.content(type)));
  return text.ok ? text.value : `#${value.toString('hex')}`;
}

/** A name from its encoding. */
export function parseName(bytes: Buffer): Result<Name, DerError> {
  return guarded(() => {
    const cursor = new Cursor(bytes);
    const name = readName(cursor);
    cursor.end();
    return name;
  });
}

export const emptyName: Name = { der: Buffer.from([0x30, 0]), rdns: [] };

/** Attribute types that RFC 5280 fixes to PrintableString or IA5String; the rest is UTF8String where PrintableString is too small. */
function attributeValue(type: string, text: string): Element {
  if (type === oids.domainComponent || type === oids.emailAddress) return der.ia5String(text);
  return isPrintable(text) && type === oids.countryName ? der.printableString(text) : der.utf8String(text);
}

/** Builds a name from `[type, text]` pairs in order, one attribute per relative name; types are OIDs. */
export function buildName(attributes: readonly (readonly [type: string, text: string])[]): Name {
  const encoded = encode(der.sequence(...attributes.map(([type, text]) => der.set(der.sequence(der.oid(type), attributeValue(type, text))))));
  return readName(new Cursor(encoded));
}

/** A name from what people type: `/CN=a/O=b` (OpenSSL, wire order) or `CN=a,O=b` (RFC 4514, last relative name first). */
export function nameFromText(text: string): Result<Name, string> {
  const isSlashed = text.startsWith('/');
  const parts = isSlashed ? splitUnescaped(text.slice(1), '/') : splitUnescaped(text, ',').reverse();
  const attributes: [string, string][] = [];
  for (const part of parts.map((item) => item.trim()).filter((item) => item !== '')) {
    const equals = part.indexOf('=');
    const label = part.slice(0, equals).trim();
    const type = /^\d+(\.\d+)+$/.test(label) ? label : typesByShortName.get(label.toLowerCase());
    if (equals < 1 || type === undefined) return fail(`"${part}" is not a name attribute like CN=device-1.`);
    attributes.push([
      type,
      part
        .slice(equals + 1)
        .trim()
        .replace(/\\(.)/g, '$1'),
    ]);
  }
  return ok(attributes.length === 0 ? emptyName : buildName(attributes));
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [''];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\') {
      parts[parts.length - 1] += character + (text[at + 1] ?? '');
      at += 1;
    } else if (character === separator) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

function escapeText(text: string): string {
  return (
    text
      .replace(/[\\,+"<>;=]/g, '\\$&')
      .replace(/^[ #]/, '\\$&')
      .replace(/ $/, '\\ ')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control and direction characters must not reach a log or page raw
      .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
        Array.from(Buffer.from(character, 'utf8'), (octet) => `\\${octet.toString(16).padStart(2, '0')}`).join(''),
      )
  );
}

/** RFC 4514 text, last relative name first, control and direction characters escaped; the empty string for the empty name. */
export function nameToText(name: Name): string {
  return [...name.rdns]
    .reverse()
    .map((rdn) => rdn.map((attribute) => `${shortNames[attribute.type] ?? attribute.type}=${escapeText(attribute.text)}`).join('+'))
    .join(',');
}

/** The first commonName's text. */
export function commonNameOf(name: Name): string | undefined {
  return name.rdns.flat().find((attribute) => attribute.type === oids.commonName)?.text;
}

function canonicalText(text: string): string {
  return text.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase();
}

function canonicalRdn(rdn: readonly NameAttribute[]): string {
  return rdn
    .map((attribute) => `${attribute.type}=${canonicalText(attribute.text)}`)
    .sort()
    .join('\u0000');
}

/** One string per relative name; two names are the same when these are (RFC 5280 section 7.1: case, space and string type do not count). */
export function canonicalName(name: Name): string {
  return name.rdns.map(canonicalRdn).join('\u0001');
}

export function isSameName(left: Name, right: Name): boolean {
  return left.der.equals(right.der) || canonicalName(left) === canonicalName(right);
}
