import { Cursor, guarded, isOid } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { buildRdns, type Name } from './name.js';
import { typesByShortName } from './name-types.js';

type TypedAttribute = readonly [type: string, value: string | Buffer];

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A name from what people type: `/CN=a/O=b` (OpenSSL, wire order) or `CN=a,O=b` (RFC 4514, last relative name first);
 * `+` joins attributes of one relative name, `\,` and `\2c` escape, `#` and hexadecimal give a whole encoding.
 * Reads what `nameToText` writes. The error names the part that is no attribute.
 */
export function nameFromText(text: string): Result<Name, string> {
  const isSlashed = text.startsWith('/');
  const parts = isSlashed ? splitUnescaped(text.slice(1), '/') : splitUnescaped(text, ',').reverse();
  const rdns: TypedAttribute[][] = [];
  for (const part of parts.filter((item) => item.trim() !== '')) {
    const rdn: TypedAttribute[] = [];
    for (const item of splitUnescaped(part, '+')) {
      const attribute = readAttribute(item);
      if (attribute === undefined) return fail(`"${item.trim()}" is not a name attribute like CN=device-1.`);
      rdn.push(attribute);
    }
    rdns.push(rdn);
  }
  return ok(buildRdns(rdns));
}

function readAttribute(text: string): TypedAttribute | undefined {
  const equals = text.indexOf('=');
  const label = text.slice(0, Math.max(equals, 0)).trim();
  const type = isOid(label) ? label : typesByShortName.get(label.toLowerCase());
  if (type === undefined) return undefined;
  const raw = trimUnescaped(text.slice(equals + 1));
  const value = raw.startsWith('#') ? encodingOf(raw.slice(1)) : unescaped(raw);
  return value === undefined ? undefined : [type, value];
}

const isBlank = (character: string | undefined): boolean => character !== undefined && ' \t\r\n'.includes(character);

/** Takes off what people type around a value; other kinds of space belong to it. */
function trimUnescaped(text: string): string {
  let [start, end] = [0, text.length];
  while (isBlank(text[start])) start += 1;
  while (end > start && isBlank(text[end - 1])) end -= 1;
  let backslashes = 0;
  while (text[end - 1 - backslashes] === '\\') backslashes += 1;
  return text.slice(start, backslashes % 2 === 1 ? end + 1 : end);
}

function encodingOf(hex: string): Buffer | undefined {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) return undefined;
  const bytes = Buffer.from(hex, 'hex');
  const isOneElement = guarded(() => {
    const cursor = new Cursor(bytes);
    cursor.skip();
    cursor.end();
  });
  return isOneElement.ok ? bytes : undefined;
}

/** Escaped pairs of hexadecimal digits are octets of UTF-8; any other escaped character stands for itself. */
function unescaped(text: string): string | undefined {
  const octets = text.replace(/\\([0-9a-f]{2})|\\?(.)/gisu, (_, hex: string | undefined, plain: string | undefined) =>
    hex === undefined ? Buffer.from(plain ?? '', 'utf8').toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return utf8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    return undefined;
  }
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [''];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] as string;
    if (character === '\\') {
      parts[parts.length - 1] += character + (text[at + 1] ?? '');
      at += 1;
    } else if (character === separator) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}
