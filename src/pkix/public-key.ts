import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { Cursor, DerError, guarded, oids, tag } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type AlgorithmIdentifier, hasNoParameters, readAlgorithmIdentifier } from './algorithm.js';
import { isPostQuantumKeySound, postQuantumKey } from './post-quantum.js';

export const curves = {
  [oids.p256]: { name: 'P-256', bits: 256, bytes: 32 },
  [oids.p384]: { name: 'P-384', bits: 384, bytes: 48 },
  [oids.p521]: { name: 'P-521', bits: 521, bytes: 66 },
} as const;

export type CurveName = 'P-256' | 'P-384' | 'P-521';
/** `ml-dsa` and `ml-kem` are unknown to node:crypto; they have no `keyObject`. */
export type KeyType = 'rsa' | 'ec' | 'ed25519' | 'ed448' | 'ml-dsa' | 'ml-kem' | 'other';

/** RFC 5280 section 4.1
 *  SubjectPublicKeyInfo ::= SEQUENCE {
 *    algorithm         AlgorithmIdentifier,
 *    subjectPublicKey  BIT STRING } */
export class PublicKey {
  /** The whole SubjectPublicKeyInfo as received. */
  readonly spki: Buffer;
  readonly type: KeyType;
  readonly algorithm: AlgorithmIdentifier;
  /** Content of the BIT STRING. */
  readonly bits: Buffer;
  readonly curve: CurveName | undefined;
  /** Size in bits: the modulus of RSA, the field of EC, 0 where it means nothing. */
  readonly size: number;
  #keyObject: Result<KeyObject, 'key-unusable'> | undefined;
  #fingerprint: Buffer | undefined;
  #rsa: RsaFields | undefined;

  constructor(spki: Buffer, algorithm: AlgorithmIdentifier, bits: Buffer) {
    this.spki = spki;
    this.algorithm = algorithm;
    this.bits = bits;
    this.type = typeOf(algorithm.oid);
    const curve = this.type === 'ec' ? curveOf(algorithm) : undefined;
    this.curve = curve?.name;
    this.size = this.type === 'rsa' ? bitLength(this.#rsaFields().modulus) : (curve?.bits ?? 0);
  }

  /** `RSA-2048`, `EC-P-256`, `Ed25519`, or the algorithm's OID: what operators see as the key type. */
  get name(): string {
    if (this.type === 'rsa') return `RSA-${this.size}`;
    if (this.type === 'ec') return `EC-${this.curve ?? 'unknown'}`;
    if (this.type === 'ed25519') return 'Ed25519';
    return this.type === 'ed448' ? 'Ed448' : (postQuantumKey(this.algorithm.oid)?.name ?? this.algorithm.oid);
  }

  /** SHA-256 of the SubjectPublicKeyInfo, 32 bytes: how Gatehouse recognises a key. */
  get fingerprint(): Buffer {
    this.#fingerprint ??= hash('sha256', this.spki, 'buffer');
    return this.#fingerprint;
  }

  /** SHA-1 of the BIT STRING's content, 20 bytes (RFC 5280 section 4.2.1.2, method 1). */
  get keyIdentifier(): Buffer {
    return hash('sha1', this.bits, 'buffer');
  }

  /** RSA's public exponent as a number; undefined for other keys and for exponents over 32 bits. */
  get rsaExponent(): number | undefined {
    if (this.type !== 'rsa') return undefined;
    const { exponent } = this.#rsaFields();
    return exponent.length > 4 ? undefined : exponent.readUIntBE(0, exponent.length);
  }

  /** False for an even RSA modulus, which is no product of two odd primes; true for other keys. */
  get isRsaModulusOdd(): boolean {
    if (this.type !== 'rsa') return true;
    return isOdd(this.#rsaFields().modulus);
  }

  #rsaFields(): RsaFields {
    this.#rsa ??= rsaFields(this.bits);
    return this.#rsa;
  }

  /** Whether the key is one: on its curve, of the right length. Parameters of post-quantum keys are absent (RFC 9881 section 2). */
  get isUsable(): boolean {
    if (this.type !== 'ml-dsa' && this.type !== 'ml-kem') return this.keyObject().ok;
    return this.algorithm.parameters === undefined && isPostQuantumKeySound(this.algorithm.oid, this.bits);
  }

  /** The key for node:crypto, imported once. `key-unusable`: not on its curve, malformed, or of a type this runtime does not know. */
  keyObject(): Result<KeyObject, 'key-unusable'> {
    this.#keyObject ??= importKey(this);
    return this.#keyObject;
  }
}

interface RsaFields {
  readonly modulus: Buffer;
  readonly exponent: Buffer;
}

function typeOf(oid: string): KeyType {
  switch (oid) {
    case oids.rsaEncryption:
      return 'rsa';
    case oids.ecPublicKey:
      return 'ec';
    case oids.ed25519:
      return 'ed25519';
    case oids.ed448:
      return 'ed448';
    default:
      return postQuantumKey(oid)?.type ?? 'other';
  }
}

function curveOf(algorithm: AlgorithmIdentifier) {
  if (algorithm.parameters === undefined || algorithm.parameters[0] !== tag.oid) return undefined;
  const oid = new Cursor(algorithm.parameters).oid();
  return (curves as Record<string, (typeof curves)[keyof typeof curves]>)[oid];
}

/** RFC 8017 appendix A.1.1
 *  RSAPublicKey ::= SEQUENCE {
 *    modulus         INTEGER,
 *    publicExponent  INTEGER }
 *  Both as magnitudes without sign octet; negative ones and zero are `bad-value`. */
function rsaFields(bits: Buffer): RsaFields {
  const whole = new Cursor(bits);
  const fields = whole.sequence();
  const modulus = positive(fields);
  const exponent = positive(fields);
  fields.end();
  whole.end();
  return { modulus, exponent };
}

function positive(fields: Cursor): Buffer {
  const offset = fields.position;
  const content = fields.integer();
  const first = content[0] as number;
  if (first >= 0x80 || (first === 0 && content.length === 1)) throw new DerError('bad-value', offset, 'RSA numbers are positive.');
  return first === 0 ? content.subarray(1) : content;
}

function bitLength(magnitude: Buffer): number {
  return magnitude.length * 8 - (Math.clz32(magnitude[0] as number) - 24);
}

const isOdd = (magnitude: Buffer): boolean => ((magnitude[magnitude.length - 1] as number) & 1) === 1;

/** Larger ones only cost time: 16384 is also where OpenSSL stops, and exponents in use fit 32 bits. Both together cost 8 ms at most, 64 bits twice that. */
const maxRsaBits = 16_384;
const maxRsaExponentOctets = 8;

/** Odd modulus, odd exponent of at least 3 (RFC 8017 section 3.1; with 1 every text is its own signature), both of a size worth computing. */
function isSoundRsa(bits: Buffer): boolean {
  const { modulus, exponent } = rsaFields(bits);
  const isOne = exponent.length === 1 && exponent[0] === 1;
  const mostOctets = bitLength(modulus) > 4_096 ? 4 : maxRsaExponentOctets;
  return isOdd(modulus) && isOdd(exponent) && !isOne && bitLength(modulus) <= maxRsaBits && exponent.length <= mostOctets;
}

/** PKCS#1 and JWK import in 2-70 microseconds where SPKI takes 107-123 on the measured machine; SPKI serves the rest. */
function importKey(key: PublicKey): Result<KeyObject, 'key-unusable'> {
  try {
    if (key.type === 'ec') return importPoint(key);
    if (key.type === 'ml-dsa' || key.type === 'ml-kem') return fail('key-unusable');
    if (key.type !== 'other' && !hasNoParameters(key.algorithm)) return fail('key-unusable');
    if (key.type !== 'rsa') return ok(createPublicKey({ key: key.spki, format: 'der', type: 'spki' }));
    return isSoundRsa(key.bits) ? ok(createPublicKey({ key: key.bits, format: 'der', type: 'pkcs1' })) : fail('key-unusable');
  } catch {
    return fail('key-unusable');
  }
}

/**
 * RFC 5480 section 2.2: uncompressed points, and compressed ones, of the curves in `curves`; hybrid points, the point at
 * infinity and curves given by explicit parameters are refused. The import checks that the point is on the curve.
 */
function importPoint(key: PublicKey): Result<KeyObject, 'key-unusable'> {
  const { bits } = key;
  const octets = curveOf(key.algorithm)?.bytes;
  if (octets === undefined) return fail('key-unusable');
  if ((bits[0] === 2 || bits[0] === 3) && bits.length === 1 + octets) return ok(createPublicKey({ key: key.spki, format: 'der', type: 'spki' }));
  if (bits[0] !== 4 || bits.length !== 1 + 2 * octets) return fail('key-unusable');
  const x = bits.toString('base64url', 1, 1 + octets);
  const y = bits.toString('base64url', 1 + octets);
  return ok(createPublicKey({ key: { kty: 'EC', crv: key.curve, x, y }, format: 'jwk' }));
}

/** Reads SubjectPublicKeyInfo under SEQUENCE or an implicit tag (CRMF's `[6]`); throws `DerError`. */
export function readPublicKey(cursor: Cursor, elementTag: number = tag.sequence): PublicKey {
  const start = cursor.position;
  const element = cursor.elementOf(elementTag);
  const spki = elementTag === tag.sequence ? element : asSequence(element);
  if (lastRead?.spki.equals(spki) === true) return lastRead;
  const fields = new Cursor(element).enter(elementTag);
  const algorithm = readAlgorithmIdentifier(fields);
  const bits = fields.bitStringOctets();
  fields.end();
  if (algorithm.oid === oids.ecPublicKey && algorithm.parameters === undefined) throw new DerError('bad-value', start, 'EC key without a curve.');
  lastRead = new PublicKey(spki, algorithm, bits);
  return lastRead;
}

/** One request names its key up to four times - in signer, PKCS#10, certificate and its record - and needs it read and imported once. */
let lastRead: PublicKey | undefined;

function asSequence(element: Buffer): Buffer {
  const copy = Buffer.from(element);
  copy[0] = tag.sequence;
  return copy;
}

/** A public key from its SubjectPublicKeyInfo (DER). */
export function parsePublicKey(spki: Buffer): Result<PublicKey, DerError> {
  return guarded(() => {
    const cursor = new Cursor(spki);
    const key = readPublicKey(cursor);
    cursor.end();
    return key;
  });
}

/** The public half of a private or public `KeyObject`. */
export function publicKeyOf(key: KeyObject): PublicKey {
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  const parsed = parsePublicKey(publicKey.export({ format: 'der', type: 'spki' }));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}
