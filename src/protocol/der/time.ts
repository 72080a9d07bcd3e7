import { DerError } from './fault.js';
import { tag } from './tag.js';

function parse(text: string, pattern: RegExp, offset: number): Date {
  const match = pattern.exec(text);
  if (match === null) throw new DerError('bad-value', offset, 'Time form.');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, number, number, number, number, number];
  const fullYear = text.length === 13 ? year + (year < 50 ? 2000 : 1900) : year;
  const time = new Date(0);
  time.setUTCFullYear(fullYear, month - 1, day);
  time.setUTCHours(hour, minute, second, 0);
  const exact = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && time.getUTCHours() === hour && time.getUTCSeconds() === second;
  if (!exact || minute > 59) throw new DerError('bad-value', offset, 'No such time.');
  return time;
}

/** `YYMMDDHHMMSSZ`, years 1950..2049 (RFC 5280 section 4.1.2.5.1). */
export function parseUtcTime(content: Buffer, offset = 0): Date {
  return parse(content.toString('latin1'), /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, offset);
}

/** `YYYYMMDDHHMMSSZ`, no fraction (RFC 5280 section 4.1.2.5.2). */
export function parseGeneralizedTime(content: Buffer, offset = 0): Date {
  return parse(content.toString('latin1'), /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, offset);
}

/** Throws `RangeError` on what the four digits of a year cannot say. */
function digits(time: Date): string {
  const year = time.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new RangeError('A time in ASN.1 lies in the years 0 to 9999.');
  const iso = time.toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
}

function element(type: number, text: string): Buffer {
  const bytes = Buffer.allocUnsafe(text.length + 2);
  bytes[0] = type;
  bytes[1] = text.length;
  bytes.write(text, 2, 'latin1');
  return bytes;
}

export function generalizedTime(time: Date): Buffer {
  return element(tag.generalizedTime, digits(time));
}

/** `Time` of certificates and CRLs: UTCTime through 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
export function certificateTime(time: Date): Buffer {
  const year = time.getUTCFullYear();
  return year >= 1950 && year < 2050 ? element(tag.utcTime, digits(time).slice(2)) : generalizedTime(time);
}
