import { AsyncLocalStorage } from 'node:async_hooks';

/** One request that a connector sent out, as the connector's log shows it: never headers, never bodies. */
export interface Exchange {
  readonly method: string;
  /** The path with what varies left out. */
  readonly route: string;
  /** HTTP status, or the reply code of another protocol; null when no answer came. */
  readonly status: number | null;
  readonly ms: number;
  /** SHA-256 of the server's TLS certificate, where there was one. */
  readonly peer: string | null;
}

const current = new AsyncLocalStorage<Exchange[]>();

/** More than a call with its retries ever needs; a loop gone wild must not fill the memory. */
const most = 32;

let watchers = 0;

/**
 * Runs one call of a connector and returns, beside its result, what it sent out meanwhile. Rejects as `work` does. A storage in use makes
 * every promise of the process dearer, those of requests that never leave it too: it is given up whenever nobody watches.
 */
export async function watchExchanges<T>(seen: Exchange[], work: () => Promise<T>): Promise<T> {
  watchers += 1;
  try {
    return await current.run(seen, work);
  } finally {
    watchers -= 1;
    if (watchers === 0) current.disable();
  }
}

/** Notes a request for whoever watches; outside of `watchExchanges` nothing. */
export function noteExchange(exchange: Exchange): void {
  const seen = current.getStore();
  if (seen !== undefined && seen.length < most) seen.push(exchange);
}

const plainSegment = /^[A-Za-z][A-Za-z0-9_.-]{0,39}$/;
const looksLikeId = /^[0-9a-f]{8,}(-[0-9a-f]+)*$/i;

/** A path for the log where the caller names none: without query, and `*` for every part that looks like a value. */
export function routeOf(path: string): string {
  const [bare = ''] = path.split(/[?#]/);
  return bare
    .split('/')
    .map((segment) => (segment === '' || (plainSegment.test(segment) && !looksLikeId.test(segment)) ? segment : '*'))
    .join('/');
}
