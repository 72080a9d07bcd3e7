import { basicConstraintsOf, buildChain, type Certificate, certificateFingerprint, type KeyUsage, keyUsageOf, parseCertificate } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';

export interface ScepServerCertificates {
  /** To encrypt to. */
  readonly ra: Certificate;
  /** Signs the answers: the same, or of two RA certificates the other one. */
  readonly signer: Certificate;
  readonly authorities: readonly Certificate[];
}

/** The certificate in `bytes` as a list of one; of none when it cannot be read. */
export function parsed(bytes: Buffer): Certificate[] {
  const certificate = parseCertificate(bytes);
  return certificate.ok ? [certificate.value] : [];
}

function isAuthority(certificate: Certificate): boolean {
  const constraints = basicConstraintsOf(certificate.extensions);
  return constraints.ok && constraints.value.ca;
}

/** RA certificates are those that are no CA's, told apart by keyUsage; a server with a CA alone is its own RA. */
export function chooseRa(certificates: readonly Certificate[]): Result<ScepServerCertificates, string> {
  const others = certificates.filter((certificate) => !isAuthority(certificate));
  const ra = others.find((certificate) => mayBeUsedFor(certificate, 'keyEncipherment')) ?? others[0] ?? certificates[0];
  if (ra === undefined) return fail('The server showed no certificate that could be read.');
  const signer = mayBeUsedFor(ra, 'digitalSignature') ? ra : (others.find((certificate) => mayBeUsedFor(certificate, 'digitalSignature')) ?? ra);
  return ok({ ra, signer, authorities: certificates.filter(isAuthority) });
}

function mayBeUsedFor({ extensions }: Certificate, usage: KeyUsage): boolean {
  const usages = keyUsageOf(extensions);
  return usages.ok && (usages.value?.includes(usage) ?? true);
}

/** Where a fingerprint is pinned: one of the certificates has it, and the RA stands under that one. */
export function checkPin(found: ScepServerCertificates, caSha256: Buffer | undefined): Result<ScepServerCertificates, string> {
  if (caSha256 === undefined) return ok(found);
  const { ra, signer, authorities } = found;
  const anchor = [...authorities, ra].find((certificate) => certificateFingerprint(certificate.der).equals(caSha256));
  if (anchor === undefined) return fail('None of the certificates of the server has the expected fingerprint.');
  const chains = [ra, signer].map((leaf) => buildChain({ leaf, intermediates: authorities, anchors: [anchor], at: new Date() }));
  const wrong = chains.find((chain) => !chain.ok);
  return wrong === undefined || wrong.ok ? ok(found) : fail(`The RA certificate does not stand under the expected CA (${wrong.error}).`);
}
