/** By these JavaScript makes texts and numbers of objects. */
const conversions = ['toString', 'valueOf', 'toJSON'] as const;

/**
 * Whether something in a parsed JSON value, at most a few dozen levels deep, has a member named like what objects are converted by. No schema
 * of ours has one, and a library that compares such an object, taking it for a text with a length, throws instead of refusing it.
 */
export function shadowsConversion(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(shadowsConversion);
  return conversions.some((name) => Object.hasOwn(value, name)) || Object.values(value).some(shadowsConversion);
}
