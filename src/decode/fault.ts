import { type DerError, derFaults } from '../protocol/der/index.js';
import { type Field, field, group } from './field.js';
import { openingAt, outlineFields } from './outline.js';
import { byteCount } from './words.js';

/**
 * Where and why reading stopped. `part` names the structure, `start` is where it begins in the message, where that is known: offsets
 * count from the start of what was read.
 */
export function faultField(error: DerError, part: string, start = 0): Field {
  const where = start === 0 ? `at byte ${error.offset}` : `at byte ${error.offset} of the ${part}, which starts at byte ${start}`;
  return field('fault', `${derFaults[error.fault]} ${detailOf(error)}`.trim(), {
    verdict: 'failed',
    note: start === 0 && part !== '' ? `${where} of the ${part}` : where,
  });
}

/** A message that breaks off is the most frequent of all: how much is there, and how much is missing. */
export function cutField(bytes: Buffer): Field[] {
  const whole = openingAt(bytes, 0);
  if (whole?.length === undefined || !whole.isCut) return [];
  const missing = whole.contentStart + whole.length - bytes.length;
  return [field('cut off', `after byte ${bytes.length}`, { verdict: 'failed', note: `${byteCount(missing)} are missing` })];
}

/** The words a reader added, without what stands around them. */
function detailOf(error: DerError): string {
  return error.message
    .replace(derFaults[error.fault], '')
    .replace(/\(at byte \d+\)$/, '')
    .trim();
}

/** Everything that is there when the rest cannot be read. */
export function structureField(bytes: Buffer): Field {
  return group('structure', 'as far as it can be followed', outlineFields(bytes));
}
