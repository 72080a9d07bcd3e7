import { DerError } from './fault.js';
import { oidFromContent } from './oid.js';
import { contextConstructed, tag } from './tag.js';
import { decodeText } from './text.js';
import { parseGeneralizedTime, parseUtcTime } from './time.js';

export interface BitString {
  /** 0..7 bits of the last octet that do not count. */
  readonly unusedBits: number;
  readonly bytes: Buffer;
}

/**
 * A strict DER reader that only moves forward over one buffer without copying it. Each method consumes one element or
 * throws `DerError`; `end()` refuses what is left, so trailing bytes cannot be forgotten. X.690 section 10, tags below 31.
 */
export class Cursor {
  readonly #bytes: Buffer;
  readonly #end: number;
  #position: number;
  #contentStart = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  get isEmpty(): boolean {
    return this.#position >= this.#end;
  }

  /** The offset of the next element from the start of the buffer, in bytes. */
  get position(): number {
    return this.#position;
  }

  /** The tag byte of the next element, or -1 at the end. */
  peekTag(): number {
    return this.#position < this.#end ? (this.#bytes[this.#position] as number) : -1;
  }

  /** True when the next element has this tag. */
  at(expected: number): boolean {
    return this.#position < this.#end && this.#bytes[this.#position] === expected;
  }

  /** The next element with its header, whatever its tag. */
  element(): Buffer {
    const start = this.#position;
    const end = this.#header();
    this.#position = end;
    return this.#bytes.subarray(start, end);
  }

  /** The next element with its header; its tag must be `expected`. */
  elementOf(expected: number): Buffer {
    this.#expect(expected);
    return this.element();
  }

  /** The content octets of the next element. */
  content(expected: number): Buffer {
    this.#expect(expected);
    const end = this.#header();
    this.#position = end;
    return this.#bytes.subarray(this.#contentStart, end);
  }

  /** A cursor over the inside of the next element. */
  enter(expected: number): Cursor {
    this.#expect(expected);
    const end = this.#header();
    this.#position = end;
    return new Cursor(this.#bytes, this.#contentStart, end);
  }

  /** As `enter`, or undefined when the next element has another tag or there is none. */
  enterOptional(expected: number): Cursor | undefined {
    return this.at(expected) ? this.enter(expected) : undefined;
  }

  sequence(): Cursor {
    return this.enter(tag.sequence);
  }

  set(): Cursor {
    return this.enter(tag.set);
  }

  /** The inside of `[n] EXPLICIT`, or undefined when absent. */
  explicit(n: number): Cursor | undefined {
    return this.enterOptional(contextConstructed(n));
  }

  skip(): void {
    this.#position = this.#header();
  }

  /** Refuses trailing bytes. */
  end(): void {
    if (this.#position !== this.#end) throw new DerError('trailing', this.#position);
  }

  /** All that is left, as bytes. */
  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#position, this.#end);
    this.#position = this.#end;
    return rest;
  }

  /** Reads every remaining element with `read`. */
  each<T>(read: (cursor: Cursor) => T): T[] {
    const items: T[] = [];
    while (!this.isEmpty) items.push(read(this));
    return items;
  }

  /** The two's complement content octets of an INTEGER, checked to be minimal. */
  integer(expected: number = tag.integer): Buffer {
    const start = this.#position;
    const content = this.content(expected);
    if (content.length === 0) throw new DerError('bad-value', start, 'Empty INTEGER.');
    if (content.length > 1) {
      const first = content[0] as number;
      const second = content[1] as number;
      if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
        throw new DerError('bad-value', start, 'INTEGER is not minimal.');
      }
    }
    return content;
  }

  /** An INTEGER or ENUMERATED of at most 6 octets as a number; larger ones are `bad-value`. */
  smallInteger(expected: number = tag.integer): number {
    const start = this.#position;
    const content = this.integer(expected);
    if (content.length > 6) throw new DerError('bad-value', start, 'INTEGER is too large here.');
    return content.readIntBE(0, content.length);
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(expected: number = tag.oid): string {
    this.#expect(expected);
    const end = this.#header();
    this.#position = end;
    return oidFromContent(this.#bytes, this.#contentStart, end);
  }

  octetString(expected: number = tag.octetString): Buffer {
    return this.content(expected);
  }

  bitString(expected: number = tag.bitString): BitString {
    const start = this.#position;
    const content = this.content(expected);
    const unusedBits = content[0] ?? 8;
    const last = content.length > 1 ? (content[content.length - 1] as number) : 0;
    if (unusedBits > 7 || (content.length === 1 && unusedBits !== 0) || (last & ((1 << unusedBits) - 1)) !== 0) {
      throw new DerError('bad-value', start, 'BIT STRING padding.');
    }
    return { unusedBits, bytes: content.subarray(1) };
  }

  /** A BIT STRING that must hold whole octets (keys, signatures). */
  bitStringOctets(expected: number = tag.bitString): Buffer {
    const start = this.#position;
    const { unusedBits, bytes } = this.bitString(expected);
    if (unusedBits !== 0) throw new DerError('bad-value', start, 'BIT STRING must hold whole octets.');
    return bytes;
  }

  boolean(expected: number = tag.boolean): boolean {
    const start = this.#position;
    const content = this.content(expected);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('bad-value', start, 'BOOLEAN.');
    return content[0] === 0xff;
  }

  null(expected: number = tag.null): void {
    const start = this.#position;
    if (this.content(expected).length !== 0) throw new DerError('bad-value', start, 'NULL with content.');
  }

  /** A character string of any of the types `decodeText` knows. */
  text(): string {
    const start = this.#position;
    const type = this.peekTag();
    return decodeText(type, this.content(type), start);
  }

  /** UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 restricts them. */
  time(): Date {
    const start = this.#position;
    return this.at(tag.utcTime) ? parseUtcTime(this.content(tag.utcTime), start) : this.generalizedTime();
  }

  generalizedTime(expected: number = tag.generalizedTime): Date {
    const start = this.#position;
    return parseGeneralizedTime(this.content(expected), start);
  }

  #expect(expected: number): void {
    if (!this.at(expected)) {
      const found = this.peekTag();
      const was = found < 0 ? 'nothing' : `0x${found.toString(16)}`;
      throw new DerError(found < 0 ? 'truncated' : 'bad-tag', this.#position, `Expected 0x${expected.toString(16)}, found ${was}.`);
    }
  }

  /** Reads tag and length at the position; sets `#contentStart`, returns the end of the content. */
  #header(): number {
    const bytes = this.#bytes;
    let at = this.#position;
    if (at + 2 > this.#end) throw new DerError('truncated', at);
    if (((bytes[at] as number) & 0x1f) === 0x1f) throw new DerError('bad-tag', at, 'Long tags are not used.');
    if (bytes[at] === 0) throw new DerError('bad-tag', at, 'Tag 0 is reserved.');
    at += 1;
    let length = bytes[at] as number;
    at += 1;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw new DerError('bad-length', at - 1);
      if (at + count > this.#end) throw new DerError('truncated', at);
      length = bytes.readUIntBE(at, count);
      if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError('bad-length', at - 1);
      at += count;
    }
    if (at + length > this.#end) throw new DerError('truncated', this.#position);
    this.#contentStart = at;
    return at + length;
  }
}
