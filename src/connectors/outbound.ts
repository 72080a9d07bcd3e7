import { createSecureContext, TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, request } from 'undici';
import type { Secret } from '../runtime/secret.js';
import { type AddressGuard, guardedLookup, isHostAllowed, notAllowed } from './address-guard.js';
import { noteExchange, routeOf } from './exchanges.js';
import { outboundFault } from './outbound-fault.js';

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** http or https, without credentials. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** The path as logs show it (`/v1/cas/*\/chain`); by default made of the URL's path. */
  readonly route?: string;
  /** Where this answer may be longer than the others. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface OutboundAnswer {
  readonly kind: 'answered';
  /** A redirect is an answer like any other: it is never followed. */
  readonly status: number;
  /** By lower-case name; the first where there are several. */
  header(name: string): string | undefined;
  readonly body: Buffer;
}

/** `notSent`: not a byte of the request left this machine. `lost`: it may have arrived, but no complete answer came back. */
export type OutboundOutcome = OutboundAnswer | { readonly kind: 'notSent' | 'lost'; readonly reason: string };

export interface Outbound {
  /** One request under the caller's deadline, name look-up and connection included; never rejects. */
  send(request: OutboundRequest, deadline: AbortSignal): Promise<OutboundOutcome>;
  /** Lets requests under way end and closes the connections. */
  close(): void;
}

export interface OutboundSettings {
  readonly guard: AddressGuard;
  /** Connections at once. */
  readonly concurrency: number;
  /** PEM of the CAs that the server's TLS certificate must chain to; the system's list when absent. */
  readonly trustedCa?: string | undefined;
  /** What this side shows in TLS: certificate with its chain in PEM, key in PEM. */
  readonly identity?: { readonly certificates: string; readonly key: Secret } | undefined;
  /** The name the server's certificate must have, where it is not the host's. */
  readonly serverName?: string | undefined;
  /** Longer answers are cut off and count as lost; 1 MiB where absent. */
  readonly maxAnswerBytes?: number;
}

const defaultAnswerBytes = 1024 * 1024;
const connectMs = 5_000;
/** Above every deadline a connector can be given: the deadline ends a call, this only what has lost its caller. */
const silenceMs = 660_000;

/**
 * The one way out for every connector: speaks only to addresses that the guard lets through (the address checked is the address
 * connected to), follows no redirects, reads bounded answers, wants TLS 1.2 or newer and a certificate that verifies. Each request is
 * noted for the connector's log.
 */
export function createOutbound(settings: OutboundSettings): Outbound {
  const peer: Peer = { fingerprint: null };
  /** By the longest answer that each reads. */
  const agents = new Map<number, Agent>();
  const usualBytes = settings.maxAnswerBytes ?? defaultAnswerBytes;

  function agentFor(maxAnswerBytes: number): Agent {
    const known = agents.get(maxAnswerBytes);
    if (known !== undefined) return known;
    const made = agentOf(settings, maxAnswerBytes, peer);
    agents.set(maxAnswerBytes, made);
    return made;
  }

  async function answerTo(asked: OutboundRequest, url: URL, sent: { hasBegun: boolean }, signal: AbortSignal): Promise<OutboundAnswer> {
    const { method, headers = {}, body = null, maxAnswerBytes = usualBytes } = asked;
    const agent = agentFor(maxAnswerBytes);
    const all = { accept: 'application/json', 'user-agent': 'Gatehouse', ...headers };
    const answer = await request(url, { method, headers: all, body, signal, dispatcher: agent.compose(noteBeginning(sent)) });
    return { kind: 'answered', status: answer.statusCode, header: headerOf(answer.headers), body: Buffer.from(await answer.body.arrayBuffer()) };
  }

  async function outcomeOf(asked: OutboundRequest, url: URL, deadline: AbortSignal): Promise<OutboundOutcome> {
    if (!isHostAllowed(settings.guard, url.hostname)) return { kind: 'notSent', reason: notAllowed(url.hostname).message };
    const sent = { hasBegun: false };
    try {
      return await answerTo(asked, url, sent, deadline);
    } catch (error) {
      return { kind: sent.hasBegun ? 'lost' : 'notSent', reason: outboundFault(error, url.hostname, deadline) };
    }
  }

  return {
    async send(asked, deadline) {
      const url = readUrl(asked.url);
      if (url === undefined) return { kind: 'notSent', reason: 'The address is no http or https URL, or holds credentials.' };
      const begun = performance.now();
      const outcome = await outcomeOf(asked, url, deadline);
      const status = outcome.kind === 'answered' ? outcome.status : null;
      const route = asked.route ?? routeOf(url.pathname);
      noteExchange({ method: asked.method, route, status, ms: Math.round(performance.now() - begun), peer: peer.fingerprint });
      return outcome;
    },
    close() {
      for (const agent of agents.values()) agent.close().catch(() => undefined);
    },
  };
}

function readUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return url.username === '' && url.password === '' ? url : undefined;
}

interface Peer {
  fingerprint: string | null;
}

/** Throws where a certificate or key in the settings cannot be read. */
function agentOf({ guard, concurrency, trustedCa, identity, serverName }: OutboundSettings, maxResponseSize: number, peer: Peer): Agent {
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(trustedCa !== undefined && { ca: trustedCa }),
    ...(identity !== undefined && { cert: identity.certificates, key: identity.key.reveal() }),
  });
  const name = serverName === undefined ? {} : { servername: serverName };
  const connect = buildConnector({ secureContext, timeout: connectMs, lookup: guardedLookup(guard), ...name });
  return new Agent({
    connections: concurrency,
    maxResponseSize,
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
    connect: (options, callback) => connect(options, notingPeer(peer, callback)),
  });
}

function notingPeer(peer: Peer, callback: buildConnector.Callback): buildConnector.Callback {
  return (...result) => {
    const [, socket] = result;
    if (socket instanceof TLSSocket) peer.fingerprint = socket.getPeerX509Certificate()?.fingerprint256 ?? null;
    callback(...result);
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

function headerOf(headers: Readonly<Record<string, string | string[] | undefined>>): OutboundAnswer['header'] {
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}
