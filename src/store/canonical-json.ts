import { storableText } from './text.js';

/**
 * JSON in its canonical form (RFC 8785): no white space, members sorted by UTF-16 code units, numbers and strings as ECMAScript
 * writes them. Members without a value are left out; anything JSON has no word for throws.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(storableText(value));
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') return canonicalObject(value);
  throw new TypeError(`JSON has no ${typeof value}.`);
}

/** As `canonicalJson`, four times as fast, of a flat object whose members stand in order already. */
export function orderedJson(value: Readonly<Record<string, string | number | boolean | null | undefined>>): string {
  const text = JSON.stringify(value);
  return text.includes('\\u') ? canonicalJson(value) : text;
}

function canonicalObject(value: object): string {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(storableText(name))}:${canonicalJson(member)}`).join(',')}}`;
}
