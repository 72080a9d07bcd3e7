import { DerError } from './fault.js';
import type { Limits } from './limits.js';
import { tag } from './tag.js';

interface Reading {
  readonly bytes: Buffer;
  readonly limits: Limits;
  nodes: number;
}

interface Header {
  readonly tagByte: number;
  readonly contentStart: number;
  /** Where the content ends, or undefined for the indefinite form. */
  readonly contentEnd: number | undefined;
}

interface Converted {
  readonly der: Buffer;
  /** The content octets of `der`. */
  readonly content: Buffer;
  readonly next: number;
}

const isConstructed = (tagByte: number): boolean => (tagByte & 0x20) !== 0;

/** The types whose constructed form is only a way of cutting a string in segments (X.690 sections 8.6, 8.7, 8.23). */
const strings: readonly number[] = [
  tag.bitString,
  tag.octetString,
  tag.utf8String,
  tag.numericString,
  tag.printableString,
  tag.teletexString,
  tag.ia5String,
  tag.visibleString,
  tag.universalString,
  tag.bmpString,
];
const cutStrings: ReadonlySet<number> = new Set(strings.map((primitiveTag) => primitiveTag | 0x20));

function headerOf(tagByte: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tagByte, length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  return Buffer.from([tagByte, 0x80 | octets.length, ...octets]);
}

function withHeader(tagByte: number, parts: readonly Buffer[], next: number): Converted {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = headerOf(tagByte, length);
  const der = Buffer.concat([header, ...parts], header.length + length);
  return { der, content: der.subarray(header.length), next };
}

function readHeader(bytes: Buffer, start: number, end: number): Header {
  if (start + 2 > end) throw new DerError('truncated', start);
  const tagByte = bytes[start] as number;
  if ((tagByte & 0x1f) === 0x1f) throw new DerError('bad-tag', start, 'Long tags are not used.');
  if (tagByte === 0) throw new DerError('bad-tag', start, 'End of contents in a wrong place.');
  const first = bytes[start + 1] as number;
  if (first === 0x80) {
    if (!isConstructed(tagByte)) throw new DerError('bad-length', start + 1, 'Indefinite primitive.');
    return { tagByte, contentStart: start + 2, contentEnd: undefined };
  }
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 6) throw new DerError('bad-length', start + 1);
  if (start + 2 + count > end) throw new DerError('truncated', start);
  const contentStart = start + 2 + count;
  const contentEnd = contentStart + (count === 0 ? first : bytes.readUIntBE(start + 2, count));
  if (contentEnd > end) throw new DerError('truncated', start);
  return { tagByte, contentStart, contentEnd };
}

function element(reading: Reading, start: number, end: number, depth: number): Converted {
  reading.nodes += 1;
  if (reading.nodes > reading.limits.maxNodes) throw new DerError('too-many-nodes', start);
  const header = readHeader(reading.bytes, start, end);
  const { tagByte, contentStart, contentEnd } = header;
  if (!isConstructed(tagByte)) return withHeader(tagByte, [reading.bytes.subarray(contentStart, contentEnd)], contentEnd ?? end);
  if (depth > reading.limits.maxDepth) throw new DerError('too-deep', start);
  const { parts, next } = children(reading, header, end, depth);
  if (!cutStrings.has(tagByte)) {
    return withHeader(
      tagByte,
      parts.map((part) => part.der),
      next,
    );
  }
  return tagByte === (tag.bitString | 0x20) ? joinedBits(parts, start, next) : joined(tagByte & ~0x20, parts, start, next);
}

function children(reading: Reading, header: Header, end: number, depth: number): { parts: Converted[]; next: number } {
  const { bytes } = reading;
  const parts: Converted[] = [];
  const limit = header.contentEnd ?? end;
  let at = header.contentStart;
  for (;;) {
    if (header.contentEnd === undefined) {
      if (at + 2 > limit) throw new DerError('truncated', at, 'No end of contents.');
      if (bytes[at] === 0 && bytes[at + 1] === 0) return { parts, next: at + 2 };
    } else if (at === limit) return { parts, next: at };
    const child = element(reading, at, limit, depth + 1);
    parts.push(child);
    at = child.next;
  }
}

/** X.690 section 8.7.3.2, and 8.23.6 for character strings: every segment is an OCTET STRING. */
function joined(tagByte: number, parts: readonly Converted[], start: number, next: number): Converted {
  if (parts.some((part) => part.der[0] !== tag.octetString)) throw new DerError('bad-tag', start, 'A segment is no OCTET STRING.');
  return withHeader(
    tagByte,
    parts.map((part) => part.content),
    next,
  );
}

/** X.690 section 8.6.4: only the last segment may leave bits unused. */
function joinedBits(parts: readonly Converted[], start: number, next: number): Converted {
  parts.forEach((part, index) => {
    if (part.der[0] !== tag.bitString) throw new DerError('bad-tag', start, 'A segment is no BIT STRING.');
    const isLast = index === parts.length - 1;
    if (part.content.length === 0 || (!isLast && part.content[0] !== 0)) throw new DerError('bad-value', start, 'BIT STRING segment.');
  });
  const unusedBits = parts[parts.length - 1]?.content.subarray(0, 1) ?? Buffer.of(0);
  return withHeader(tag.bitString, [unusedBits, ...parts.map((part) => part.content.subarray(1))], next);
}

/**
 * Rewrites the BER freedoms that SCEP clients use (indefinite lengths, cut strings, long lengths) as DER; values and the
 * order of sets stay as received. Throws `DerError` on what is no BER or passes the limits. X.690 section 8.
 * Each level copies its content once, so the work is at most `maxDepth` times the size. A string cut under an implicit tag
 * (`[0] IMPLICIT OCTET STRING` of CMS) cannot be told from a sequence here: its reader joins it.
 */
export function berToDer(bytes: Buffer, limits: Limits): Buffer {
  const { der, next } = element({ bytes, limits, nodes: 0 }, 0, bytes.length, 1);
  if (next !== bytes.length) throw new DerError('trailing', next);
  return der;
}
