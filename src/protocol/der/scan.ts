import { DerError } from './fault.js';
import type { Limits } from './limits.js';

/** Tags of universal types that DER only knows in one of the two forms (X.690 section 10.2). */
function hasWrongForm(tagByte: number): boolean {
  if ((tagByte & 0xc0) !== 0) return false;
  const type = tagByte & 0x1f;
  const isConstructed = (tagByte & 0x20) !== 0;
  const mustBeConstructed = type === 0x10 || type === 0x11 || type === 0x08 || type === 0x0b || type === 0x1d;
  return isConstructed !== mustBeConstructed;
}

/** X.690 section 8.6.2: the first octet is 0 to 7, and 0 where no other follows. */
function countsUnusedBits(bytes: Buffer, content: number, length: number): boolean {
  return length > 0 && (bytes[content] as number) <= (length === 1 ? 0 : 7);
}

/**
 * Walks every header once, without recursion and without allocating: size, depth, count and the DER form of headers.
 * Returns nothing or throws `DerError`. Values are not looked at, the readers do that; save that an OBJECT IDENTIFIER must end and a BIT
 * STRING say how many bits do not count, since other readers refuse a whole message for one that does not, also where nobody reads it.
 */
export function scanDer(bytes: Buffer, limits: Limits): void {
  if (bytes.length > limits.maxBytes) throw new DerError('too-large', 0);
  const ends: number[] = [bytes.length];
  let at = 0;
  let nodes = 0;
  while (ends.length > 0) {
    const end = ends[ends.length - 1] as number;
    if (at === end) {
      ends.pop();
      continue;
    }
    nodes += 1;
    if (nodes > limits.maxNodes) throw new DerError('too-many-nodes', at);
    if (at + 2 > end) throw new DerError('truncated', at);
    const tagByte = bytes[at] as number;
    if ((tagByte & 0x1f) === 0x1f || tagByte === 0 || hasWrongForm(tagByte)) throw new DerError('bad-tag', at);
    let length = bytes[at + 1] as number;
    let content = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw new DerError('bad-length', at + 1);
      if (content + count > end) throw new DerError('truncated', at);
      length = bytes.readUIntBE(content, count);
      if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError('bad-length', at + 1);
      content += count;
    }
    if (content + length > end) throw new DerError('truncated', at);
    if (ends.length === 1 && content + length !== end) throw new DerError('trailing', content + length);
    if ((tagByte & 0x20) !== 0) {
      if (ends.length > limits.maxDepth) throw new DerError('too-deep', at);
      ends.push(content + length);
      at = content;
    } else {
      at = content + length;
      if (tagByte === 0x06 && (length === 0 || (bytes[at - 1] as number) >= 0x80)) throw new DerError('bad-value', content, 'OBJECT IDENTIFIER.');
      if (tagByte === 0x03 && !countsUnusedBits(bytes, content, length)) throw new DerError('bad-value', content, 'BIT STRING.');
    }
  }
  if (nodes === 0) throw new DerError('truncated', 0, 'There is nothing.');
}
