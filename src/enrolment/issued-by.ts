import { type Certificate, isSameName, parseCertificate, verifyCertificate } from '../pkix/index.js';
import type { Issuer } from './ports.js';

/** `unknown`: the CA's own certificates cannot be had now, so that nothing can be said of one that it sent. */
export type Authorship = 'own' | 'foreign' | 'unknown';

/**
 * Whether a certificate was signed by the connector's CA: named as its issuer, and verified with its key (fault point F11). A chain that
 * was kept may be older than the CA's new key, so that one that does not fit is read anew before the certificate is called foreign.
 * What the engine in this process signed needs no proof.
 */
export async function authorshipOf(certificate: Certificate, issuer: Pick<Issuer, 'chain' | 'next' | 'local'>): Promise<Authorship> {
  if (issuer.local !== undefined) return 'own';
  try {
    if (isSignedByOne(certificate, await issuer.chain(), issuer.next?.()?.chain ?? [])) return 'own';
    return isSignedByOne(certificate, await issuer.chain('fresh')) ? 'own' : 'foreign';
  } catch {
    return 'unknown';
  }
}

/** A kept chain is the same list each time: its certificates are read, and their keys imported, once. */
const read = new WeakMap<readonly Buffer[], readonly Certificate[]>();

function authoritiesOf(chain: readonly Buffer[]): readonly Certificate[] {
  const known = read.get(chain);
  if (known !== undefined) return known;
  const authorities = chain.flatMap((der) => {
    const authority = parseCertificate(der);
    return authority.ok ? [authority.value] : [];
  });
  read.set(chain, authorities);
  return authorities;
}

function isSignedByOne(certificate: Certificate, ...chains: readonly (readonly Buffer[])[]): boolean {
  const isSigner = ({ subject, publicKey }: Certificate) => isSameName(subject, certificate.issuer) && verifyCertificate(certificate, publicKey).ok;
  return chains.some((chain) => authoritiesOf(chain).some(isSigner));
}
