import type { Engine } from '../../crypto-engine/ports.js';
import type { Issuer, IssuerAnswer, IssuerTiming } from '../../enrolment/ports.js';
import type { Log } from '../../runtime/log.js';

/**
 * The engine inside this process as an `Issuer`. It writes in the same database as the orders, so orders are settled with
 * `local.sign`; `issue` serves what is no order (RA certificates). A database that fails in between leaves the outcome
 * uncertain: the look-up by ref then tells.
 */
export function createEmbeddedIssuer(engine: Engine, timing: IssuerTiming, log: Log): Issuer {
  async function answered(ref: string, issue: () => ReturnType<Engine['issue']>): Promise<IssuerAnswer> {
    try {
      const issued = await issue();
      return issued.ok ? { kind: 'issued', certificate: issued.value } : { kind: 'refused', reason: issued.error };
    } catch (error) {
      log.error({ err: error, ref }, 'The embedded engine could not record a certificate.');
      return { kind: 'uncertain', reason: 'The embedded engine could not record the certificate.' };
    }
  }

  return {
    timing,
    capabilities: { lookup: true, uniqueRef: true },
    local: { sign: (request) => engine.sign(request), signAuthority: (request) => engine.signAuthority(request) },
    issue: (ref, request) => answered(ref, () => engine.issue(ref, request)),
    async lookup(ref) {
      try {
        const certificate = await engine.lookup(ref);
        return certificate === undefined ? { kind: 'none' } : { kind: 'found', certificate };
      } catch (error) {
        log.error({ err: error, ref }, 'The embedded engine could not look a certificate up.');
        return { kind: 'unknown', reason: 'The embedded engine could not read its records.' };
      }
    },
    // Its records are in our own database: what they do not hold they never will.
    revoke: async (certificate, reason) => {
      const revoked = await engine.revoke(certificate, reason);
      return revoked.ok ? revoked : { ...revoked, final: true };
    },
    chain: async () => engine.chain(),
    crl: async () => {
      const [current] = engine.issuingIds();
      return current === undefined ? undefined : (await engine.crl(current))?.der;
    },
    crlOf: async (authority) => (await engine.crlOf(authority))?.der,
    next() {
      const next = engine.next();
      return next === undefined ? undefined : { chain: next.chain, issue: (ref, request) => answered(ref, () => next.issue(ref, request)) };
    },
  };
}
