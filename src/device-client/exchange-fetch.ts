import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch as undiciFetch } from 'undici';

/** One HTTP exchange; `fetch` itself unless something else is said. */
export type ExchangeFetch = (url: URL | string, init: RequestInit) => Promise<Pick<Response, 'status' | 'headers' | 'arrayBuffer'>>;

/** A way to ask a server of this process at its own address, and to end the connections afterwards. */
export interface OwnServerFetch {
  readonly fetch: ExchangeFetch;
  close(): Promise<void>;
}

/**
 * Speaks to our own listener by its loopback address. The certificate of a TLS listener names the host that devices know, so it is not
 * verified here: the bytes do not leave this machine, and the messages protect themselves as they must over plain HTTP.
 */
export function ownServerFetch(): OwnServerFetch {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  return {
    fetch: (url, init) => undiciFetch(url, { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher }) as ReturnType<ExchangeFetch>,
    close: () => dispatcher.close(),
  };
}

/**
 * Asks again, for at most `patienceMs`, while the server has no such endpoint (404) or one that is not ready (503): another process of
 * the same node hears of a new profile a moment later.
 */
export function patientFetch(fetch: ExchangeFetch, patienceMs: number): ExchangeFetch {
  return async (...request) => {
    for (const until = performance.now() + patienceMs; ; await sleep(againAfterMs)) {
      const answer = await fetch(...request);
      if ((answer.status !== 404 && answer.status !== 503) || performance.now() > until) return answer;
      await answer.arrayBuffer();
    }
  };
}

const againAfterMs = 100;
