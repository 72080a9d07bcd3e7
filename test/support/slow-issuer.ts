import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../src/crypto-engine/index.js';
import type { CertificateRequest, Issuer, IssuerAnswer, IssuerTiming } from '../../src/enrolment/ports.js';
import { buildName, dnsName } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { atOnce } from './at-once.js';
import { memoryEngineStore } from './memory-engine-store.js';

/** How one call of `issue` goes; `delayMs` (before everything else) may stand beside each. */
export type Behaviour =
  | { readonly kind: 'issue' }
  /** Pending; each look-up with the reference counts one `polls` down, then the certificate is there. */
  | { readonly kind: 'pending'; readonly polls: number; readonly retryAfterSeconds?: number; readonly refusedAtLast?: string }
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'notSent'; readonly reason?: string }
  /** The answer is lost; `isIssued` says whether the certificate was made all the same, `afterMs` that it comes later. */
  | { readonly kind: 'uncertain'; readonly isIssued: boolean; readonly afterMs?: number }
  /** A certificate for another key, with a name or a subject nobody asked for, or bytes that are none. */
  | { readonly kind: 'wrong'; readonly what: 'key' | 'name' | 'subject' | 'garbage' }
  | { readonly kind: 'throw'; readonly message?: string };
export type Step = Behaviour & { readonly delayMs?: number };

export interface SlowIssuerOptions {
  readonly timing?: Partial<IssuerTiming>;
  readonly capabilities?: Partial<Issuer['capabilities']>;
  /** Before every answer, `issue` and `lookup` alike. */
  readonly delayMs?: number;
}

export interface SlowIssuer {
  readonly issuer: Issuer;
  /** The next calls of `issue` go like this, one step each; after them every call issues. */
  script(...steps: readonly Step[]): void;
  /** Every call of `issue` goes like this until told otherwise; `script` goes first. */
  always(step: Step): void;
  /** Look-ups answer `unknown` while this is set. */
  hideFromLookup(isHidden: boolean): void;
  /** Certificates made for a ref, in order. */
  certificatesOf(ref: string): readonly Buffer[];
  /** The largest number of certificates that any one ref got: 1 proves "issued once". */
  mostPerRef(): number;
  issuedCount(): number;
  readonly refs: readonly string[];
  readonly calls: { issue: number; lookup: number; revoke: number };
  /** Revoked certificates with their reason. */
  readonly revoked: readonly { readonly certificate: Buffer; readonly reason: number }[];
}

/** A CA in memory that makes real certificates and answers as it is told to, for tests of everything between a device and a CA. */
export async function createSlowIssuer(options: SlowIssuerOptions = {}): Promise<SlowIssuer> {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const capabilities = { lookup: true, uniqueRef: false, ...options.capabilities };
  const made = new Map<string, Buffer[]>();
  const pending = new Map<string, { ref: string; request: CertificateRequest; polls: number; refusedAtLast?: string | undefined }>();
  const steps: Step[] = [];
  const revoked: { certificate: Buffer; reason: number }[] = [];
  const calls = { issue: 0, lookup: 0, revoke: 0 };
  let usual: Step = { kind: 'issue' };
  let isHidden = false;
  let references = 0;

  function signed(request: CertificateRequest): Buffer {
    const result = atOnce(engine.sign(request));
    if (!result.ok) throw new Error(result.error);
    return result.value.certificate;
  }

  function make(ref: string, request: CertificateRequest): Buffer {
    const standing = made.get(ref) ?? [];
    if (capabilities.uniqueRef && standing[0] !== undefined) return standing[0];
    const certificate = signed(request);
    made.set(ref, [...standing, certificate]);
    return certificate;
  }

  function wrong(ref: string, request: CertificateRequest, what: 'key' | 'name' | 'subject' | 'garbage'): Buffer {
    if (what === 'garbage') return Buffer.from('no certificate');
    const publicKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
    if (what === 'subject') return make(ref, { ...request, subject: buildName([[oids.commonName, 'nobody-asked']]).der });
    const change = what === 'key' ? { publicKey } : { sans: [...request.sans, dnsName('nobody-asked.example').der] };
    return make(ref, { ...request, ...change });
  }

  async function answer(step: Step, ref: string, request: CertificateRequest): Promise<IssuerAnswer> {
    switch (step.kind) {
      case 'issue':
        return { kind: 'issued', certificate: make(ref, request) };
      case 'pending': {
        references += 1;
        const reference = `pending-${references}`;
        pending.set(reference, { ref, request, polls: step.polls, refusedAtLast: step.refusedAtLast });
        return { kind: 'pending', reference, retryAfterSeconds: step.retryAfterSeconds ?? 1 };
      }
      case 'refuse':
        return { kind: 'refused', reason: step.reason };
      case 'notSent':
        return { kind: 'notSent', reason: step.reason ?? 'connection refused' };
      case 'uncertain':
        if (step.isIssued && step.afterMs === undefined) make(ref, request);
        if (step.isIssued && step.afterMs !== undefined) setTimeout(() => make(ref, request), step.afterMs).unref();
        return { kind: 'uncertain', reason: 'the connection was cut' };
      case 'wrong':
        return { kind: 'issued', certificate: wrong(ref, request, step.what) };
      case 'throw':
        throw new Error(step.message ?? 'the connector broke');
    }
  }

  function poll(reference: string): Awaited<ReturnType<Issuer['lookup']>> {
    const waiting = pending.get(reference);
    if (waiting === undefined) return { kind: 'none' };
    if (waiting.polls > 0) {
      waiting.polls -= 1;
      return { kind: 'pending', reference, retryAfterSeconds: 1 };
    }
    if (waiting.refusedAtLast !== undefined) return { kind: 'refused', reason: waiting.refusedAtLast };
    pending.delete(reference);
    return { kind: 'found', certificate: make(waiting.ref, waiting.request) };
  }

  const issuer: Issuer = {
    timing: { timeoutMs: 1_000, maxProcessingMs: 500, concurrency: 16, ...options.timing },
    capabilities,
    async issue(ref, request) {
      calls.issue += 1;
      const step = steps.shift() ?? usual;
      await sleep(step.delayMs ?? options.delayMs ?? 0);
      return answer(step, ref, request);
    },
    async lookup(ref, _publicKey, reference) {
      calls.lookup += 1;
      await sleep(options.delayMs ?? 0);
      if (isHidden) return { kind: 'unknown', reason: 'the CA cannot be asked' };
      const certificate = made.get(ref)?.[0];
      if (certificate !== undefined) return { kind: 'found', certificate };
      const known = reference ?? [...pending].find(([, waiting]) => waiting.ref === ref)?.[0];
      return known === undefined ? { kind: 'none' } : poll(known);
    },
    async revoke(certificate, reason) {
      calls.revoke += 1;
      if (!revoked.some((item) => item.certificate.equals(certificate))) revoked.push({ certificate, reason });
      return { ok: true, value: true };
    },
    chain: async () => engine.chain(),
  };

  return {
    issuer,
    script: (...more) => void steps.push(...more),
    always(step) {
      usual = step;
    },
    hideFromLookup(hidden) {
      isHidden = hidden;
    },
    certificatesOf: (ref) => made.get(ref) ?? [],
    mostPerRef: () => Math.max(0, ...[...made.values()].map((list) => list.length)),
    issuedCount: () => [...made.values()].reduce((sum, list) => sum + list.length, 0),
    get refs() {
      return [...made.keys()];
    },
    calls,
    revoked,
  };
}
