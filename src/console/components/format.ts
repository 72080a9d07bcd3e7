import { words } from '../strings/index.js';

const whole = new Intl.NumberFormat('en-GB');
const oneDigit = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1 });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const distance = new Intl.RelativeTimeFormat('en-GB', { numeric: 'auto', style: 'short' });

export const showNumber = (value: number | null | undefined): string => (value === null || value === undefined ? words.common.none : whole.format(value));

/** @param value Per cent, or null when there is nothing to divide. */
export const showPercent = (value: number | null): string => (value === null ? words.common.none : `${oneDigit.format(value)} %`);

/** A duration in the unit a reader would choose. */
export function showDuration(ms: number | null): string {
  if (ms === null) return words.common.none;
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  if (ms < 60_000) return `${oneDigit.format(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${oneDigit.format(ms / 60_000)} min`;
  return `${oneDigit.format(ms / 3_600_000)} h`;
}

export const showTime = (iso: string): string => full.format(new Date(iso));
export const showDay = (iso: string): string => day.format(new Date(iso));

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** How far from now, such as `5 min ago` or `in 3 days`. */
export function showDistance(iso: string, now: number = Date.now()): string {
  const ms = new Date(iso).getTime() - now;
  for (const [unit, size] of units) if (Math.abs(ms) >= size) return distance.format(Math.round(ms / size), unit);
  return ms < 0 ? 'just now' : 'in a moment';
}

/** The total of a list, which is exact up to a limit only. */
export function showTotal({ total, totalIsLowerBound }: { readonly total: number; readonly totalIsLowerBound?: true }): string {
  return totalIsLowerBound === true ? words.common.moreThan(showNumber(total)) : showNumber(total);
}

/** Characters that change the direction or the look of what follows them, or cannot be seen at all. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text from a device or an outside system, with what could deceive a reader written out. */
export function plain(text: string): string {
  return text.replace(unseen, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** Whether this is text in PEM, of one certificate or several. */
export const isPem = (value: unknown): value is string => typeof value === 'string' && value.trimStart().startsWith('-----BEGIN ');

/** Nobody reads PEM: how many there are. */
export const pemText = (pem: string): string => words.common.pemShown(pem.split('-----BEGIN ').length - 1);
