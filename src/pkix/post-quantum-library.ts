import { createRequire } from 'node:module';
import { oids } from '../protocol/der/index.js';

export interface Encapsulated {
  readonly cipherText: Buffer;
  readonly sharedSecret: Buffer;
}

/** ML-DSA and ML-KEM; keys, signatures and cipher texts are the octets of FIPS 203 and 204, of the lengths that belong to the algorithm. */
export interface PostQuantumOperations {
  /** Pure ML-DSA with an empty context (RFC 9881 section 3). */
  signMlDsa(oid: string, secretKey: Buffer, data: Buffer): Buffer;
  verifyMlDsa(oid: string, publicKey: Buffer, data: Buffer, signature: Buffer): boolean;
  /** A fresh shared secret; throws on keys that are malformed (FIPS 203 section 7.2). */
  encapsulate(oid: string, publicKey: Buffer): Encapsulated;
  /** A wrong cipher text gives another secret (implicit rejection); throws on one of another length. */
  decapsulate(oid: string, secretKey: Buffer, cipherText: Buffer): Buffer;
}

type MlDsaModule = typeof import('@noble/post-quantum/ml-dsa.js');
type MlKemModule = typeof import('@noble/post-quantum/ml-kem.js');

export const mlDsaNames = { [oids.mlDsa44]: 'ml_dsa44', [oids.mlDsa65]: 'ml_dsa65', [oids.mlDsa87]: 'ml_dsa87' } as const;
const mlKemNames = { [oids.mlKem512]: 'ml_kem512', [oids.mlKem768]: 'ml_kem768', [oids.mlKem1024]: 'ml_kem1024' } as const;

/** The name of a parameter set in the library; undefined for what is no ML-DSA. */
export type MlDsaName = (typeof mlDsaNames)[keyof typeof mlDsaNames];

export function mlDsaNameOf(oid: string): MlDsaName | undefined {
  return (mlDsaNames as Readonly<Record<string, MlDsaName>>)[oid];
}

const load = createRequire(import.meta.url);
export const mlDsaModule = load.resolve('@noble/post-quantum/ml-dsa.js');

/** Loaded when the first such key is used: a tenth of a second that no other server needs to spend. */
function mlDsa(oid: string) {
  const name = mlDsaNameOf(oid);
  return name && (load(mlDsaModule) as MlDsaModule)[name];
}

function mlKem(oid: string) {
  const name = (mlKemNames as Readonly<Record<string, (typeof mlKemNames)[keyof typeof mlKemNames]>>)[oid];
  return name && (load('@noble/post-quantum/ml-kem.js') as MlKemModule)[name];
}

function known<T>(algorithm: T | undefined, oid: string): T {
  if (algorithm === undefined) throw new RangeError(`${oid} is no such post-quantum algorithm.`);
  return algorithm;
}

/** In JavaScript, for any runtime. */
export const libraryPostQuantum: PostQuantumOperations = {
  signMlDsa: (oid, secretKey, data) => Buffer.from(known(mlDsa(oid), oid).sign(data, secretKey)),
  verifyMlDsa: (oid, publicKey, data, signature) => known(mlDsa(oid), oid).verify(signature, data, publicKey),
  encapsulate: (oid, publicKey) => encapsulateBySeed(oid, publicKey),
  decapsulate: (oid, secretKey, cipherText) => Buffer.from(known(mlKem(oid), oid).decapsulate(cipherText, secretKey)),
};

/** As `encapsulate`; the same secret again where `seed` (32 octets) is given. */
export function encapsulateBySeed(oid: string, publicKey: Buffer, seed?: Buffer): Encapsulated {
  const { cipherText, sharedSecret } = known(mlKem(oid), oid).encapsulate(publicKey, seed);
  return { cipherText: Buffer.from(cipherText), sharedSecret: Buffer.from(sharedSecret) };
}

/** Public and secret key from a seed (32 octets for ML-DSA, 64 for ML-KEM). Throws `RangeError` on other algorithms. */
export function keyPairFromSeed(oid: string, seed: Buffer): { readonly publicKey: Buffer; readonly secretKey: Buffer } {
  const { publicKey, secretKey } = known(mlDsa(oid) ?? mlKem(oid), oid).keygen(seed);
  return { publicKey: Buffer.from(publicKey), secretKey: Buffer.from(secretKey) };
}
