import { Cursor, contextPrimitive, der, encode, guarded, oids } from '../protocol/der/index.js';
import { knownVerdict, type MlDsaCheck, signMlDsaLater, verifyAhead } from './ml-dsa-ahead.js';
import { type Encapsulated, encapsulateBySeed, keyPairFromSeed, libraryPostQuantum, mlDsaNameOf, type PostQuantumOperations } from './post-quantum-library.js';
import { nativePostQuantum } from './post-quantum-native.js';

export type { Encapsulated };

/** The keys of FIPS 203 and 204 as RFC 9881 and RFC 9935 name them. `octets`: of the raw public key. Experimental: profiles must ask for them. */
export const postQuantumKeys = {
  [oids.mlDsa44]: { name: 'ML-DSA-44', type: 'ml-dsa', octets: 1312 },
  [oids.mlDsa65]: { name: 'ML-DSA-65', type: 'ml-dsa', octets: 1952 },
  [oids.mlDsa87]: { name: 'ML-DSA-87', type: 'ml-dsa', octets: 2592 },
  [oids.mlKem512]: { name: 'ML-KEM-512', type: 'ml-kem', octets: 800 },
  [oids.mlKem768]: { name: 'ML-KEM-768', type: 'ml-kem', octets: 1184 },
  [oids.mlKem1024]: { name: 'ML-KEM-1024', type: 'ml-kem', octets: 1568 },
} as const;

type PostQuantumKey = (typeof postQuantumKeys)[keyof typeof postQuantumKeys];

export function postQuantumKey(oid: string): PostQuantumKey | undefined {
  return (postQuantumKeys as Readonly<Record<string, PostQuantumKey>>)[oid];
}

const mlDsaSignatureOctets: Readonly<Record<string, number>> = { [oids.mlDsa44]: 2420, [oids.mlDsa65]: 3309, [oids.mlDsa87]: 4627 };

/** The runtime's where it has them, else JavaScript. */
function postQuantum(): PostQuantumOperations {
  return nativePostQuantum() ?? libraryPostQuantum;
}

function hasMlDsaLengths({ oid, publicKey, signature }: MlDsaCheck): boolean {
  return publicKey.length === postQuantumKey(oid)?.octets && signature.length === mlDsaSignatureOctets[oid];
}

/** Pure ML-DSA with an empty context (RFC 9881 section 3); false also for keys and signatures of another length. */
export function verifyMlDsa(oid: string, publicKey: Buffer, data: Buffer, signature: Buffer): boolean {
  const check = { oid, publicKey, data, signature };
  if (!hasMlDsaLengths(check)) return false;
  return knownVerdict(check) ?? postQuantum().verifyMlDsa(oid, publicKey, data, signature);
}

/**
 * As `verifyMlDsa`, on another thread where the runtime has no ML-DSA of its own; the same question is then answered at once. Rejects with `Busy`
 * when too many are asked.
 */
export async function verifyMlDsaAhead(check: MlDsaCheck): Promise<boolean> {
  const name = mlDsaNameOf(check.oid);
  if (name === undefined || !hasMlDsaLengths(check)) return false;
  const { oid, publicKey, data, signature } = check;
  return nativePostQuantum()?.verifyMlDsa(oid, publicKey, data, signature) ?? verifyAhead(check, name);
}

export interface PostQuantumPair {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

/** A key pair from its seed (32 octets for ML-DSA, 64 for ML-KEM). Throws `RangeError` on other algorithms. */
export function postQuantumPair(oid: string, seed: Buffer): PostQuantumPair {
  return keyPairFromSeed(oid, seed);
}

/** The SubjectPublicKeyInfo of a raw public key; parameters are absent (RFC 9881 section 4, RFC 9935 section 4). */
export function postQuantumPublicKey(oid: string, publicKey: Buffer): Buffer {
  return encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(publicKey)));
}

const seedOctets = { 'ml-dsa': 32, 'ml-kem': 64 } as const;

/** RFC 9881 section 6: the private key as PKCS#8, by its seed `[0] OCTET STRING` alone. */
export function mlDsaPrivateKey(oid: string, seed: Buffer): Buffer {
  return postQuantumPrivateKey(oid, seed);
}

/** RFC 9881 section 6 and RFC 9935 section 6: ML-DSA and ML-KEM private keys are written alike. */
export function postQuantumPrivateKey(oid: string, seed: Buffer): Buffer {
  const privateKey = der.octetStringOf(der.implicitPrimitive(0, seed));
  return encode(der.sequence(der.integer(0), der.sequence(der.oid(oid)), privateKey));
}

/** The key pair in a private key as `mlDsaPrivateKey` writes it; undefined for every other. */
export function mlDsaPairIn(pkcs8: Buffer): PostQuantumPair | undefined {
  const found = postQuantumSeedIn(pkcs8);
  return found !== undefined && postQuantumKey(found.oid)?.type === 'ml-dsa' ? postQuantumPair(found.oid, found.seed) : undefined;
}

/** Algorithm and seed of a private key as `postQuantumPrivateKey` writes it; undefined for every other. */
export function postQuantumSeedIn(pkcs8: Buffer): { readonly oid: string; readonly seed: Buffer } | undefined {
  const read = guarded(() => {
    const fields = new Cursor(pkcs8).sequence();
    fields.smallInteger();
    const algorithm = fields.sequence();
    const oid = algorithm.oid();
    algorithm.end();
    const seed = new Cursor(fields.octetString()).content(contextPrimitive(0));
    fields.end();
    return { oid, seed };
  });
  if (!read.ok) return undefined;
  const type = postQuantumKey(read.value.oid)?.type;
  return type !== undefined && read.value.seed.length === seedOctets[type] ? read.value : undefined;
}

/** Throws `RangeError` on other algorithms. */
export function signMlDsa(oid: string, secretKey: Buffer, data: Buffer): Buffer {
  if (mlDsaNameOf(oid) === undefined) throw new RangeError(`${oid} does not sign.`);
  return postQuantum().signMlDsa(oid, secretKey, data);
}

/** What signs by a key on another thread; undefined where the runtime is quick enough to do it here. */
export function mlDsaLater(oid: string, secretKey: Buffer): ((data: Buffer) => Promise<Buffer>) | undefined {
  return nativePostQuantum() === undefined ? (data) => signMlDsaLater(oid, secretKey, data) : undefined;
}

/** A fresh shared secret for the holder of a public key; the same one again where `seed` (32 octets) is given. Throws on keys that are malformed (FIPS 203 section 7.2). */
export function encapsulate(oid: string, publicKey: Buffer, seed?: Buffer): Encapsulated {
  if (postQuantumKey(oid)?.type !== 'ml-kem') throw new RangeError(`${oid} does not encapsulate.`);
  // The runtime takes its randomness from nobody.
  return seed === undefined ? postQuantum().encapsulate(oid, publicKey) : encapsulateBySeed(oid, publicKey, seed);
}

/** The shared secret in a cipher text; a wrong one gives another secret (implicit rejection). Throws on one of another length. */
export function decapsulate(oid: string, secretKey: Buffer, cipherText: Buffer): Buffer {
  if (postQuantumKey(oid)?.type !== 'ml-kem') throw new RangeError(`${oid} does not decapsulate.`);
  return postQuantum().decapsulate(oid, secretKey, cipherText);
}

/** Whether a raw public key is one: its length, and for ML-KEM that every coefficient is reduced. */
export function isPostQuantumKeySound(oid: string, publicKey: Buffer): boolean {
  const known = postQuantumKey(oid);
  if (known === undefined || publicKey.length !== known.octets) return false;
  return known.type === 'ml-dsa' || areReduced(publicKey.subarray(0, publicKey.length - 32));
}

/** FIPS 203 section 7.2, the modulus check: coefficients of 12 bits, each below q = 3329. */
function areReduced(packed: Buffer): boolean {
  for (let at = 0; at + 2 < packed.length; at += 3) {
    const [low, middle, high] = [packed[at] as number, packed[at + 1] as number, packed[at + 2] as number];
    if ((low | ((middle & 0x0f) << 8)) >= 3329 || ((middle >> 4) | (high << 4)) >= 3329) return false;
  }
  return true;
}
