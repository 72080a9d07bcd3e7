import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { AlgorithmIdentifier } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Cursor, der, encode, guarded, oids } from '../der/index.js';
import { gcmParameters, openGcm, readGcmParameters, sealGcm } from './gcm.js';

/**
 * The content ciphers we encrypt and decrypt: CBC (RFC 3565, RFC 3370 §5.1) and, for clients of the Go family, GCM (RFC 5084), which
 * EnvelopedData does not authenticate. Single DES is not here and never will be (RFC 8894 §2.9). `blockLength`: of the IV too.
 */
export const contentCiphers = {
  'aes128-cbc': { oid: oids.aes128Cbc, mode: 'cbc', node: 'aes-128-cbc', keyLength: 16, blockLength: 16 },
  'aes192-cbc': { oid: oids.aes192Cbc, mode: 'cbc', node: 'aes-192-cbc', keyLength: 24, blockLength: 16 },
  'aes256-cbc': { oid: oids.aes256Cbc, mode: 'cbc', node: 'aes-256-cbc', keyLength: 32, blockLength: 16 },
  'aes128-gcm': { oid: oids.aes128Gcm, mode: 'gcm', node: 'aes-128-gcm', keyLength: 16, blockLength: 12 },
  'aes256-gcm': { oid: oids.aes256Gcm, mode: 'gcm', node: 'aes-256-gcm', keyLength: 32, blockLength: 12 },
  'des-ede3-cbc': { oid: oids.desEde3Cbc, mode: 'cbc', node: 'des-ede3-cbc', keyLength: 24, blockLength: 8 },
} as const;

export type ContentCipher = keyof typeof contentCiphers;

const byOid = new Map(Object.entries(contentCiphers).map(([name, cipher]) => [cipher.oid as string, name as ContentCipher]));

export interface CipherChoice {
  readonly cipher: ContentCipher;
  /** GCM's nonce. */
  readonly iv: Buffer;
  /** GCM only, octets; 16 when absent. */
  readonly tagLength?: number;
}

/** The cipher and IV of a contentEncryptionAlgorithm; `cipher-unknown` also for an IV of the wrong length. */
export function readContentCipher(algorithm: AlgorithmIdentifier): Result<CipherChoice, 'cipher-unknown'> {
  const cipher = byOid.get(algorithm.oid);
  const { parameters } = algorithm;
  if (cipher === undefined || parameters === undefined) return fail('cipher-unknown');
  const { mode, blockLength } = contentCiphers[cipher];
  const read = guarded(() => (mode === 'gcm' ? readGcmParameters(new Cursor(parameters)) : { iv: new Cursor(parameters).octetString() }));
  return read.ok && read.value.iv.length === blockLength ? ok({ cipher, ...read.value }) : fail('cipher-unknown');
}

export function contentCipherAlgorithm(choice: CipherChoice): AlgorithmIdentifier {
  const { oid, mode } = contentCiphers[choice.cipher];
  return { oid, parameters: mode === 'gcm' ? encode(gcmParameters(choice)) : der.octetString(choice.iv) };
}

export function encryptContent(choice: CipherChoice, key: Buffer, content: Buffer): Buffer {
  const { mode, node } = contentCiphers[choice.cipher];
  if (mode === 'gcm') return sealGcm(choice, key, content);
  const cipher = createCipheriv(node, key, choice.iv);
  return Buffer.concat([cipher.update(content), cipher.final()]);
}

export interface Decrypted {
  /** Whether the padding, GCM's tag, was right. When false, `content` is everything decrypted: callers read it all the same, so that both cases do the same work. */
  readonly isPadded: boolean;
  readonly content: Buffer;
}

/** Decrypts and removes the padding without an early exit (RFC 5652 §6.3); never throws on any key of the right length and any ciphertext. */
export function decryptContent(choice: CipherChoice, key: Buffer, encrypted: Buffer): Decrypted {
  const { mode, node, blockLength } = contentCiphers[choice.cipher];
  if (mode === 'gcm') return openGcm(choice, key, encrypted);
  if (encrypted.length === 0 || encrypted.length % blockLength !== 0) return { isPadded: false, content: Buffer.alloc(0) };
  const decipher = createDecipheriv(node, key, choice.iv);
  decipher.setAutoPadding(false);
  // Whole blocks without padding: nothing is held back for final().
  const plain = decipher.update(encrypted);
  const count = plain[plain.length - 1] as number;
  let wrong = ((count - 1) | (blockLength - count)) >>> 31;
  for (let back = 1; back <= blockLength; back += 1) {
    const isPadding = (back - 1 - count) >>> 31;
    const difference = (plain[plain.length - back] as number) ^ count;
    wrong |= isPadding & (-difference >>> 31);
  }
  // Cut off in both cases, if only nothing: one more view of a buffer for good padding alone could be seen in 100,000 measurements.
  return { isPadded: wrong === 0, content: plain.subarray(0, plain.length - (count & (wrong - 1))) };
}
