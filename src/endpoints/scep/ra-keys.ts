import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../../pkix/index.js';
import { createKeyUnwrapper, type KeyUnwrapper } from '../../protocol/cms/index.js';
import type { LoadedRaKey, ScepEndpoint } from '../../tenancy/directory.js';

/** Signs answers. */
export interface ScepSigner {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
}

/** An RA key that requests are encrypted to. */
export interface ScepRaKey {
  readonly certificate: Certificate;
  readonly unwrapper: KeyUnwrapper;
  /** Itself, or of two keys the other one: a device that knows one of a pair knows its partner. */
  readonly answersWith: ScepSigner;
}

export interface ScepKeys {
  /** Signs what cannot be answered by the key it was meant for; undefined while the profile cannot answer at all. */
  readonly signer: ScepSigner | undefined;
  readonly recipients: readonly ScepRaKey[];
}

/** Secrets derived from a private key, once per key and process; they go when the directory drops the key. */
const unwrappers = new WeakMap<KeyObject, KeyUnwrapper>();

function unwrapperOf({ privateKey }: LoadedRaKey): KeyUnwrapper {
  const known = unwrappers.get(privateKey);
  if (known !== undefined) return known;
  const fresh = createKeyUnwrapper(privateKey);
  unwrappers.set(privateKey, fresh);
  return fresh;
}

const prepared = new WeakMap<ScepEndpoint, ScepKeys>();

/** The profile's RSA keys, by what they do, the one in use first. Other keys cannot decrypt and are left out (RFC 8894 §2.1.2). */
export function keysOf(endpoint: ScepEndpoint): ScepKeys {
  const known = prepared.get(endpoint);
  if (known !== undefined) return known;
  const fresh = prepare(endpoint.raKeys);
  prepared.set(endpoint, fresh);
  return fresh;
}

function prepare(raKeys: readonly LoadedRaKey[]): ScepKeys {
  const usable = raKeys.filter((key) => key.certificate.publicKey.type === 'rsa');
  const signers = usable.filter(canSign);
  const recipients = usable.filter(canDecrypt).flatMap((key) => {
    const answersWith = signerFor(key, signers);
    return answersWith === undefined ? [] : [{ certificate: key.certificate, unwrapper: unwrapperOf(key), answersWith }];
  });
  return { signer: signers[0], recipients };
}

export const canSign = ({ usage }: LoadedRaKey): boolean => usage !== 'encrypt';
export const canDecrypt = ({ usage }: LoadedRaKey): boolean => usage !== 'sign';

/** The key itself where it may sign, else its partner: of the same state, origin and CA as far as there is one. */
function signerFor(key: LoadedRaKey, signers: readonly LoadedRaKey[]): ScepSigner | undefined {
  if (canSign(key)) return key;
  const likeness = (other: LoadedRaKey): number =>
    (other.origin === key.origin ? 4 : 0) + (other.certificate.issuer.der.equals(key.certificate.issuer.der) ? 2 : 0) + (other.state === key.state ? 1 : 0);
  return signers.reduce<LoadedRaKey | undefined>((best, other) => (best === undefined || likeness(other) > likeness(best) ? other : best), undefined);
}
