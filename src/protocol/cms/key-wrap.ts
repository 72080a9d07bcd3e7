import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type ContentCipher, contentCiphers } from './content-cipher.js';

/**
 * PWRI-KEK (RFC 3211 §2.3.1): length, three check octets, the key and random octets to at least two blocks, encrypted in CBC
 * twice, the second time going on from the last block of the first.
 */
export function wrapContentKey(cipher: ContentCipher, kek: Buffer, iv: Buffer, key: Buffer): Buffer {
  const { blockLength } = contentCiphers[cipher];
  const length = Math.max(2, Math.ceil((key.length + 4) / blockLength)) * blockLength;
  const check = Buffer.from(key.subarray(0, 3).map((octet) => octet ^ 0xff));
  const block = Buffer.concat([Buffer.of(key.length), check, key, randomBytes(length - key.length - 4)]);
  const once = encrypt(cipher, kek, iv, block);
  return encrypt(cipher, kek, once.subarray(once.length - blockLength), once);
}

/** RFC 3211 §2.3.2; undefined when it is no key of `keyLength` octets wrapped under `kek`. */
export function unwrapContentKey(cipher: ContentCipher, kek: Buffer, iv: Buffer, wrapped: Buffer, keyLength: number): Buffer | undefined {
  const { blockLength } = contentCiphers[cipher];
  if (wrapped.length < 2 * blockLength || wrapped.length % blockLength !== 0 || wrapped.length < keyLength + 4) return undefined;
  const last = wrapped.subarray(wrapped.length - blockLength);
  const innerIv = decrypt(cipher, kek, wrapped.subarray(wrapped.length - 2 * blockLength, wrapped.length - blockLength), last);
  const block = decrypt(cipher, kek, iv, decrypt(cipher, kek, innerIv, wrapped));
  const key = block.subarray(4, 4 + keyLength);
  const isChecked = [1, 2, 3].every((at) => ((block[at] as number) ^ (key[at - 1] as number)) === 0xff);
  return block[0] === keyLength && isChecked ? key : undefined;
}

function encrypt(cipher: ContentCipher, key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  return createCipheriv(contentCiphers[cipher].node, key, iv).setAutoPadding(false).update(bytes);
}

function decrypt(cipher: ContentCipher, key: Buffer, iv: Buffer, bytes: Buffer): Buffer {
  return createDecipheriv(contentCiphers[cipher].node, key, iv).setAutoPadding(false).update(bytes);
}
