import type { Eventually } from '../../src/runtime/eventually.js';

/** What is there at once, as the signatures of all keys but ML-DSA are. */
export function atOnce<T>(value: Eventually<T>): T {
  if (value instanceof Promise) throw new Error('It comes later.');
  return value;
}
