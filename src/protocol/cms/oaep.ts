import { createHash, randomBytes } from 'node:crypto';
import type { Digest } from '../../pkix/index.js';
import { type KeyUnwrapper, select } from './unwrap.js';

/** RFC 8017 §7.1, RFC 4055 §4.1. */
export interface OaepParameters {
  readonly digest: Digest;
  readonly maskDigest: Digest;
  readonly label: Buffer;
}

export const digestLengths = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const satisfies Record<Digest, number>;

/** MGF1, RFC 8017 appendix B.2.1. */
function mask(digest: Digest, seed: Buffer, length: number): Buffer {
  const blocks: Buffer[] = [];
  const counter = Buffer.alloc(4);
  for (let at = 0; at * digestLengths[digest] < length; at += 1) {
    counter.writeUInt32BE(at);
    blocks.push(createHash(digest).update(seed).update(counter).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((octet, at) => octet ^ (right[at] as number)));
}

/**
 * RSAES-OAEP unwrap of a key of known length, with the same implicit rejection as PKCS#1 v1.5: node:crypto throws on bad
 * padding (Manger 2001) and ties the mask's digest to the label's, which RFC 4055 does not.
 */
export function unwrapOaep(unwrapper: KeyUnwrapper, parameters: OaepParameters, encrypted: Buffer, length: number): Buffer {
  const { block, pseudoKey } = unwrapper.raw(encrypted, length);
  const hashLength = digestLengths[parameters.digest];
  const separator = block.length - length - 1;
  if (separator < 1 + 2 * hashLength) return pseudoKey;

  const seed = xor(block.subarray(1, 1 + hashLength), mask(parameters.maskDigest, block.subarray(1 + hashLength), hashLength));
  const data = xor(block.subarray(1 + hashLength), mask(parameters.maskDigest, seed, block.length - 1 - hashLength));
  const labelHash = createHash(parameters.digest).update(parameters.label).digest();
  let faults = block[0] as number;
  for (let at = 0; at < hashLength; at += 1) faults |= (data[at] as number) ^ (labelHash[at] as number);
  const one = data.length - length - 1;
  for (let at = hashLength; at < one; at += 1) faults |= data[at] as number;
  faults |= (data[one] as number) ^ 1;
  return select(faults, data.subarray(data.length - length), pseudoKey);
}

/** EME-OAEP (RFC 8017 section 7.1.1) of a short message with an empty label, for a modulus of so many octets; `RSA_NO_PADDING` does the rest. */
export function padOaep({ digest, maskDigest }: Omit<OaepParameters, 'label'>, message: Buffer, length: number): Buffer {
  const hashLength = digestLengths[digest];
  const data = Buffer.alloc(length - hashLength - 1);
  createHash(digest).digest().copy(data);
  data[data.length - message.length - 1] = 1;
  message.copy(data, data.length - message.length);
  const seed = randomBytes(hashLength);
  const maskedData = xor(data, mask(maskDigest, seed, data.length));
  return Buffer.concat([Buffer.alloc(1), xor(seed, mask(maskDigest, maskedData, hashLength)), maskedData]);
}
