import { type CipherKey, constants, createCipheriv, createHmac, createPublicKey, type KeyObject, publicEncrypt, randomBytes, randomInt } from 'node:crypto';
import type { AddressedEnvelope, KeyUnwrapper, RecipientKey } from '../../src/protocol/cms/index.js';
import { openRequest } from '../../src/protocol/scep/index.js';

const contentKeyLength = 16;
const blockLength = 16;

/** One thing to be timed; made anew for every measurement, so that no single ciphertext stands for its class. */
export type Trial = () => void;
export type Maker = () => Trial;

/** Non-zero octets, as PKCS#1 wants its padding. */
function padding(length: number): Buffer {
  const bytes = randomBytes(length);
  for (let at = 0; at < length; at += 1) while (bytes[at] === 0) bytes[at] = randomInt(1, 256);
  return bytes;
}

/** 00 02 PS 00 key */
function paddedBlock(size: number, key: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0, 2), padding(size - 3 - key.length), Buffer.of(0), key]);
}

function changed(block: Buffer, at: number, value: number): Buffer {
  block[at] = value;
  return block;
}

/** The RSA blocks by class: what an attacker can make of a ciphertext, well formed and not. `key` is that of the content. */
const blocks = {
  valid: (size, key) => paddedBlock(size, key),
  'wrong padding header': (size, key) => changed(paddedBlock(size, key), 1, randomInt(3, 256)),
  'no zero separator': (size) => Buffer.concat([Buffer.of(0, 2), padding(size - 2)]),
  'short padding string': (size, key) => changed(paddedBlock(size, key), randomInt(2, 10), 0),
  'content key of another length': (size) => paddedBlock(size, randomBytes(randomInt(0, 2) === 0 ? 24 : 32)),
  'valid padding, garbage content': (size) => paddedBlock(size, randomBytes(contentKeyLength)),
} as const satisfies Record<string, (size: number, key: Buffer) => Buffer>;

export const wrongPadding = ['wrong padding header', 'no zero separator', 'short padding string', 'content key of another length'] as const;

export interface Subject {
  readonly unwrapper: KeyUnwrapper;
  readonly privateKey: KeyObject;
  /** An envelope for this key with AES-128-CBC; its content is a PKCS#10 request. */
  readonly envelope: AddressedEnvelope<RecipientKey>;
  readonly content: Buffer;
}

function encrypt(key: CipherKey, iv: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return Buffer.concat([cipher.update(content), cipher.final()]);
}

/** The unwrapping alone, by class of the RSA block. */
export function unwrapClasses({ unwrapper, privateKey, envelope }: Subject): Readonly<Record<string, Maker>> {
  const size = envelope.recipient.encryptedKey.length;
  const publicKey = createPublicKey(privateKey);
  const key = randomBytes(contentKeyLength);
  const maker = (block: (size: number, key: Buffer) => Buffer): Maker => {
    return () => {
      const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block(size, key));
      return () => void unwrapper.pkcs1(encrypted, contentKeyLength);
    };
  };
  return Object.fromEntries(Object.entries(blocks).map(([name, block]) => [name, maker(block)]));
}

/** An envelope as it is opened: the same classes, and what may be wrong with its content under the right key. */
export function openClasses(subject: Subject): Readonly<Record<string, Maker>> {
  const { unwrapper, privateKey, envelope, content } = subject;
  const size = envelope.recipient.encryptedKey.length;
  const publicKey = createPublicKey(privateKey);
  const key = randomBytes(contentKeyLength);
  const { iv } = envelope.content;
  const encryptedContent = encrypt(key, iv, content);
  const maker = (block: (size: number, key: Buffer) => Buffer, contentOf: () => Buffer): Maker => {
    return () => {
      const encryptedKey = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block(size, key));
      const made = { ...envelope, recipient: { ...envelope.recipient, encryptedKey }, encryptedContent: contentOf() };
      return () => void openRequest('PKCSReq', made, unwrapper);
    };
  };
  const copied = () => Buffer.from(encryptedContent);
  return {
    ...Object.fromEntries(Object.entries(blocks).map(([name, block]) => [name, maker(block, copied)])),
    'right key, wrong content padding': maker(blocks.valid, () => withWrongPadding(copied())),
    'right key, content that is no request': maker(blocks.valid, () => encrypt(key, iv, randomBytes(content.length))),
    [cutWellPadded]: maker(blocks.valid, () => cutShort(content, key, iv, true)),
    [cutBadlyPadded]: maker(blocks.valid, () => cutShort(content, key, iv, false)),
  };
}

export const cutWellPadded = 'right key, cut short, good content padding';
export const cutBadlyPadded = 'right key, cut short, bad content padding';

/**
 * What an attack on CBC padding compares (Vaudenay 2002): the beginning of a captured envelope and one block of his own behind it, whose
 * plaintext he moves until the padding is right, nearly always by one octet of 01.
 */
function cutShort(content: Buffer, key: Buffer, iv: Buffer, isPadded: boolean): Buffer {
  const blocksKept = randomInt(4, Math.floor(content.length / blockLength));
  const last = randomBytes(blockLength);
  last[blockLength - 1] = isPadded ? 1 : randomInt(blockLength + 1, 256);
  const plain = Buffer.concat([content.subarray(0, blocksKept * blockLength), last]);
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/** The last octet of the block before the last is that of the padding after decryption: a change there leaves no valid padding. */
function withWrongPadding(encrypted: Buffer): Buffer {
  const at = encrypted.length - blockLength - 1;
  encrypted[at] = (encrypted[at] as number) ^ 0x80;
  return encrypted;
}

/** An unwrapper with the fault this experiment looks for: one more HMAC where the padding is wrong, and only there. */
export function leakyUnwrapper(unwrapper: KeyUnwrapper): KeyUnwrapper {
  return {
    ...unwrapper,
    pkcs1(encrypted, length) {
      const { block, pseudoKey } = unwrapper.raw(encrypted, length);
      const separator = block.indexOf(0, 2);
      if (block[1] === 2 && separator === block.length - length - 1) return block.subarray(separator + 1);
      return createHmac('sha256', pseudoKey).update(encrypted).digest().subarray(0, length);
    },
  };
}
