import { mediaTypes } from '../protocol/scep/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { ExchangeFetch } from './exchange-fetch.js';

/** Where a SCEP server is, and how it is spoken to. */
export interface ScepTransportOptions {
  readonly url: string;
  /** For one HTTP exchange, milliseconds. */
  readonly timeoutMs?: number;
  /** Sends messages by GET also where POST is offered, as certmonger and Cisco IOS do. */
  readonly isGetOnly?: boolean;
  /** Sent as `message` of GetCACaps and GetCACert, as Junos and IOS do. */
  readonly caIdentifier?: string;
  /** In place of `fetch`. */
  readonly fetch?: ExchangeFetch;
}

export interface ScepAnswer {
  readonly status: number;
  readonly mediaType: string;
  readonly body: Buffer;
}

/**
 * One exchange of an operation (RFC 8894 section 4.1): by POST with a pkiMessage where the server is known to take it, else by GET. The fault
 * is a sentence for people: nobody answered in time, or not at all.
 */
export async function exchangeScep(
  { url: base, timeoutMs = 30_000, isGetOnly, caIdentifier, fetch: exchange = fetch }: ScepTransportOptions,
  operation: string,
  post?: { readonly message: Buffer; readonly isPostTaken: boolean },
): Promise<Result<ScepAnswer, string>> {
  const url = new URL(base);
  url.searchParams.set('operation', operation);
  const isPost = post?.isPostTaken === true && isGetOnly !== true;
  if (post !== undefined && !isPost) url.searchParams.set('message', post.message.toString('base64'));
  if (post === undefined && caIdentifier !== undefined) url.searchParams.set('message', caIdentifier);
  const headers: Record<string, string> = { 'User-Agent': 'gatehouse', ...(isPost && { 'Content-Type': mediaTypes.pkiMessage }) };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const body = isPost ? { method: 'POST', body: post.message as Uint8Array<ArrayBuffer> } : {};
    const response = await exchange(url, { headers, signal, redirect: 'error', ...body });
    return ok({ status: response.status, mediaType: response.headers.get('content-type') ?? '', body: Buffer.from(await response.arrayBuffer()) });
  } catch (error) {
    return fail(`${url.origin} could not be asked: ${reasonOf(error)}`);
  }
}

/** fetch hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
