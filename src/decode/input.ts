import { fail, ok, type Result } from '../runtime/result.js';
import { maxInputBytes } from './bounds.js';

export interface CapturedInput {
  readonly bytes: Buffer;
  /** In which form it came, for people. */
  readonly form: 'binary' | 'PEM' | 'hexadecimal' | 'base64' | 'the query string of a GET';
}

/**
 * The message in what somebody captured: binary, PEM (the first object of any label but a private key), hexadecimal (with colons, spaces
 * and lines), base64 or base64url, or a line with the query string of a GET (`...?operation=PKIOperation&message=...`, as it stands in
 * access logs). The error is a sentence.
 */
export function readInput(input: Buffer): Result<CapturedInput, string> {
  if (input.length === 0) return fail('There is nothing to decode.');
  if (input.length > maxInputBytes) return fail(`More than ${maxInputBytes} bytes are not read.`);
  return isText(input) ? readTextInput(input.toString('latin1')) : ok({ bytes: input, form: 'binary' });
}

function isText(bytes: Buffer): boolean {
  return bytes.every((octet) => (octet >= 0x20 && octet < 0x7f) || (octet >= 0x09 && octet <= 0x0d));
}

/** As `readInput`, for what can only be text. */
export function readTextInput(input: string): Result<CapturedInput, string> {
  const text = input.trim();
  if (text === '') return fail('There is nothing to decode.');
  if (text.length > maxInputBytes) return fail(`More than ${maxInputBytes} characters are not read.`);
  if (text.includes('-----BEGIN ')) return readPem(text);
  const query = /(?:^|[?&\s"'])message=([^&\s"']*)/i.exec(text)?.[1];
  if (query !== undefined) return found(unescaped(query), 'the query string of a GET', 'The message of the query string is not base64.');
  const hex = text.replace(/[\s:]/g, '').replace(/^0x/i, '');
  if (hex.length % 2 === 0 && !/[^0-9a-f]/i.test(hex)) return ok({ bytes: Buffer.from(hex, 'hex'), form: 'hexadecimal' });
  return found(unescaped(text), 'base64', 'The text is neither PEM nor hexadecimal nor base64, and no query string with message=.');
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*)-----END \1-----/;

function readPem(text: string): Result<CapturedInput, string> {
  const match = pemBlock.exec(text);
  if (match === null) return fail('The PEM text has no whole object in it.');
  const [, label = '', body = ''] = match;
  return label.endsWith('PRIVATE KEY') ? fail('That is a private key, which is not for showing.') : found(body, 'PEM', 'The PEM text is not base64.');
}

function found(base64: string | undefined, form: CapturedInput['form'], fault: string): Result<CapturedInput, string> {
  const bytes = base64 === undefined ? undefined : base64Bytes(base64);
  return bytes === undefined ? fail(fault) : ok({ bytes, form });
}

/** Exact base64 or base64url, padded or not, in lines or not; a proxy makes spaces of plus signs. */
function base64Bytes(text: string): Buffer | undefined {
  const plain = unpadded(
    text
      .replace(/[\r\n\t\v\f]/g, '')
      .replace(/[ -]/g, '+')
      .replace(/_/g, '/'),
  );
  const bytes = Buffer.from(plain, 'base64');
  return bytes.length > 0 && unpadded(bytes.toString('base64')) === plain ? bytes : undefined;
}

/** Not by a regular expression: looking for "=" at the end takes the square of the time where many stand before it. */
function unpadded(text: string): string {
  let end = text.length;
  while (text[end - 1] === '=') end -= 1;
  return text.slice(0, end);
}

/** Percent-encoded once, or twice behind some proxies. */
function unescaped(text: string): string | undefined {
  let plain = text;
  for (let round = 0; round < 2 && plain.includes('%'); round += 1) {
    try {
      plain = decodeURIComponent(plain);
    } catch {
      return undefined;
    }
  }
  return plain;
}
