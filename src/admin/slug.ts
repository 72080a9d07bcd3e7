import { randomInt } from 'node:crypto';
import type { Result } from '../runtime/result.js';
import type { WriteFault } from '../tenancy/ports.js';

/** A URL segment from a name: `Wi-Fi for Müller & Co.` -> `wi-fi-for-muller-co`. Names without a Latin letter or digit give `fallback`. */
export function slugOf(name: string, fallback: string, max = 48): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, max)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? fallback : slug;
}

/** Stores under `slug`, then `slug-2` ... `slug-9`, then with a random suffix, until the value of `field` is free. */
export async function withFreeSlug<T>(slug: string, field: string, store: (slug: string) => Promise<Result<T, WriteFault>>): Promise<Result<T, WriteFault>> {
  const suffixes = ['', '-2', '-3', '-4', '-5', '-6', '-7', '-8', '-9', `-${randomInt(1e6, 1e7)}`];
  let result = await store(slug);
  for (const suffix of suffixes.slice(1)) {
    if (result.ok || result.error.kind !== 'conflict' || result.error.field !== field) break;
    result = await store(`${slug}${suffix}`);
  }
  return result;
}
