import { fail, ok, type Result } from '../../runtime/result.js';
import { createOutbound, type OutboundAnswer, type OutboundOutcome, type OutboundSettings } from '../outbound.js';
import { faultOf, type VaultFault } from './faults.js';
import type { VaultPlace } from './place.js';
import { type AppRole, createTokenSource, type Send } from './token.js';

export interface VaultCall {
  readonly method: 'GET' | 'POST';
  /** Behind the mount, without a leading slash; variable parts already encoded. */
  readonly path: string;
  readonly body?: object;
  /** The path as logs show it. */
  readonly route: string;
  /** Where the answer may be longer than 1 MiB. */
  readonly maxAnswerBytes?: number;
}

export interface VaultClient {
  /** A call of the secrets engine, with a token; an answer of 2xx, or what went wrong. */
  call(call: VaultCall, deadline: AbortSignal): Promise<Result<OutboundAnswer, VaultFault>>;
  /** The health of the server, which needs no token and knows no namespace. */
  health(deadline: AbortSignal): Promise<OutboundOutcome>;
  logIn(deadline: AbortSignal): Promise<Result<string, VaultFault>>;
}

export type VaultSettings = Pick<OutboundSettings, 'trustedCa' | 'concurrency' | 'guard'> & {
  readonly place: VaultPlace;
  readonly appRole: AppRole;
  readonly namespace?: string | undefined;
  readonly monotonicMs: () => number;
};

export function createVaultClient({ place, appRole, namespace, monotonicMs, ...settings }: VaultSettings): VaultClient {
  const outbound = createOutbound(settings);
  const scope: Record<string, string> = namespace === undefined ? {} : { 'x-vault-namespace': namespace };
  const headersFor = (token: string | undefined) => ({
    ...scope,
    // Old proxies in front of Vault let requests through that other sites make; this header, which browsers do not send, is its own guard.
    'x-vault-request': 'true',
    'content-type': 'application/json',
    ...(token !== undefined && { 'x-vault-token': token }),
  });

  const send: Send = (path, body, token, deadline) =>
    outbound.send({ method: 'POST', url: `${place.base}/v1/${path}`, headers: headersFor(token), body: JSON.stringify(body), route: `/v1/${path}` }, deadline);
  const tokens = createTokenSource(send, appRole, monotonicMs);

  async function once({ method, path, body, route, maxAnswerBytes }: VaultCall, deadline: AbortSignal): Promise<Result<Once, VaultFault>> {
    const token = await tokens.get(deadline);
    if (!token.ok) return token;
    const url = `${place.base}/v1/${place.mount}/${path}`;
    const asked = { method, url, headers: headersFor(token.value), route: `/v1/${place.mount}/${route}`, maxAnswerBytes };
    return ok({ outcome: await outbound.send({ ...asked, ...(body && { body: JSON.stringify(body) }) }, deadline), token: token.value });
  }

  return {
    async call(asked, deadline) {
      const first = await once(asked, deadline);
      const isStale = first.ok && isForbidden(first.value.outcome) && tokens.drop(first.value.token);
      const last = isStale ? await once(asked, deadline) : first;
      return last.ok ? answerOf(last.value.outcome) : last;
    },
    health: (deadline) => outbound.send({ method: 'GET', url: `${place.base}/v1/sys/health?standbyok=true`, route: '/v1/sys/health' }, deadline),
    logIn: (deadline) => tokens.get(deadline),
  };
}

interface Once {
  readonly outcome: OutboundOutcome;
  readonly token: string;
}

/** An expired token and a policy that lacks something look alike. */
function isForbidden(outcome: OutboundOutcome): boolean {
  return outcome.kind === 'answered' && outcome.status === 403;
}

function answerOf(outcome: OutboundOutcome): Result<OutboundAnswer, VaultFault> {
  return outcome.kind === 'answered' && outcome.status >= 200 && outcome.status < 300 ? ok(outcome) : fail(faultOf(outcome));
}
