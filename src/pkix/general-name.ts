import { isIP } from 'node:net';
import { Cursor, contextConstructed, contextPrimitive, DerError, der, type Element, isVisibleAscii } from '../protocol/der/index.js';
import { type Name, nameToText, readName } from './name.js';

/** RFC 5280 section 4.2.1.6
 *  GeneralName ::= CHOICE {
 *    otherName                 [0] OtherName,
 *    rfc822Name                [1] IA5String,
 *    dNSName                   [2] IA5String,
 *    x400Address               [3] ORAddress,
 *    directoryName             [4] Name,
 *    ediPartyName              [5] EDIPartyName,
 *    uniformResourceIdentifier [6] IA5String,
 *    iPAddress                 [7] OCTET STRING,
 *    registeredID              [8] OBJECT IDENTIFIER } */
export const generalNameTypes = ['other', 'email', 'dns', 'x400', 'directory', 'ediParty', 'uri', 'ip', 'registeredId'] as const;
export type GeneralNameType = (typeof generalNameTypes)[number];

export interface GeneralName {
  readonly type: GeneralNameType;
  /** What people read: the name, address or, for the rest, hexadecimal. */
  readonly text: string;
  /** The whole encoding as received. */
  readonly der: Buffer;
  /** Only for `directory`. */
  readonly name?: Name;
}

/** Throws `DerError` on a tag outside [0]..[8] or a malformed value; in an IA5String that is anything but visible ASCII (`good.example\\0evil`). */
export function readGeneralName(cursor: Cursor): GeneralName {
  const offset = cursor.position;
  const number = cursor.peekTag() & 0x1f;
  const type = generalNameTypes[number];
  const isConstructed = type === 'other' || type === 'x400' || type === 'directory' || type === 'ediParty';
  const elementTag = isConstructed ? contextConstructed(number) : contextPrimitive(number);
  if (type === undefined) throw new DerError('bad-tag', offset, 'GeneralName.');
  const element = cursor.elementOf(elementTag);
  const inside = new Cursor(element);
  if (type === 'directory') {
    const choice = inside.enter(elementTag);
    const name = readName(choice);
    choice.end();
    return { type, text: nameToText(name), der: element, name };
  }
  if (type === 'other') checkOtherName(new Cursor(element).enter(elementTag), offset);
  const content = inside.content(elementTag);
  if (type === 'ip') return { type, text: ipText(content, offset), der: element };
  if (type === 'email' || type === 'dns' || type === 'uri') return { type, text: asciiText(content, offset), der: element };
  return { type, text: content.toString('hex'), der: element };
}

/** OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }: others cannot read a certificate in which it is anything else. */
function checkOtherName(fields: Cursor, offset: number): void {
  fields.oid();
  const value = fields.explicit(0);
  if (value === undefined) throw new DerError('bad-value', offset, 'OtherName without a value.');
  value.skip();
  value.end();
  fields.end();
}

function asciiText(content: Buffer, offset: number): string {
  const text = content.toString('latin1');
  if (!isVisibleAscii(text)) throw new DerError('bad-value', offset, 'IA5String of a GeneralName.');
  return text;
}

function ipText(content: Buffer, offset: number): string {
  if (content.length === 4) return content.join('.');
  if (content.length !== 16) throw new DerError('bad-value', offset, 'IP address.');
  const groups = Array.from({ length: 8 }, (_, index) => content.readUInt16BE(index * 2).toString(16));
  return groups.join(':');
}

/** GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName; under `elementTag` where implicit. */
export function readGeneralNames(cursor: Cursor): GeneralName[] {
  const offset = cursor.position;
  const names = cursor.sequence().each(readGeneralName);
  if (names.length === 0) throw new DerError('bad-value', offset, 'GeneralNames is empty.');
  return names;
}

/** A host name in ASCII (internationalised ones in their `xn--` form). Throws `RangeError` on other characters. */
export function dnsName(text: string): GeneralName {
  return { type: 'dns', text, der: der.implicitPrimitive(2, asciiBytes(text)) };
}

/** A URI in ASCII. Throws `RangeError` on other characters. */
export function uriName(text: string): GeneralName {
  return { type: 'uri', text, der: der.implicitPrimitive(6, asciiBytes(text)) };
}

function asciiBytes(text: string): Buffer {
  if (!isVisibleAscii(text)) throw new RangeError(`"${text}" is not ASCII.`);
  return Buffer.from(text, 'latin1');
}

/** An IPv4 or IPv6 address in text form; `text` is the form that reading it again gives. Throws `RangeError` on anything else. */
export function ipName(text: string): GeneralName {
  const bytes = ipBytes(text);
  return { type: 'ip', text: ipText(bytes, 0), der: der.implicitPrimitive(7, bytes) };
}

function ipBytes(text: string): Buffer {
  const version = isIP(text);
  if (version === 4) return Buffer.from(text.split('.').map(Number));
  if (version !== 6 || text.includes('%')) throw new RangeError(`"${text}" is not an IP address.`);
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').flatMap(hexGroups));
  const start = groups(head);
  const end = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array<string>(8 - start.length - end.length).fill('0');
  const bytes = Buffer.alloc(16);
  [...start, ...middle, ...end].forEach((group, index) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  });
  return bytes;
}

/** One group, or two for the dotted tail of `::ffff:192.0.2.1`. */
function hexGroups(group: string): string[] {
  if (!group.includes('.')) return [group];
  const octets = Buffer.from(group.split('.').map(Number));
  return [octets.toString('hex', 0, 2), octets.toString('hex', 2, 4)];
}

/** directoryName: Name is a CHOICE, so the tag is explicit. */
export function directoryName(name: Name): Element {
  return der.explicit(4, name.der);
}
