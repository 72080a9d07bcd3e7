/** By these JavaScript makes texts and numbers of objects. */
export const conversions = ['toString', 'valueOf', 'toJSON'] as const;

/**
 * Whether something in a parsed JSON value, however deep, has a member named like what objects are converted by. No schema of ours has one,
 * and a library that compares such an object, taking it for a text with a length, throws instead of refusing it.
 */
export function shadowsConversion(value: unknown): boolean {
  const parts = [value];
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) continue;
    if (!Array.isArray(part) && conversions.some((name) => Object.hasOwn(part, name))) return true;
    for (const inner of Object.values(part)) parts.push(inner);
  }
  return false;
}
