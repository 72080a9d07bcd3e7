import { createPrivateKey } from 'node:crypto';
import {
  algorithmIdentifier,
  authorityInfoAccessExtension,
  authorityKeyIdentifierExtension,
  type Certificate,
  createMlDsaSigner,
  createSigner,
  crlDistributionPointExtension,
  encodeExtension,
  mlDsaPairIn,
  type PublicKey,
  parseCertificate,
  publicKeyOf,
  type Signer,
  subjectKeyIdentifierOf,
} from '../pkix/index.js';
import { encode } from '../protocol/der/index.js';
import type { EngineCa } from './ports.js';

/** A CA ready to sign: key imported once, everything that is the same in all its certificates encoded once. */
export interface LoadedCa {
  readonly id: string;
  readonly certificate: Certificate;
  readonly signer: Signer;
  readonly keyIdentifier: Buffer;
  /** AlgorithmIdentifier of its signatures, DER. */
  readonly algorithm: Buffer;
  /** The extensions authorityKeyIdentifier, cRLDistributionPoints and authorityInfoAccess, DER, one after the other. */
  readonly pointers: Buffer;
}

/** What certificates point to. */
export interface PointerUrls {
  /** Where devices reach `/pki/<ca>.crl` and `.cer`, without a slash at the end. */
  readonly publicBaseUrl: string;
  /** The OCSP responder; not named in certificates when undefined. */
  readonly ocspUrl?: string | undefined;
}

/** Throws when the stored CA is damaged. */
export function loadCa(ca: Pick<EngineCa, 'id' | 'certificate' | 'privateKey'> & Partial<EngineCa>, urls: PointerUrls): LoadedCa {
  const parsed = parseCertificate(ca.certificate);
  if (!parsed.ok) throw parsed.error;
  const certificate = parsed.value;
  const signer = signerOf(ca.privateKey, certificate.publicKey);
  if (signer === undefined) throw new Error(`The key of the CA "${ca.id}" does not fit its certificate.`);
  const keyIdentifier = subjectKeyIdentifierOf(certificate.extensions) ?? certificate.publicKey.keyIdentifier;
  return {
    id: ca.id,
    certificate,
    signer,
    keyIdentifier,
    algorithm: encode(algorithmIdentifier(signer.algorithm)),
    pointers: pointerExtensions(ca.id, keyIdentifier, urls),
  };
}

/** Undefined when the key is another one. */
function signerOf(pkcs8: Buffer, publicKey: PublicKey): Signer | undefined {
  if (publicKey.type === 'ml-dsa') {
    const pair = mlDsaPairIn(pkcs8);
    return pair?.publicKey.equals(publicKey.bits) ? createMlDsaSigner(pair.secretKey, publicKey) : undefined;
  }
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return publicKeyOf(privateKey).spki.equals(publicKey.spki) ? createSigner(privateKey, publicKey) : undefined;
}

function pointerExtensions(caId: string, keyIdentifier: Buffer, { publicBaseUrl, ocspUrl }: PointerUrls): Buffer {
  const extensions = [
    authorityKeyIdentifierExtension(keyIdentifier),
    crlDistributionPointExtension(`${publicBaseUrl}/pki/${caId}.crl`),
    authorityInfoAccessExtension(`${publicBaseUrl}/pki/${caId}.cer`, ocspUrl),
  ];
  return Buffer.concat(extensions.map((item) => encode(encodeExtension(item))));
}
