import type { Engine } from '../../crypto-engine/ports.js';
import type { Issuer, IssuerTiming } from '../../enrolment/ports.js';
import type { Log } from '../../runtime/log.js';

/** The one CA of the engine that issues for profiles. */
const issuingCa = 'issuing';

/**
 * The engine inside this process as an `Issuer`. It writes in the same database as the orders, so orders are settled with
 * `local.sign`; `issue` serves what is no order (RA certificates). A database that fails in between leaves the outcome
 * uncertain: the look-up by ref then tells.
 */
export function createEmbeddedIssuer(engine: Engine, timing: IssuerTiming, log: Log): Issuer {
  return {
    timing,
    capabilities: { lookup: true, uniqueRef: true },
    local: { sign: (request) => engine.sign(request), signAuthority: (request) => engine.signAuthority(request) },
    async issue(ref, request) {
      try {
        const issued = await engine.issue(ref, request);
        return issued.ok ? { kind: 'issued', certificate: issued.value } : { kind: 'refused', reason: issued.error };
      } catch (error) {
        log.error({ err: error, ref }, 'The embedded engine could not record a certificate.');
        return { kind: 'uncertain', reason: 'The embedded engine could not record the certificate.' };
      }
    },
    async lookup(ref) {
      try {
        const certificate = await engine.lookup(ref);
        return certificate === undefined ? { kind: 'none' } : { kind: 'found', certificate };
      } catch (error) {
        log.error({ err: error, ref }, 'The embedded engine could not look a certificate up.');
        return { kind: 'unknown', reason: 'The embedded engine could not read its records.' };
      }
    },
    revoke: (certificate, reason) => engine.revoke(certificate, reason),
    chain: async () => engine.chain(),
    crl: async () => (await engine.crl(issuingCa))?.der,
  };
}
