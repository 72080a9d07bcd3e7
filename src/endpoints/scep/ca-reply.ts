import { type Certificate, isSameName } from '../../pkix/index.js';
import { type CaCertificates, encodeCaCertificates, encodeCapabilities, encodeNextCaCertificates } from '../../protocol/scep/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { LoadedRaKey, ScepEndpoint } from '../../tenancy/directory.js';
import { createMemo } from './memo.js';
import { canDecrypt, canSign, keysOf } from './ra-keys.js';

const capabilities = createMemo<Buffer>();
const caCertificates = createMemo<Result<CaCertificates, 'no-ra-certificate'>>();
const nextCertificates = createMemo<Buffer | undefined>();

/** The GetCACaps body: what the profile's policy accepts, and nothing else (RFC 8894 §3.5.2). */
export function capabilitiesOf(endpoint: ScepEndpoint, now: Date): Buffer {
  return capabilities(endpoint, now, () => {
    const nextCa = nextCertificatesOf(endpoint, now) !== undefined;
    return Buffer.from(encodeCapabilities({ ...endpoint.profile.policy.scep, nextCa }));
  });
}

/**
 * The GetCACert answer: the active RA certificates, that to encrypt to first, the issuing CA, the CAs above it, each once and in this order, because clients
 * take positions 0 and 1 (certmonger, Windows). `no-ra-certificate`: none is usable at `now`.
 */
export function caCertificatesOf(endpoint: ScepEndpoint, now: Date): Result<CaCertificates, 'no-ra-certificate'> {
  return caCertificates(endpoint, now, () => {
    const active = endpoint.raKeys.filter((key) => key.state === 'active' && isValid(key, now));
    if (!active.some(canDecrypt) || !active.some(canSign)) return fail('no-ra-certificate');
    const chains = [...endpoint.caChain, ...active.flatMap((key) => key.chain)];
    return ok(encodeCaCertificates(unique([...active.map((key) => key.certificate), ...shown(endpoint, chains)]).map((certificate) => certificate.der)));
  });
}

/**
 * The GetNextCACert answer, signed by the RA key of today: the RA certificates to come and the CA to come, or the CA of today where
 * only the RA key changes (RFC 8894 §4.7). Undefined while nothing follows.
 */
export function nextCertificatesOf(endpoint: ScepEndpoint, now: Date): Buffer | undefined {
  return nextCertificates(endpoint, now, () => {
    const { nextCaChain = [] } = endpoint;
    const following = endpoint.raKeys.filter((key) => key.state === 'next' && key.certificate.notAfter > now);
    const { signer } = keysOf({ ...endpoint, raKeys: endpoint.raKeys.filter((key) => key.state === 'active' && isValid(key, now)) });
    if ((nextCaChain.length === 0 && following.length === 0) || signer === undefined) return undefined;
    const chain = nextCaChain.length > 0 ? nextCaChain : following.flatMap((key) => key.chain);
    const certificates = unique([...following.map((key) => key.certificate), ...shown(endpoint, chain)]);
    return encodeNextCaCertificates(
      certificates.map((certificate) => certificate.der),
      signer,
    );
  });
}

function isValid({ certificate }: LoadedRaKey, now: Date): boolean {
  return certificate.notBefore <= now && certificate.notAfter > now;
}

/** The issuing CA, and those above it as far as the policy shows them. */
function shown(endpoint: ScepEndpoint, chain: readonly Certificate[]): readonly Certificate[] {
  return unique(chain).filter((certificate, index) => index === 0 || endpoint.profile.policy.scep.includeRoot || !isRoot(certificate));
}

function unique(certificates: readonly Certificate[]): Certificate[] {
  return certificates.filter((certificate, index) => certificates.findIndex((other) => other.der.equals(certificate.der)) === index);
}

function isRoot(certificate: Certificate): boolean {
  return isSameName(certificate.issuer, certificate.subject);
}
