import type { Cursor } from '../der/index.js';

/** The value inside `[n] EXPLICIT`, which must be one element and nothing more; undefined when absent. */
export function optionalExplicit<T>(fields: Cursor, n: number, read: (cursor: Cursor) => T): T | undefined {
  const inside = fields.explicit(n);
  if (inside === undefined) return undefined;
  const value = read(inside);
  inside.end();
  return value;
}
