import { DerError } from './fault.js';
import { tag } from './tag.js';

const dayMs = 86_400_000;

/** Digits and `Z`, nothing else: `digitsOfYear` 2 or 4, then month to second, two digits each. */
function parse(content: Buffer, digitsOfYear: 2 | 4, offset: number): Date {
  if (!isDigitsAndZ(content, digitsOfYear + 10)) throw new DerError('bad-value', offset, 'Time form.');
  const pair = (at: number): number => ((content[at] as number) - 48) * 10 + (content[at + 1] as number) - 48;
  const short = pair(0);
  const year = digitsOfYear === 4 ? short * 100 + pair(2) : short + (short < 50 ? 2000 : 1900);
  const month = pair(digitsOfYear);
  const day = pair(digitsOfYear + 2);
  const [hour, minute, second] = [pair(digitsOfYear + 4), pair(digitsOfYear + 6), pair(digitsOfYear + 8)];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exact = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!exact) throw new DerError('bad-value', offset, 'No such time.');
  return new Date(date.getTime() + (hour * 3600 + minute * 60 + second) * 1000);
}

function isDigitsAndZ(content: Buffer, count: number): boolean {
  if (content.length !== count + 1 || content[count] !== 0x5a) return false;
  for (let at = 0; at < count; at += 1) if ((content[at] as number) < 48 || (content[at] as number) > 57) return false;
  return true;
}

/** `YYMMDDHHMMSSZ`, years 1950..2049 (RFC 5280 section 4.1.2.5.1). */
export function parseUtcTime(content: Buffer, offset = 0): Date {
  return parse(content, 2, offset);
}

/** `YYYYMMDDHHMMSSZ`, no fraction (RFC 5280 section 4.1.2.5.2). */
export function parseGeneralizedTime(content: Buffer, offset = 0): Date {
  return parse(content, 4, offset);
}

const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value));

interface Day {
  /** Days since 1970. */
  readonly number: number;
  readonly text: string;
}

/** Certificates of one hour begin and end on few days. */
let lastDay: Day = { number: 0, text: '19700101' };

function dayText(days: number): string {
  if (days === lastDay.number) return lastDay.text;
  const date = new Date(days * dayMs);
  const text = `${String(date.getUTCFullYear()).padStart(4, '0')}${twoDigits(date.getUTCMonth() + 1)}${twoDigits(date.getUTCDate())}`;
  lastDay = { number: days, text };
  return text;
}

/** Throws `RangeError` on what the four digits of a year cannot say. */
function digits(time: Date): string {
  const year = time.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new RangeError('A time in ASN.1 lies in the years 0 to 9999.');
  return `${dayText(Math.floor(time.getTime() / dayMs))}${twoDigits(time.getUTCHours())}${twoDigits(time.getUTCMinutes())}${twoDigits(time.getUTCSeconds())}Z`;
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
