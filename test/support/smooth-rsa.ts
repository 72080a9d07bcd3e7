import { hash, type KeyObject } from 'node:crypto';
import { type PublicKey, parsePublicKey, type Signer } from '../../src/pkix/index.js';
import { der, encode, oids } from '../../src/protocol/der/index.js';

const most = 0xfffffffb;

/** The greatest primes below 2^32, of which `count` make a modulus of 32 * count bits. */
function primes(count: number): bigint[] {
  const found: bigint[] = [];
  for (let candidate = most; found.length < count; candidate -= 2) if (candidate !== exponent && isPrime(candidate)) found.push(BigInt(candidate));
  return found;
}

/** As large as an exponent of four octets can be, and prime: it divides no p - 1. */
const exponent = most;

function isPrime(value: number): boolean {
  for (let divisor = 3; divisor * divisor <= value; divisor += 2) if (value % divisor === 0) return false;
  return true;
}

function power(base: bigint, exponentLeft: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let left = exponentLeft; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) [a, b, x, y] = [b % a, a, y - (b / a) * x, x];
  return ((x % modulus) + modulus) % modulus;
}

function octetsOf(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

export interface SmoothRsa {
  readonly publicKey: PublicKey;
  /** PKCS#1 v1.5 with SHA-256. */
  readonly signer: Signer;
  /** What stands where a private key is asked for and none is used. */
  readonly privateKey: KeyObject;
}

const sha256Info = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * An RSA key whose modulus is a product of small primes: whoever does not look for that sees a key of any size whose signatures verify, made
 * in a second instead of an hour. Its exponent costs its verifier as much as four octets can. `bits`: a multiple of 32.
 */
export function smoothRsa(bits: number, unused: KeyObject): SmoothRsa {
  const factors = primes(bits / 32);
  const modulus = factors.reduce((product, prime) => product * prime, 1n);
  const rsaKey = encode(der.sequence(der.unsignedInteger(octetsOf(modulus, bits / 8)), der.unsignedInteger(octetsOf(BigInt(exponent), 4))));
  const algorithm = der.sequence(der.oid(oids.rsaEncryption), der.nullValue());
  const publicKey = parsePublicKey(encode(der.sequence(algorithm, der.bitString(rsaKey))));
  if (!publicKey.ok) throw publicKey.error;
  const shares = factors.map((prime) => ({
    prime,
    exponent: inverse(BigInt(exponent), prime - 1n),
    weight: (modulus / prime) * inverse(modulus / prime, prime),
  }));
  const sign = (data: Buffer): Buffer => {
    const info = Buffer.concat([sha256Info, hash('sha256', data, 'buffer')]);
    const padded = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(bits / 8 - 3 - info.length, 0xff), Buffer.of(0), info]);
    const message = BigInt(`0x${padded.toString('hex')}`);
    const sum = shares.reduce((total, share) => total + power(message, share.exponent, share.prime) * share.weight, 0n);
    return octetsOf(sum % modulus, bits / 8);
  };
  const parameters = encode(der.nullValue());
  return { publicKey: publicKey.value, signer: { algorithm: { oid: oids.sha256WithRsa, parameters }, publicKey: publicKey.value, sign }, privateKey: unused };
}
