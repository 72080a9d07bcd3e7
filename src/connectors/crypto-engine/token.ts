import { fail, ok, type Result } from '../../runtime/result.js';
import type { Secret } from '../../runtime/secret.js';
import type { HttpClient } from './http.js';
import { readJson, scopes, tokenAnswer, tokenFault } from './wire.js';

export interface TokenSource {
  /** A bearer token, or in words why there is none. */
  get(deadline: AbortSignal): Promise<Result<string, string>>;
  /** The engine refused this token: the next `get` asks for a new one. */
  drop(token: string): void;
}

/** Where a token server of its own stands before the engine. */
export interface TokenSettings {
  /** Behind the base URL of `http`. */
  readonly path?: string | undefined;
  /** Separated by spaces. */
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  /** RFC 6749 section 2.3.1: HTTP Basic, or in the form. */
  readonly clientAuth?: 'basic' | 'post' | undefined;
}

interface Kept {
  readonly result: Result<string, string>;
  /** Monotonic, milliseconds. */
  readonly until: number;
}

const defaultLifeSeconds = 60;
/** A refused client must not hammer the token endpoint with every order. */
const failureMs = 2_000;

/**
 * OAuth 2.0 client credentials (RFC 6749 section 4.4): one token for all callers, asked for once at a time, renewed at half its
 * life or 30 seconds before its end, whichever is later. It lives in memory only.
 */
export function createTokenSource(http: HttpClient, clientId: string, clientSecret: Secret, settings: TokenSettings = {}): TokenSource {
  const { path = '/oauth2/token', scope = scopes, audience, clientAuth = 'basic' } = settings;
  let kept: Kept | undefined;
  let underWay: Promise<Result<string, string>> | undefined;

  async function ask(deadline: AbortSignal): Promise<Result<string, string>> {
    const form = {
      grant_type: 'client_credentials',
      scope,
      ...(audience !== undefined && { audience }),
      ...(clientAuth === 'post' && { client_id: clientId, client_secret: clientSecret.reveal() }),
    };
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      ...(clientAuth === 'basic' && { authorization: basic(clientId, clientSecret) }),
    };
    const answer = await http({ method: 'POST', path, headers, body: new URLSearchParams(form).toString() }, deadline);
    if (answer.kind !== 'answered') return fail(`No access token: ${answer.reason}`);
    if (answer.status !== 200) return fail(refusal(answer.status, answer.body));
    const token = readJson(tokenAnswer, answer.body);
    if (token === undefined || token.token_type.toLowerCase() !== 'bearer') return fail('The token endpoint sent no bearer token.');
    const life = token.expires_in ?? defaultLifeSeconds;
    kept = { result: ok(token.access_token), until: performance.now() + Math.max(life / 2, life - 30) * 1000 };
    return kept.result;
  }

  async function askOnce(deadline: AbortSignal): Promise<Result<string, string>> {
    const result = await ask(deadline);
    if (!result.ok) kept = { result, until: performance.now() + failureMs };
    return result;
  }

  return {
    async get(deadline) {
      if (kept !== undefined && performance.now() < kept.until) return kept.result;
      underWay ??= askOnce(deadline).finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    drop(token) {
      if (kept?.result.ok === true && kept.result.value === token) kept = undefined;
    },
  };
}

/** Both parts are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function basic(clientId: string, clientSecret: Secret): string {
  const encoded = [clientId, clientSecret.reveal()].map((part) => new URLSearchParams({ '': part }).toString().slice(1)).join(':');
  return `Basic ${Buffer.from(encoded).toString('base64')}`;
}

function refusal(status: number, body: Buffer): string {
  const fault = readJson(tokenFault, body);
  const detail = fault === undefined ? `HTTP ${status}` : [fault.error, fault.error_description].filter(Boolean).join(': ');
  return `The token endpoint refused the client (${detail}).`;
}
