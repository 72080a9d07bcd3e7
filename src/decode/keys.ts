import type { KeyObject } from 'node:crypto';
import { type Certificate, publicKeyOf } from '../pkix/index.js';
import { createKeyUnwrapper, type KeyUnwrapper } from '../protocol/cms/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';

/** A private RSA key and the certificate that others encrypt for. */
export interface DecryptionKey {
  readonly certificate: Certificate;
  readonly unwrapper: KeyUnwrapper;
}

export interface DecodeKeys {
  /** For SCEP: the RA's to open a request, the device's to open its answer. */
  readonly decryption?: readonly DecryptionKey[];
  /** For CMP: the shared secret. */
  readonly secret?: Secret;
  /**
   * Says where decrypted content is malformed. Only for whoever holds the key: told to others, it would let them decrypt with a key
   * they do not have (RFC 8894 section 3.2.2 and every padding oracle).
   */
  readonly tellsOfContent?: boolean;
}

/** The error is a sentence. */
export function decryptionKey(privateKey: KeyObject, certificate: Certificate): Result<DecryptionKey, string> {
  if (certificate.publicKey.type !== 'rsa' || privateKey.asymmetricKeyType !== 'rsa') return fail('Only RSA keys decrypt SCEP messages.');
  if (!publicKeyOf(privateKey).spki.equals(certificate.publicKey.spki)) return fail('The private key and the certificate do not belong together.');
  return ok({ certificate, unwrapper: createKeyUnwrapper(privateKey) });
}
