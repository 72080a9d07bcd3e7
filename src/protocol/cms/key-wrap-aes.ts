import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type AlgorithmIdentifier, algorithmIdentifier } from '../../pkix/index.js';
import { type Element, oids } from '../der/index.js';

/** AES key wrap (RFC 3394); parameters are absent (RFC 3565 section 2.3.2). `keyLength`: of the key-encryption key, octets. */
export const keyWraps = {
  aes128: { oid: oids.aes128Wrap, node: 'id-aes128-wrap', keyLength: 16 },
  aes192: { oid: oids.aes192Wrap, node: 'id-aes192-wrap', keyLength: 24 },
  aes256: { oid: oids.aes256Wrap, node: 'id-aes256-wrap', keyLength: 32 },
} as const;

export type KeyWrap = keyof typeof keyWraps;

const integrityCheck = Buffer.alloc(8, 0xa6);

export function keyWrapAlgorithm(wrap: KeyWrap): Element {
  return algorithmIdentifier({ oid: keyWraps[wrap].oid });
}

export function keyWrapOf({ oid }: AlgorithmIdentifier): KeyWrap | undefined {
  return (Object.keys(keyWraps) as KeyWrap[]).find((name) => keyWraps[name].oid === oid);
}

export function wrapKeyAes(wrap: KeyWrap, kek: Buffer, key: Buffer): Buffer {
  const cipher = createCipheriv(keyWraps[wrap].node, kek, integrityCheck);
  return Buffer.concat([cipher.update(key), cipher.final()]);
}

/** Undefined when it was not wrapped under `kek`. */
export function unwrapKeyAes(wrap: KeyWrap, kek: Buffer, wrapped: Buffer): Buffer | undefined {
  try {
    const decipher = createDecipheriv(keyWraps[wrap].node, kek, integrityCheck);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return undefined;
  }
}
