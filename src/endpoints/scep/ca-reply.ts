import { type Certificate, isSameName } from '../../pkix/index.js';
import { type CaCertificates, encodeCaCertificates, encodeCapabilities } from '../../protocol/scep/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';

/** The GetCACaps body: what the profile's policy accepts, and nothing else (RFC 8894 §3.5.2). No rollover certificate is ever published. */
export function capabilitiesOf(endpoint: ScepEndpoint): string {
  return encodeCapabilities({ ...endpoint.profile.policy.scep, nextCa: false });
}

/**
 * The GetCACert answer: the active RA certificates, the issuing CA, the CAs above it, each once and in this order, because clients
 * take positions 0 and 1 (certmonger, Windows). `no-ra-certificate`: none is usable at `now`.
 */
export function caCertificatesOf(endpoint: ScepEndpoint, now: Date): Result<CaCertificates, 'no-ra-certificate'> {
  const active = endpoint.raKeys.filter((key) => key.state === 'active' && key.certificate.notBefore <= now && key.certificate.notAfter > now);
  if (active.length === 0) return fail('no-ra-certificate');
  const chains = [...endpoint.caChain, ...active.flatMap((key) => key.chain)];
  const authorities = unique(chains).filter((certificate, index) => index === 0 || endpoint.profile.policy.scep.includeRoot || !isRoot(certificate));
  return ok(encodeCaCertificates(unique([...active.map((key) => key.certificate), ...authorities]).map((certificate) => certificate.der)));
}

function unique(certificates: readonly Certificate[]): Certificate[] {
  return certificates.filter((certificate, index) => certificates.findIndex((other) => other.der.equals(certificate.der)) === index);
}

function isRoot(certificate: Certificate): boolean {
  return isSameName(certificate.issuer, certificate.subject);
}
