import { fail, ok, type Result } from '../../runtime/result.js';

/** The operations of RFC 8894 §4.1; `GetCACertChain` is what draft-18 clients ask for. */
export const operations = ['GetCACaps', 'GetCACert', 'GetCACertChain', 'GetNextCACert', 'PKIOperation'] as const;
export type ScepOperation = (typeof operations)[number];

const operationsByName = new Map(operations.map((operation) => [operation.toLowerCase(), operation]));

export interface ScepQuery {
  /** `absent` and `unknown` are told apart: a POST may leave it out. */
  readonly operation: ScepOperation | 'absent' | 'unknown';
  /** Still percent-encoded: only there can a literal plus be told from a space. */
  readonly message: string | undefined;
}

/** Reads the raw query string (what follows `?`); names match without regard to case, values of `message` stay as they are. */
export function readQuery(query: string): ScepQuery {
  let operation: ScepQuery['operation'] = 'absent';
  let message: string | undefined;
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? '' : part.slice(equals + 1);
    if (name === 'operation') operation = operationsByName.get(value.toLowerCase()) ?? 'unknown';
    if (name === 'message') message = value;
  }
  return { operation, message };
}

/**
 * The message of a GET PKIOperation: base64 (RFC 4648 §4), percent-encoded (RFC 3986) once or, behind some proxies, twice. In the
 * field: literal `+` and `/` (Apple, jscep), `+` made a space by a proxy, 64-column lines (sscep, strongSwan, IOS), base64url
 * (micromdm before #249), missing padding. What is left after those repairs is decoded strictly.
 */
export function decodeGetMessage(value: string): Result<Buffer, 'not-base64'> {
  const once = percentDecode(value);
  const twice = once?.includes('%') ? percentDecode(once) : once;
  if (twice === undefined) return fail('not-base64');
  const text = twice
    .replace(/[\r\n\t\v\f]/g, '')
    .replace(/ /g, '+')
    .replace(/-/g, '+')
    .replace(/_/g, '/')
    .replace(/={1,2}$/, ''); // never /=+$/: 32 kB of '=' before another character would take it 0.3 s
  const bytes = Buffer.from(text, 'base64');
  const isExact = bytes.length > 0 && bytes.toString('base64').replace(/=+$/, '') === text;
  return isExact ? ok(bytes) : fail('not-base64');
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
