import { constants, createHash, createHmac, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto';

/**
 * Unwraps content keys that were encrypted for one RSA key. Every method gives exactly `length` octets and never fails: what is
 * not properly padded gives a pseudo-random key instead, always the same for the same ciphertext, so that neither an answer nor
 * an exception tells a sender whether the padding was right (implicit rejection; Bleichenbacher 1998, Marvin 2023).
 */
export interface KeyUnwrapper {
  /** RSAES-PKCS1-v1_5, RFC 8017 §7.2.2. */
  pkcs1(encrypted: Buffer, length: number): Buffer;
  /** The raw RSA block (big-endian, as long as the modulus), and the pseudo-key to fall back on. */
  raw(encrypted: Buffer, length: number): { readonly block: Buffer; readonly pseudoKey: Buffer };
}

/** Throws on keys that are not private RSA keys. Node's refusal of RSA_PKCS1_PADDING (CVE-2023-46809) is why the unpadding is ours. */
export function createKeyUnwrapper(privateKey: KeyObject): KeyUnwrapper {
  const { n, d } = privateKey.export({ format: 'jwk' });
  if (n === undefined || d === undefined) throw new Error('Only RSA private keys unwrap content keys.');
  const size = Buffer.from(n, 'base64url').length;
  const rejectionKey = rejectionKeyOf(Buffer.from(d, 'base64url'), size);
  const native = hasImplicitRejection(privateKey) ? (encrypted: Buffer) => nativeOrNothing(privateKey, encrypted) : undefined;

  const raw = (encrypted: Buffer, length: number) => ({
    block: rawDecrypt(privateKey, encrypted, size),
    pseudoKey: pseudoKey(rejectionKey, encrypted, length),
  });
  const pkcs1 = (encrypted: Buffer, length: number) => {
    const { block, pseudoKey: fallback } = raw(encrypted, length);
    return select(pkcs1Faults(block, length), block.subarray(block.length - length), fallback);
  };
  const nativePkcs1 = (encrypted: Buffer, length: number) => {
    const fallback = pseudoKey(rejectionKey, encrypted, length);
    const message = encrypted.length === size && native !== undefined ? native(encrypted) : Buffer.alloc(0);
    const right = Buffer.alloc(length);
    message.copy(right);
    return select(message.length ^ length, right, fallback);
  };
  return { raw, pkcs1: native === undefined ? pkcs1 : nativePkcs1 };
}

/** Whether `RSA_PKCS1_PADDING` of this runtime rejects implicitly: a random block gives a message, the same one twice, and no exception. */
export function hasImplicitRejection(privateKey: KeyObject): boolean {
  const publicKey = createPublicKey(privateKey);
  const message = randomBytes(16);
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, message);
  try {
    if (!nativeDecrypt(privateKey, wrapped).equals(message)) return false;
    for (let round = 0; round < 4; round += 1) {
      const noise = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, noiseBlock(wrapped.length));
      if (!nativeDecrypt(privateKey, noise).equals(nativeDecrypt(privateKey, noise))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function noiseBlock(size: number): Buffer {
  const block = randomBytes(size);
  block[0] = 0;
  block[1] = 1;
  return block;
}

function nativeDecrypt(key: KeyObject, encrypted: Buffer): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encrypted);
}

/** Nothing for a ciphertext above the modulus, where native decryption throws even with implicit rejection; that much is public. */
function nativeOrNothing(key: KeyObject, encrypted: Buffer): Buffer {
  try {
    return nativeDecrypt(key, encrypted);
  } catch {
    return Buffer.alloc(0);
  }
}

/** All zeros for ciphertexts of the wrong length or above the modulus; both are visible to everyone, and zeros are never properly padded. */
function rawDecrypt(key: KeyObject, encrypted: Buffer, size: number): Buffer {
  if (encrypted.length !== size) return Buffer.alloc(size);
  try {
    return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
  } catch {
    return Buffer.alloc(size);
  }
}

/** One secret per private key, derived once: SHA-256 of d at the modulus' length (draft-irtf-cfrg-rsa-guidance §7.2). */
function rejectionKeyOf(d: Buffer, size: number): Buffer {
  const padded = Buffer.alloc(size);
  d.copy(padded, size - d.length);
  return createHash('sha256').update(padded).digest();
}

/** HMAC-SHA256 under the secret of the key; a key that is longer than one digest takes more of them, numbered. */
function pseudoKey(rejectionKey: Buffer, encrypted: Buffer, length: number): Buffer {
  const first = createHmac('sha256', rejectionKey).update(encrypted).digest();
  if (length <= first.length) return first.subarray(0, length);
  const blocks = [first];
  for (let at = 1; at * first.length < length; at += 1) blocks.push(createHmac('sha256', rejectionKey).update(encrypted).update(Buffer.of(at)).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** 0 when the block is 00 02 PS 00 M with M of `length` octets and PS of at least 8 non-zero octets; no branch depends on its content. */
function pkcs1Faults(block: Buffer, length: number): number {
  const separator = block.length - length - 1;
  if (separator < 10) return 1;
  let faults = (block[0] as number) | ((block[1] as number) ^ 2) | (block[separator] as number);
  for (let at = 2; at < separator; at += 1) faults |= ((block[at] as number) - 1) >>> 31;
  return faults;
}

/** `right` where `faults` is 0, else `wrong`; the same work for both. */
export function select(faults: number, right: Buffer, wrong: Buffer): Buffer {
  const mask = (faults - 1) >> 31;
  const chosen = Buffer.allocUnsafe(wrong.length);
  for (let at = 0; at < wrong.length; at += 1) chosen[at] = ((right[at] as number) & mask) | ((wrong[at] as number) & ~mask);
  return chosen;
}
