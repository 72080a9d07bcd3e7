import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  type AlgorithmIdentifier,
  createMlDsaSigner,
  createSigner,
  decapsulate,
  fromPem,
  curves as namedCurves,
  type PublicKey,
  parsePublicKey,
  postQuantumKeys,
  postQuantumPair,
  postQuantumPrivateKey,
  postQuantumSeedIn,
  publicKeyOf,
  type Signer,
  toPem,
} from '../pkix/index.js';
import { der, encode, oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Opener } from './encrypted-key.js';

/** A key pair of a device, whatever its kind. */
export interface DeviceKey {
  readonly publicKey: PublicKey;
  /** Absent for a key that only decapsulates. */
  readonly signer?: Signer;
  /** Absent for a key that only signs. */
  readonly opener?: Opener;
  /** The private key as PKCS#8. */
  readonly pem: string;
}

const rsaBits = { 'RSA-2048': 2048, 'RSA-3072': 3072, 'RSA-4096': 4096 } as const;
const curves = ['P-256', 'P-384', 'P-521'] as const;
const postQuantum = Object.fromEntries(Object.entries(postQuantumKeys).map(([oid, { name }]) => [name, oid]));

/** Kinds of keys by name. */
export const deviceKeyTypes: readonly string[] = [...Object.keys(rsaBits), ...curves, 'Ed25519', ...Object.keys(postQuantum)];

const ecKinds = Object.entries(namedCurves).map(([oid, { name }]) => [name, { oid: oids.ecPublicKey, parameters: der.oid(oid) }] as const);

/** The kinds of keys a server may be asked to make; they stand in the request as an algorithm without a key (RFC 9483 section 4.1.6). */
export const centralKeyKinds: Readonly<Record<string, AlgorithmIdentifier>> = {
  ...Object.fromEntries(ecKinds),
  RSA: { oid: oids.rsaEncryption, parameters: der.nullValue() },
  Ed25519: { oid: oids.ed25519 },
};

/** A fresh key; fails on a type that is not one of `deviceKeyTypes`. */
export function newDeviceKey(type: string): Result<DeviceKey, string> {
  const oid = postQuantum[type];
  if (oid !== undefined) return ok(postQuantumDeviceKey(oid, randomBytes(type.startsWith('ML-DSA') ? 32 : 64)));
  const bits = (rsaBits as Readonly<Record<string, number>>)[type];
  if (bits !== undefined) return ok(classicalDeviceKey(generateKeyPairSync('rsa', { modulusLength: bits }).privateKey));
  if (type === 'Ed25519') return ok(classicalDeviceKey(generateKeyPairSync('ed25519').privateKey));
  if (!(curves as readonly string[]).includes(type)) return fail(`"${type}" is not one of ${deviceKeyTypes.join(', ')}.`);
  return ok(classicalDeviceKey(generateKeyPairSync('ec', { namedCurve: type }).privateKey));
}

/** From PKCS#8 in PEM, without a passphrase; post-quantum ones by their seed. */
export function readDeviceKey(pem: string): Result<DeviceKey, string> {
  const [pkcs8] = fromPem('PRIVATE KEY', pem);
  const found = pkcs8 && postQuantumSeedIn(pkcs8);
  if (found !== undefined) return ok(postQuantumDeviceKey(found.oid, found.seed));
  try {
    return ok(classicalDeviceKey(createPrivateKey(pem)));
  } catch {
    return fail('There is no private key in PEM without a passphrase.');
  }
}

export function classicalDeviceKey(privateKey: KeyObject): DeviceKey {
  const publicKey = publicKeyOf(privateKey);
  const opens = publicKey.type === 'rsa' || publicKey.type === 'ec';
  return {
    publicKey,
    signer: createSigner(privateKey, publicKey),
    ...(opens && { opener: { kind: 'key', privateKey } as const }),
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

function postQuantumDeviceKey(oid: string, seed: Buffer): DeviceKey {
  const pair = postQuantumPair(oid, seed);
  const read = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(pair.publicKey))));
  if (!read.ok) throw read.error;
  const publicKey = read.value;
  const pem = toPem('PRIVATE KEY', postQuantumPrivateKey(oid, seed));
  if (publicKey.type === 'ml-dsa') return { publicKey, pem, signer: createMlDsaSigner(pair.secretKey, publicKey) };
  return { publicKey, pem, opener: { kind: 'kem', decapsulate: (cipherText) => decapsulate(oid, pair.secretKey, cipherText) } };
}
