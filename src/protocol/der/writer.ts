import { oidElement } from './oid.js';
import { contextConstructed, contextPrimitive, tag } from './tag.js';

/** An element not yet laid out: its tag, its parts and the length of its content in bytes. */
export class Constructed {
  readonly tag: number;
  readonly parts: readonly Element[];
  readonly contentLength: number;

  constructor(elementTag: number, parts: readonly Element[]) {
    this.tag = elementTag;
    this.parts = parts;
    let length = 0;
    for (const part of parts) length += elementLength(part);
    this.contentLength = length;
  }
}

/** A finished encoding (with header), or a constructed element that `encode` lays out in one pass. */
export type Element = Buffer | Constructed;

function headerLength(contentLength: number): number {
  if (contentLength < 0x80) return 2;
  if (contentLength < 0x100) return 3;
  if (contentLength < 0x10000) return 4;
  return contentLength < 0x1000000 ? 5 : 6;
}

function elementLength(element: Element): number {
  return element instanceof Constructed ? headerLength(element.contentLength) + element.contentLength : element.length;
}

function writeHeader(out: Buffer, at: number, elementTag: number, contentLength: number): number {
  out[at] = elementTag;
  if (contentLength < 0x80) {
    out[at + 1] = contentLength;
    return at + 2;
  }
  const count = headerLength(contentLength) - 2;
  out[at + 1] = 0x80 | count;
  out.writeUIntBE(contentLength, at + 2, count);
  return at + 2 + count;
}

function writeElement(out: Buffer, start: number, element: Element): number {
  if (!(element instanceof Constructed)) {
    out.set(element, start);
    return start + element.length;
  }
  let at = writeHeader(out, start, element.tag, element.contentLength);
  for (const part of element.parts) at = writeElement(out, at, part);
  return at;
}

/** Lays an element out in one buffer of exactly its length. */
export function encode(element: Element): Buffer {
  if (!(element instanceof Constructed)) return element;
  const out = Buffer.allocUnsafe(elementLength(element));
  writeElement(out, 0, element);
  return out;
}

/** A primitive element: header and `content`. */
export function primitive(elementTag: number, content: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(headerLength(content.length) + content.length);
  out.set(content, writeHeader(out, 0, elementTag, content.length));
  return out;
}

type Part = Element | undefined;

/** The parts that are there; the list itself when that is all of them, as mostly. */
function present(parts: readonly Part[]): readonly Element[] {
  return parts.includes(undefined) ? parts.filter((part): part is Element => part !== undefined) : (parts as readonly Element[]);
}

/** A constructed element with any tag; undefined parts (absent OPTIONAL fields) are left out. */
export function constructed(elementTag: number, ...parts: readonly Part[]): Constructed {
  return new Constructed(elementTag, present(parts));
}

export function sequence(...parts: readonly Part[]): Constructed {
  return new Constructed(tag.sequence, present(parts));
}

/** A SET whose parts keep the given order. */
export function set(...parts: readonly Part[]): Constructed {
  return new Constructed(tag.set, present(parts));
}

/** SET OF in DER: the encodings in ascending order (X.690 section 11.6). */
export function setOf(parts: readonly Element[], elementTag: number = tag.set): Constructed {
  return new Constructed(elementTag, parts.map(encode).sort(Buffer.compare));
}

/** `[n] EXPLICIT`. */
export function explicit(n: number, ...parts: readonly Part[]): Constructed {
  return new Constructed(contextConstructed(n), present(parts));
}

/** `[n] IMPLICIT` of a constructed type: the given element's parts under another tag. */
export function implicit(n: number, element: Constructed): Constructed {
  return new Constructed(contextConstructed(n), element.parts);
}

/** `[n] IMPLICIT` of a primitive type with this content. */
export function implicitPrimitive(n: number, content: Uint8Array): Buffer {
  return primitive(contextPrimitive(n), content);
}

/** A raw element under another tag: `[n] IMPLICIT` of something received. */
export function retagged(elementTag: number, element: Buffer): Buffer {
  const copy = Buffer.from(element);
  copy[0] = elementTag;
  return copy;
}

export const oid = oidElement;

/** INTEGER or ENUMERATED of a safe integer; `RangeError` on any other number, which would be written as something else. */
export function integer(value: number, elementTag: number = tag.integer): Buffer {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer.`);
  if (value >= -128 && value < 128) return Buffer.from([elementTag, 1, value & 0xff]);
  let hex = BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0');
  const fill = value < 0 ? 'ff' : '00';
  while (hex.length > 2 && hex.startsWith(fill) && Number.parseInt(hex[2] as string, 16) >= 8 === value < 0) hex = hex.slice(2);
  return primitive(elementTag, Buffer.from(hex, 'hex'));
}

/** INTEGER of an unsigned big-endian magnitude (serial numbers, moduli). */
export function unsignedInteger(magnitude: Buffer): Buffer {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const trimmed = magnitude.subarray(start);
  if (trimmed.length === 0) return integer(0);
  return primitive(tag.integer, (trimmed[0] as number) >= 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed);
}

/** INTEGER of received content octets. */
export function integerContent(content: Buffer): Buffer {
  return primitive(tag.integer, content);
}

export function octetString(content: Uint8Array): Buffer {
  return primitive(tag.octetString, content);
}

/** OCTET STRING that holds an encoding. */
export function octetStringOf(element: Element): Constructed {
  return new Constructed(tag.octetString, [element]);
}

/** BIT STRING of whole octets. */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  const out = Buffer.allocUnsafe(content.length + 1);
  out[0] = unusedBits;
  out.set(content, 1);
  return primitive(tag.bitString, out);
}

/** A named BIT STRING in DER: bits set by number, trailing zeros removed (X.690 section 11.2.2). */
export function namedBits(bits: readonly number[]): Buffer {
  if (bits.length === 0) return Buffer.from([tag.bitString, 1, 0]);
  const highest = Math.max(...bits);
  const bytes = Buffer.alloc((highest >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7));
  return bitString(bytes, 7 - (highest & 7));
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([tag.boolean, 1, value ? 0xff : 0]);
}

const nullElement = Buffer.from([tag.null, 0]);

export function nullValue(): Buffer {
  return nullElement;
}

export function utf8String(text: string): Buffer {
  return primitive(tag.utf8String, Buffer.from(text, 'utf8'));
}

/** One octet per character; `RangeError` where that would make another character of it (U+0142 would become 'B'). */
export function octetPerCharacter(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1');
  if (octets.toString('latin1') !== text) throw new RangeError('A character does not fit in one octet.');
  return octets;
}

/** PrintableString; the caller has checked the characters (`isPrintable`), or gives back what it received. */
export function printableString(text: string): Buffer {
  return primitive(tag.printableString, octetPerCharacter(text));
}

/** IA5String; the caller has checked the characters (`isVisibleAscii`). */
export function ia5String(text: string): Buffer {
  return primitive(tag.ia5String, octetPerCharacter(text));
}
