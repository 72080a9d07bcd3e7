import { Cursor, DerError, decodeText, der, type Element, encode, guarded, isPrintable, isVisibleAscii, oids, tag } from '../protocol/der/index.js';
import type { Result } from '../runtime/result.js';
import { shortNames } from './name-types.js';

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

const printableTypes: ReadonlySet<string> = new Set([oids.countryName, oids.serialNumber, oids.dnQualifier]);
const ia5Types: ReadonlySet<string> = new Set([oids.domainComponent, oids.emailAddress]);

/** RFC 5280 appendix A.1 fixes some types to PrintableString or IA5String; UTF8String for the rest, and where those are too small. */
function attributeValue(type: string, text: string): Element {
  if (ia5Types.has(type) && isVisibleAscii(text)) return der.ia5String(text);
  return printableTypes.has(type) && isPrintable(text) ? der.printableString(text) : der.utf8String(text);
}

/** Builds a name from `[type, text]` pairs in order, one attribute per relative name; types are OIDs (`RangeError` on others). */
export function buildName(attributes: readonly (readonly [type: string, text: string])[]): Name {
  return buildRdns(attributes.map((attribute) => [attribute]));
}

/** As `buildName` with several attributes per relative name, laid down in DER order; a value given as bytes is a whole encoding. */
export function buildRdns(rdns: readonly (readonly (readonly [type: string, value: string | Buffer])[])[]): Name {
  const sets = rdns.map((rdn) =>
    der.setOf(rdn.map(([type, value]) => der.sequence(der.oid(type), typeof value === 'string' ? attributeValue(type, value) : value))),
  );
  return readName(new Cursor(encode(der.sequence(...sets))));
}

/** Letters, digits and a few signs with single spaces between them, as nearly all names are: nothing to escape, and one way to write it. */
function isPlain(text: string): boolean {
  return /^[\w.:/@()'-]+(?: [\w.:/@()'-]+)*$/.test(text);
}

/** RFC 4514 section 2.4; besides, control, format and line-breaking characters must not reach a log or page raw. */
function escapeText(text: string): string {
  if (isPlain(text)) return text;
  return text
    .replace(/[\\,+"<>;=]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/(?<!^\\) $/, '\\ ')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => Array.from(Buffer.from(character, 'utf8'), hexPair).join(''));
}

const hexPair = (octet: number): string => `\\${octet.toString(16).padStart(2, '0')}`;

/** True when the value was no character string, so that `text` is `#` and its encoding: no text can contain its own encoding. */
function isHexText(attribute: NameAttribute): boolean {
  return attribute.text.startsWith('#') && attribute.text === `#${attribute.value.toString('hex')}`;
}

/** RFC 4514 text, last relative name first, control and direction characters escaped; the empty string for the empty name. */
export function nameToText(name: Name): string {
  return [...name.rdns]
    .reverse()
    .map((rdn) => rdn.map(attributeToText).join('+'))
    .join(',');
}

function attributeToText(attribute: NameAttribute): string {
  return `${shortNames[attribute.type] ?? attribute.type}=${isHexText(attribute) ? attribute.text : escapeText(attribute.text)}`;
}

/** The first commonName's text. */
export function commonNameOf(name: Name): string | undefined {
  return name.rdns.flat().find((attribute) => attribute.type === oids.commonName)?.text;
}

/** Hidden characters are no space: a name that has some equals only a name that has the same ones. */
function canonicalText(text: string): string {
  if (isPlain(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .replace(/[^\S\ufeff]+/g, ' ')
    .replace(/^ | $/g, '')
    .toLowerCase();
}

/** Its attributes as JSON, sorted: a set has no order. */
function canonicalRdn(rdn: readonly NameAttribute[]): readonly string[] {
  return rdn.map((attribute) => JSON.stringify(canonicalAttribute(attribute))).sort();
}

function canonicalAttribute(attribute: NameAttribute): readonly string[] {
  return isHexText(attribute) ? [attribute.type, '', attribute.text] : [attribute.type, canonicalText(attribute.text)];
}

/**
 * One string for all names that are the same (RFC 5280 section 7.1: case, space and string type do not count). As JSON, so
 * that no character within a value can pass for the end of it.
 */
export function canonicalName(name: Name): string {
  return JSON.stringify(name.rdns.map(canonicalRdn));
}

/** As `canonicalName`, relative name by relative name: what a subtree of names is compared by. */
export function canonicalRdns(name: Name): readonly string[] {
  return name.rdns.map((rdn) => JSON.stringify(canonicalRdn(rdn)));
}

export function isSameName(left: Name, right: Name): boolean {
  return left.der.equals(right.der) || canonicalName(left) === canonicalName(right);
}
