import { createOutbound, type OutboundAnswer, type OutboundSettings } from '../outbound.js';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Behind the base URL, with a leading slash; variable parts already encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `notSent`: not a byte of the request left this machine. `lost`: it may have arrived, but no complete answer came back. */
export type HttpOutcome = HttpAnswer | { readonly kind: 'notSent' | 'lost'; readonly reason: string };

export interface HttpAnswer extends OutboundAnswer {
  /** An earlier copy of the request went out and may have been carried out, whatever this answer says. */
  readonly mayBeDone?: true;
}

/** One request under the caller's deadline; never rejects, never follows redirects, never reads more than 1 MiB. */
export type HttpClient = (request: HttpRequest, deadline: AbortSignal) => Promise<HttpOutcome>;

export type HttpSettings = Pick<OutboundSettings, 'trustedCa' | 'concurrency' | 'guard'> & { readonly url: string };

export function createHttpClient({ url, ...settings }: HttpSettings): HttpClient {
  const base = url.replace(/\/+$/, '');
  const outbound = createOutbound(settings);
  return ({ path, ...asked }, deadline) => outbound.send({ ...asked, url: `${base}${path}`, route: routeOf(path) }, deadline);
}

/** Crypto Engine API v1, with the ids in its paths left out. */
function routeOf(path: string): string {
  return path
    .replace(/^\/v1\/cas\/[^/]+/, '/v1/cas/*')
    .replace(/\/certificates\/[^/]+/, '/certificates/*')
    .replace(/^\/v1\/operations\/[^/]+/, '/v1/operations/*');
}
