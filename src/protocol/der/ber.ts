import { DerError } from './fault.js';
import type { Limits } from './limits.js';

const endOfContents = 0;

interface Reading {
  readonly bytes: Buffer;
  readonly limits: Limits;
  nodes: number;
}

interface Converted {
  readonly der: Buffer;
  readonly next: number;
}

function header(tagByte: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tagByte, length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  return Buffer.from([tagByte, 0x80 | octets.length, ...octets]);
}

/** The strings whose constructed form is only a way of cutting them: OCTET STRING and the character strings. */
function isCutString(tagByte: number): boolean {
  const type = tagByte & 0x1f;
  return (tagByte & 0xe0) === 0x20 && (type === 0x04 || type === 0x0c || (type >= 0x12 && type <= 0x1e && type !== 0x17 && type !== 0x18));
}

function stringContent(der: Buffer): Buffer {
  const length = der[1] as number;
  return der.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

function element(reading: Reading, start: number, end: number, depth: number): Converted {
  const { bytes, limits } = reading;
  reading.nodes += 1;
  if (reading.nodes > limits.maxNodes) throw new DerError('too-many-nodes', start);
  if (depth > limits.maxDepth) throw new DerError('too-deep', start);
  if (start + 2 > end) throw new DerError('truncated', start);
  const tagByte = bytes[start] as number;
  if ((tagByte & 0x1f) === 0x1f) throw new DerError('bad-tag', start, 'Long tags are not used.');
  let at = start + 2;
  let length = bytes[start + 1] as number;
  const isIndefinite = length === 0x80;
  if (length > 0x80) {
    const count = length & 0x7f;
    if (count > 6 || at + count > end) throw new DerError('bad-length', start + 1);
    length = bytes.readUIntBE(at, count);
    at += count;
  }
  if (isIndefinite && (tagByte & 0x20) === 0) throw new DerError('bad-length', start + 1, 'Indefinite primitive.');
  const contentEnd = isIndefinite ? end : at + length;
  if (contentEnd > end) throw new DerError('truncated', start);
  if ((tagByte & 0x20) === 0) return { der: Buffer.concat([header(tagByte, length), bytes.subarray(at, contentEnd)]), next: contentEnd };

  const parts: Buffer[] = [];
  for (;;) {
    if (isIndefinite && at + 2 <= end && bytes[at] === endOfContents && bytes[at + 1] === 0) {
      at += 2;
      break;
    }
    if (at >= contentEnd) {
      if (isIndefinite) throw new DerError('truncated', start, 'No end of contents.');
      break;
    }
    const child = element(reading, at, contentEnd, depth + 1);
    parts.push(child.der);
    at = child.next;
  }
  const cut = isCutString(tagByte);
  const content = Buffer.concat(cut ? parts.map(stringContent) : parts);
  return { der: Buffer.concat([header(cut ? tagByte & ~0x20 : tagByte, content.length), content]), next: at };
}

/**
 * Rewrites the BER freedoms that SCEP clients use (indefinite lengths, cut strings, long lengths) as DER; values and the
 * order of sets stay as received. Throws `DerError` on what is no BER or passes the limits. X.690 section 8.
 */
export function berToDer(bytes: Buffer, limits: Limits): Buffer {
  const { der, next } = element({ bytes, limits, nodes: 0 }, 0, bytes.length, 1);
  if (next !== bytes.length) throw new DerError('trailing', next);
  return der;
}
