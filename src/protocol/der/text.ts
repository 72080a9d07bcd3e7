import { DerError } from './fault.js';
import { tag } from './tag.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ascii = /^[\x20-\x7e]*$/;
const loneSurrogate = /\p{Surrogate}/u;
const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

function utf16be(content: Buffer, offset: number): string {
  const text = Buffer.from(content).swap16().toString('utf16le');
  if (loneSurrogate.test(text)) throw new DerError('bad-value', offset, 'BMPString.');
  return text;
}

function utf32be(content: Buffer, offset: number): string {
  let text = '';
  for (let at = 0; at < content.length; at += 4) {
    const point = content.readUInt32BE(at);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw new DerError('bad-value', offset, 'UniversalString.');
    text += String.fromCodePoint(point);
  }
  return text;
}

function isAscii(content: Buffer): boolean {
  for (let at = 0; at < content.length; at += 1) if ((content[at] as number) >= 0x80) return false;
  return true;
}

/** The text of a character string; 7-bit types are read as Latin-1, as field devices fill them. Throws `bad-value` on bytes that are no text. */
export function decodeText(type: number, content: Buffer, offset = 0): string {
  switch (type) {
    case tag.utf8String:
      if (isAscii(content)) return content.toString('latin1');
      try {
        return utf8.decode(content);
      } catch {
        throw new DerError('bad-value', offset, 'UTF8String.');
      }
    case tag.printableString:
    case tag.ia5String:
    case tag.teletexString:
    case tag.visibleString:
    case tag.numericString:
      return content.toString('latin1');
    case tag.bmpString:
      if (content.length % 2 !== 0) throw new DerError('bad-value', offset, 'BMPString.');
      return utf16be(content, offset);
    case tag.universalString:
      if (content.length % 4 !== 0) throw new DerError('bad-value', offset, 'UniversalString.');
      return utf32be(content, offset);
    default:
      throw new DerError('bad-tag', offset, 'Not a character string.');
  }
}

/** True when every character is in PrintableString's set (X.680 section 41.4). */
export function isPrintable(text: string): boolean {
  return printable.test(text);
}

/** True when every character is visible ASCII or the space: what IA5String is good for in names and addresses. */
export function isVisibleAscii(text: string): boolean {
  return ascii.test(text);
}
