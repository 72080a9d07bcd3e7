/** PostgreSQL's text and JSON hold neither U+0000 nor lone surrogates; a device may send both in a name. They become U+FFFD. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is what is looked for
const unstorable = /[\u0000\ud800-\udfff]/gu;

export function storableText(text: string): string {
  return text.search(unstorable) === -1 ? text : text.replace(unstorable, '\ufffd');
}

/**
 * JSON text of `value` with every string in it made storable. JSON writes what is not storable as `\u....`: a text without that has
 * nothing to repair, and need not be made string by string, which takes several times as long.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\u')) return text;
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? storableText(item) : item));
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What is no UUID identifies nothing; PostgreSQL would answer it with an error instead. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
