import { z } from 'zod';
import { statuses } from '../tenancy/profile.js';

/** Fields that several resources share. */
export const idSchema = z.guid();
export const idParams = z.strictObject({ id: idSchema.describe('Id of the object') });
export const statusSchema = z.enum(statuses);

const hasControlCharacters = (text: string): boolean => /\p{Cc}/u.test(text);

/** One line of text: no control characters, no space at either end. */
export function lineSchema(max: number) {
  return z
    .string()
    .trim()
    .max(max)
    .refine((text) => !hasControlCharacters(text), 'Must not contain control characters');
}

export const nameSchema = lineSchema(100).min(1, 'Must not be empty').describe('Name shown to operators');
export const descriptionSchema = z.string().max(2000).describe('What it is for');

/** RFC 3339, UTC. */
export const timeSchema = z.string().meta({ format: 'date-time' });

/** RFC 3339 with any offset, of the years that every part of the house can write down. */
export const timeTextSchema = z.iso
  .datetime({ offset: true, error: 'Must be a time such as 2026-01-31T12:00:00Z' })
  .refine(isWithinYears, 'Must be a time of the years 1 to 9999');

function isWithinYears(text: string): boolean {
  const year = new Date(text).getUTCFullYear();
  // What is no time at all is told once, by its form.
  return Number.isNaN(year) || (year >= 1 && year <= 9999);
}

/** The same as a query parameter. */
export const instantSchema = timeTextSchema.transform((text) => new Date(text));
/** `true` or `false` as a query parameter. */
export const flagSchema = z.enum(['true', 'false']).transform((text) => text === 'true');

export const secretStateSchema = z
  .object({ set: z.boolean(), updatedAt: timeSchema.nullable() })
  .meta({ id: 'SecretState', description: 'A secret can be written, never read: only whether it is set, and since when.' });

export function secretState(updatedAt: Date | null | undefined): { set: boolean; updatedAt: string | null } {
  return { set: updatedAt !== null && updatedAt !== undefined, updatedAt: updatedAt?.toISOString() ?? null };
}

/** An absolute http or https URL without query, fragment or credentials, nor signs that a URL must escape; stored without a slash at the end. */
export const baseUrlSchema = z
  .string()
  .trim()
  .max(500)
  .refine(isBaseUrl, 'Must be an http or https URL without query, fragment, credentials, spaces, quotes, angle brackets or backslashes')
  .transform((text) => text.replace(/\/+$/, ''));

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === '' && url.password === '' && !/[?#\s'"<>\\]/.test(text);
}
