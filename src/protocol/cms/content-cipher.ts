import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { AlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, der, guarded, oids } from '../der/index.js';

/** The content ciphers we encrypt and decrypt, all CBC (RFC 3565, RFC 3370 §5.1). Single DES is not here and never will be (RFC 8894 §2.9). */
export const contentCiphers = {
  'aes128-cbc': { oid: oids.aes128Cbc, node: 'aes-128-cbc', keyLength: 16, blockLength: 16 },
  'aes192-cbc': { oid: oids.aes192Cbc, node: 'aes-192-cbc', keyLength: 24, blockLength: 16 },
  'aes256-cbc': { oid: oids.aes256Cbc, node: 'aes-256-cbc', keyLength: 32, blockLength: 16 },
  'des-ede3-cbc': { oid: oids.desEde3Cbc, node: 'des-ede3-cbc', keyLength: 24, blockLength: 8 },
} as const;

export type ContentCipher = keyof typeof contentCiphers;

const byOid = new Map(Object.entries(contentCiphers).map(([name, cipher]) => [cipher.oid as string, name as ContentCipher]));

export interface CipherChoice {
  readonly cipher: ContentCipher;
  readonly iv: Buffer;
}

/** The cipher and IV of a contentEncryptionAlgorithm; `cipher-unknown` also for an IV of the wrong length. */
export function readContentCipher(algorithm: AlgorithmIdentifier): Result<CipherChoice, 'cipher-unknown'> {
  const cipher = byOid.get(algorithm.oid);
  const { parameters } = algorithm;
  if (cipher === undefined || parameters === undefined) return fail('cipher-unknown');
  const iv = guarded(() => new Cursor(parameters).octetString());
  return iv.ok && iv.value.length === contentCiphers[cipher].blockLength ? ok({ cipher, iv: iv.value }) : fail('cipher-unknown');
}

export function contentCipherAlgorithm(choice: CipherChoice): AlgorithmIdentifier {
  return { oid: contentCiphers[choice.cipher].oid, parameters: der.octetString(choice.iv) };
}

export function encryptContent(choice: CipherChoice, key: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv(contentCiphers[choice.cipher].node, key, choice.iv);
  return Buffer.concat([cipher.update(content), cipher.final()]);
}

export interface Decrypted {
  /** Whether the padding was right. When false, `content` is everything decrypted: callers read it all the same, so that both cases do the same work. */
  readonly isPadded: boolean;
  readonly content: Buffer;
}

/** Decrypts and removes the padding without an early exit (RFC 5652 §6.3); never throws on any key of the right length and any ciphertext. */
export function decryptContent(choice: CipherChoice, key: Buffer, encrypted: Buffer): Decrypted {
  const { node, blockLength } = contentCiphers[choice.cipher];
  if (encrypted.length === 0 || encrypted.length % blockLength !== 0) return { isPadded: false, content: Buffer.alloc(0) };
  const decipher = createDecipheriv(node, key, choice.iv);
  decipher.setAutoPadding(false);
  const plain = Buffer.concat([decipher.update(encrypted), decipher.final()]);
  const count = plain[plain.length - 1] as number;
  let wrong = ((count - 1) | (blockLength - count)) >>> 31;
  for (let back = 1; back <= blockLength; back += 1) {
    const isPadding = (back - 1 - count) >>> 31;
    const difference = (plain[plain.length - back] as number) ^ count;
    wrong |= isPadding & (-difference >>> 31);
  }
  return wrong === 0 ? { isPadded: true, content: plain.subarray(0, plain.length - count) } : { isPadded: false, content: plain };
}
