import { Agent, type Dispatcher, request } from 'undici';
import { type AddressGuard, guardedLookup, isHostAllowed, notAllowed } from '../address-guard.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Behind the base URL, with a leading slash; variable parts already encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `notSent`: not a byte of the request left this machine. `lost`: it may have arrived, but no complete answer came back. */
export type HttpOutcome = HttpAnswer | { readonly kind: 'notSent' | 'lost'; readonly reason: string };

export interface HttpAnswer {
  readonly kind: 'answered';
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: Buffer;
  /** An earlier copy of the request went out and may have been carried out, whatever this answer says. */
  readonly mayBeDone?: true;
}

/** One request under the caller's deadline; never rejects, never follows redirects, never reads more than 1 MiB. */
export type HttpClient = (request: HttpRequest, deadline: AbortSignal) => Promise<HttpOutcome>;

export interface HttpSettings {
  readonly url: string;
  /** PEM of the CA that the server's TLS certificate must chain to; the system's list when absent. */
  readonly trustedCa?: string | undefined;
  readonly concurrency: number;
  readonly guard: AddressGuard;
}

const maxBodyBytes = 1024 * 1024;
const connectMs = 5_000;

export function createHttpClient(settings: HttpSettings): HttpClient {
  const base = settings.url.replace(/\/+$/, '');
  const { hostname } = new URL(base);
  const ca = settings.trustedCa === undefined ? {} : { ca: settings.trustedCa };
  const agent = new Agent({
    connections: settings.concurrency,
    maxResponseSize: maxBodyBytes,
    connect: { ...ca, timeout: connectMs, lookup: guardedLookup(settings.guard), minVersion: 'TLSv1.2' },
  });
  return async ({ method, path, headers = {}, body }, signal) => {
    if (!isHostAllowed(settings.guard, hostname)) return { kind: 'notSent', reason: notAllowed(hostname).message };
    const sent = { hasBegun: false };
    try {
      const answer = await request(`${base}${path}`, {
        method,
        headers: { accept: 'application/json', ...headers },
        body: body ?? null,
        signal,
        dispatcher: agent.compose(noteBeginning(sent)),
      });
      return { kind: 'answered', status: answer.statusCode, header: headerOf(answer.headers), body: Buffer.from(await answer.body.arrayBuffer()) };
    } catch (error) {
      return { kind: sent.hasBegun ? 'lost' : 'notSent', reason: reasonOf(error, signal) };
    }
  };
}

/** undici calls `onRequestStart` when a connection stands and the request is about to be written: before it, nothing was sent. */
function noteBeginning(sent: { hasBegun: boolean }): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(controller, context) {
        sent.hasBegun = true;
        handler.onRequestStart?.(controller, context);
      },
      onResponseStart: (...facts) => handler.onResponseStart?.(...facts),
      onResponseData: (...facts) => handler.onResponseData?.(...facts),
      onResponseEnd: (...facts) => handler.onResponseEnd?.(...facts),
      onResponseError: (...facts) => handler.onResponseError?.(...facts),
    });
}

function headerOf(headers: Readonly<Record<string, string | string[] | undefined>>): HttpAnswer['header'] {
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}

function reasonOf(error: unknown, deadline: AbortSignal): string {
  if (deadline.aborted) return 'The Crypto Engine did not answer in time.';
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const [line = ''] = error.message.split('\n');
  return `${line || error.name}${code}`;
}
