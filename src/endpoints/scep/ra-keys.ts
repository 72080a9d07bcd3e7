import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../../pkix/index.js';
import { createKeyUnwrapper, type KeyUnwrapper } from '../../protocol/cms/index.js';
import type { LoadedRaKey, ScepEndpoint } from '../../tenancy/directory.js';

/** An RA key as this room uses it: it signs answers and unwraps content keys. */
export interface ScepRaKey {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly unwrapper: KeyUnwrapper;
}

/** Secrets derived from a private key, once per key and process; they go when the directory drops the key. */
const prepared = new WeakMap<LoadedRaKey, ScepRaKey>();

function prepare(key: LoadedRaKey): ScepRaKey {
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const fresh = { certificate: key.certificate, privateKey: key.privateKey, unwrapper: createKeyUnwrapper(key.privateKey) };
  prepared.set(key, fresh);
  return fresh;
}

/** The profile's RSA keys, the one that signs by default first. Other keys cannot decrypt and are left out (RFC 8894 §2.1.2). */
export function raKeysOf(endpoint: ScepEndpoint): readonly ScepRaKey[] {
  return endpoint.raKeys.filter((key) => key.certificate.publicKey.type === 'rsa').map(prepare);
}
