/** The hostile CA as an `Issuer`, as any connector would wrap it: definite answers are told from uncertain ones, and it can be asked by ref. */
import { createOutbound } from '../../src/connectors/outbound.js';
import type { CertificateRequest, Issuer, IssuerAnswer, LookupAnswer } from '../../src/enrolment/ports.js';
import { fail, ok } from '../../src/runtime/result.js';
import { machineMs } from './awake.js';
import { type IssueCall, lateMs } from './hostile-ca.js';

/** Several times what an answer takes: on a crowded machine, too, calls must end by what the CA does. */
export const remoteTimeoutMs = 1_500;
/** How long the core leaves an order to whoever calls for it. */
export const remoteLeaseMs = remoteTimeoutMs + 2_000;

/** Where it differs from an honest connector; for planted bugs. */
export interface Dishonesty {
  /** A call without an answer is taken as one that never happened. */
  readonly isNaive?: boolean;
  /** Look-ups never find anything, as those of a client that may not see what it enrolled. */
  readonly isBlind?: boolean;
  /** What it says of its time is not what it takes. */
  readonly isHasty?: boolean;
}

function callOf(ref: string, request: CertificateRequest): IssueCall {
  return { ref, publicKey: request.publicKey.toString('base64'), subject: request.subject.toString('base64'), askedMs: machineMs() };
}

export function remoteIssuer(url: string, { isNaive = false, isBlind = false, isHasty = false }: Dishonesty = {}): Issuer {
  const within = () => AbortSignal.timeout(remoteTimeoutMs);
  const outbound = createOutbound({ guard: () => true, concurrency: 32 });
  const unsure = (reason: string): IssuerAnswer => ({ kind: isNaive ? 'notSent' : 'uncertain', reason });
  return {
    timing: isHasty ? { timeoutMs: 10, maxProcessingMs: 0, concurrency: 32 } : { timeoutMs: remoteTimeoutMs, maxProcessingMs: lateMs, concurrency: 32 },
    capabilities: { lookup: true, uniqueRef: false },
    async issue(ref, request): Promise<IssuerAnswer> {
      const answer = await outbound.send({ method: 'POST', url: `${url}/issue`, body: JSON.stringify(callOf(ref, request)) }, within());
      if (answer.kind !== 'answered') return answer.kind === 'lost' ? unsure(answer.reason) : { kind: 'notSent', reason: answer.reason };
      // It documents that it has done nothing then; whatever else is no certificate says nothing.
      if (answer.status === 503 || answer.status === 401) return { kind: 'notSent', reason: `status ${answer.status}` };
      return answer.status === 200 ? { kind: 'issued', certificate: answer.body } : unsure(`status ${answer.status}`);
    },
    async lookup(ref): Promise<LookupAnswer> {
      if (isBlind) return { kind: 'none' };
      const answer = await outbound.send({ method: 'GET', url: `${url}/certificate?ref=${encodeURIComponent(ref)}` }, within());
      if (answer.kind !== 'answered') return { kind: 'unknown', reason: answer.reason };
      if (answer.status === 200) return { kind: 'found', certificate: answer.body };
      return answer.status === 404 ? { kind: 'none' } : { kind: 'unknown', reason: `status ${answer.status}` };
    },
    async revoke(certificate) {
      const answer = await outbound.send({ method: 'POST', url: `${url}/revoke`, body: certificate }, within());
      return answer.kind === 'answered' && answer.status === 200 ? ok(true) : fail('The CA did not confirm the revocation.');
    },
    async chain() {
      const answer = await outbound.send({ method: 'GET', url: `${url}/chain` }, within());
      if (answer.kind !== 'answered') throw new Error(answer.reason);
      return [answer.body];
    },
  };
}
