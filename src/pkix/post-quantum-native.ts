import * as crypto from 'node:crypto';
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { der, encode, oids } from '../protocol/der/index.js';
import type { PostQuantumOperations } from './post-quantum-library.js';

/** What node:crypto has since 24.7, where its OpenSSL is 3.5 or later. */
interface KeyEncapsulation {
  encapsulate(key: KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  decapsulate(key: KeyObject, ciphertext: Buffer): Buffer;
}

const publicKeyFrom = (oid: string, publicKey: Buffer): KeyObject => {
  const spki = encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(publicKey)));
  return createPublicKey({ key: spki, format: 'der', type: 'spki' });
};

const privateKeys = new WeakMap<Buffer, KeyObject>();

/** The form `expandedKey` of RFC 9881 section 6 and RFC 9935 section 6; imported once for each key. */
function privateKeyFrom(oid: string, secretKey: Buffer): KeyObject {
  const known = privateKeys.get(secretKey);
  if (known !== undefined) return known;
  const pkcs8 = encode(der.sequence(der.integer(0), der.sequence(der.oid(oid)), der.octetStringOf(der.octetString(secretKey))));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  privateKeys.set(secretKey, key);
  return key;
}

function operations(kem: KeyEncapsulation): PostQuantumOperations {
  return {
    signMlDsa: (oid, secretKey, data) => sign(null, data, privateKeyFrom(oid, secretKey)),
    verifyMlDsa: (oid, publicKey, data, signature) => verify(null, data, publicKeyFrom(oid, publicKey), signature),
    encapsulate(oid, publicKey) {
      const { ciphertext, sharedKey } = kem.encapsulate(publicKeyFrom(oid, publicKey));
      return { cipherText: ciphertext, sharedSecret: sharedKey };
    },
    decapsulate: (oid, secretKey, cipherText) => kem.decapsulate(privateKeyFrom(oid, secretKey), cipherText),
  };
}

/** The types of the oldest runtime that is served do not know these functions. */
function keyEncapsulation(): KeyEncapsulation | undefined {
  const { encapsulate, decapsulate } = crypto as unknown as Partial<KeyEncapsulation>;
  return encapsulate && decapsulate && { encapsulate, decapsulate };
}

function detect(): PostQuantumOperations | undefined {
  const kem = keyEncapsulation();
  if (kem === undefined) return undefined;
  try {
    // Both are keys: every coefficient is zero. A runtime with an older OpenSSL knows neither.
    publicKeyFrom(oids.mlDsa44, Buffer.alloc(1312));
    kem.encapsulate(publicKeyFrom(oids.mlKem512, Buffer.alloc(800)));
    return operations(kem);
  } catch {
    return undefined;
  }
}

let detected: { readonly found: PostQuantumOperations | undefined } | undefined;

/** ML-DSA and ML-KEM of the runtime, ten to forty times as fast as JavaScript; undefined where it has none. Looked for once. */
export function nativePostQuantum(): PostQuantumOperations | undefined {
  detected ??= { found: detect() };
  return detected.found;
}
