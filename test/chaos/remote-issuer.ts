/** The hostile CA as an `Issuer`, as any connector would wrap it: definite answers are told from uncertain ones, and it can be asked by ref. */
import type { CertificateRequest, Issuer, IssuerAnswer, LookupAnswer } from '../../src/enrolment/ports.js';
import { ok } from '../../src/runtime/result.js';
import { type IssueCall, lateMs } from './hostile-ca.js';

export const remoteTimeoutMs = 600;

function callOf(ref: string, request: CertificateRequest): IssueCall {
  return { ref, publicKey: request.publicKey.toString('base64'), subject: request.subject.toString('base64') };
}

const bytesOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer());

/** `isNaive` plants the classic bug: a call without an answer is taken as one that never happened. */
export function remoteIssuer(url: string, isNaive: boolean): Issuer {
  const within = () => AbortSignal.timeout(remoteTimeoutMs);
  return {
    timing: { timeoutMs: remoteTimeoutMs, maxProcessingMs: lateMs, concurrency: 32 },
    capabilities: { lookup: true, uniqueRef: false },
    async issue(ref, request): Promise<IssuerAnswer> {
      try {
        const answer = await fetch(`${url}/issue`, { method: 'POST', body: JSON.stringify(callOf(ref, request)), signal: within() });
        if (answer.status === 503) return { kind: 'notSent', reason: 'busy' };
        return { kind: 'issued', certificate: await bytesOf(answer) };
      } catch (error) {
        return { kind: isNaive ? 'notSent' : 'uncertain', reason: String(error) };
      }
    },
    async lookup(ref): Promise<LookupAnswer> {
      try {
        const answer = await fetch(`${url}/certificate?ref=${encodeURIComponent(ref)}`, { signal: within() });
        return answer.status === 200 ? { kind: 'found', certificate: await bytesOf(answer) } : { kind: 'none' };
      } catch (error) {
        return { kind: 'unknown', reason: String(error) };
      }
    },
    revoke: async () => ok(true),
    chain: async () => [await bytesOf(await fetch(`${url}/chain`))],
  };
}
