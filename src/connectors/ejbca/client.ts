import type { ClientIdentity } from '../../tenancy/client-identity.js';
import type { AddressGuard } from '../address-guard.js';
import { createOutbound, type OutboundAnswer } from '../outbound.js';
import type { ServiceUrls } from './base-url.js';
import { envelope } from './soap.js';

export interface RestCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Behind the REST root, variable parts already encoded: `v1/certificate/status`. */
  readonly path: string;
  /** The same with variable parts left out, for the log. */
  readonly route?: string;
  readonly body?: unknown;
  /** Where the answer may be longer than 1 MiB. */
  readonly maxAnswerBytes?: number;
}

export interface NoAnswer {
  /** `notSent`: EJBCA cannot have read the request. `lost`: it may have. */
  readonly kind: 'notSent' | 'lost';
  readonly reason: string;
}
export type EjbcaOutcome = OutboundAnswer | NoAnswer;

/** EJBCA's services with our client certificate. Never rejects, reads at most 1 MiB where nothing else is said, follows no redirects. */
export interface EjbcaClient {
  rest(call: RestCall, deadline: AbortSignal): Promise<EjbcaOutcome>;
  /** `body`: what stands in the envelope's Body. */
  soap(operation: string, body: string, deadline: AbortSignal, maxAnswerBytes?: number): Promise<EjbcaOutcome>;
  /** A page of the public distribution point, which knows nobody. */
  distributed(query: Readonly<Record<string, string>>, deadline: AbortSignal, maxAnswerBytes?: number): Promise<EjbcaOutcome>;
}

export interface ClientSettings {
  readonly urls: ServiceUrls;
  readonly identity: ClientIdentity | undefined;
  readonly trustedCa?: string | undefined;
  readonly serverName?: string | undefined;
  readonly concurrency: number;
  readonly guard: AddressGuard;
}

/** In TLS 1.3 the server's refusal of a client certificate arrives when the request may be on its way; whoever refuses has not read it. */
const tlsAlert = /\(ERR_SSL_\w*ALERT\w*\)/;

export function createEjbcaClient(settings: ClientSettings): EjbcaClient {
  const { urls, identity, trustedCa, serverName, concurrency, guard } = settings;
  const outbound = createOutbound({ guard, concurrency, trustedCa, serverName, identity });
  const open = createOutbound({ guard, concurrency: 2, trustedCa });
  const unknown: NoAnswer = { kind: 'notSent', reason: 'No client certificate is set; upload the PFX of the RA certificate.' };
  const sent = async (outcome: ReturnType<typeof outbound.send>): Promise<EjbcaOutcome> => {
    const found = await outcome;
    return found.kind === 'lost' && tlsAlert.test(found.reason) ? { kind: 'notSent', reason: found.reason } : found;
  };
  return {
    async rest({ method, path, route = path, body, maxAnswerBytes }, deadline) {
      if (identity === undefined) return unknown;
      const headers = { 'content-type': 'application/json', 'x-keyfactor-requested-with': 'gatehouse' };
      const content = body === undefined ? {} : { body: JSON.stringify(body) };
      return sent(outbound.send({ method, url: `${urls.rest}/${path}`, route: `/ejbca-rest-api/${route}`, headers, maxAnswerBytes, ...content }, deadline));
    },
    async soap(operation, body, deadline, maxAnswerBytes) {
      if (identity === undefined) return unknown;
      const headers = { 'content-type': 'text/xml; charset=utf-8', soapaction: '""', accept: 'text/xml' };
      const call = { method: 'POST', url: urls.soap, route: `/ejbcaws/${operation}`, headers, body: envelope(body), maxAnswerBytes } as const;
      return sent(outbound.send(call, deadline));
    },
    distributed(query, deadline, maxAnswerBytes) {
      const url = `${urls.distribution}?${new URLSearchParams(query)}`;
      const route = `/webdist/certdist ${query.cmd ?? ''}`;
      return open.send({ method: 'GET', url, route, headers: { accept: '*/*' }, maxAnswerBytes }, deadline);
    },
  };
}
