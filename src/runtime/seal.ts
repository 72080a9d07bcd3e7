import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { fail, ok, type Result } from './result.js';

/** Where a sealed value stands. It is authenticated with the ciphertext, so that a value copied elsewhere does not open. */
export interface SealedPlace {
  readonly table: string;
  readonly column: string;
  readonly tenantId: string;
  readonly rowId: string;
}

/** `unknown-key`: sealed under another master key. `damaged`: changed, or not sealed for this place. `malformed`: not a sealed value. */
export type SealFault = 'malformed' | 'unknown-key' | 'damaged';

export interface Sealer {
  /** AES-256-GCM: `v1` (2 bytes), key id (8), nonce (12), ciphertext, tag (16). */
  seal(plaintext: Buffer, place: SealedPlace): Buffer;
  open(sealed: Buffer, place: SealedPlace): Result<Buffer, SealFault>;
}

const version = Buffer.from('v1');
const keyIdLength = 8;
const nonceLength = 12;
const tagLength = 16;
const headLength = version.length + keyIdLength;
const minimumLength = headLength + nonceLength + tagLength;

/**
 * `masterKey`: 32 bytes. Random nonces keep one key safe for 2^32 values (NIST SP 800-38D section 8.3), far above what settings need.
 * What `otherKey` sealed is opened too, while one key follows the other; nothing is sealed under it.
 */
export function createSealer(masterKey: Buffer, otherKey?: Buffer): Sealer {
  if (masterKey.length !== 32) throw new Error('The master key must be 32 bytes.');
  const head = sealedHead(masterKey);
  const key = deriveKey(masterKey, 'seal');
  const other = otherKey === undefined ? undefined : createSealer(otherKey);
  return {
    seal: (plaintext, place) => sealWith(key, head, plaintext, place),
    open(sealed, place) {
      const opened = openWith(key, head, sealed, place);
      return other !== undefined && !opened.ok && opened.error === 'unknown-key' ? other.open(sealed, place) : opened;
    },
  };
}

/** How everything sealed under this key begins: the version, and the key's id, which tells nothing about the key. */
export function sealedHead(masterKey: Buffer): Buffer {
  return Buffer.concat([version, createHmac('sha256', masterKey).update('key-id').digest().subarray(0, keyIdLength)]);
}

function sealWith(key: Buffer, head: Buffer, plaintext: Buffer, place: SealedPlace): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  cipher.setAAD(associatedData(head, place));
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function openWith(key: Buffer, head: Buffer, sealed: Buffer, place: SealedPlace): Result<Buffer, SealFault> {
  if (sealed.length < minimumLength || !sealed.subarray(0, version.length).equals(version)) return fail('malformed');
  if (!sealed.subarray(0, headLength).equals(head)) return fail('unknown-key');
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(headLength, headLength + nonceLength), { authTagLength: tagLength });
  decipher.setAAD(associatedData(head, place));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    return ok(Buffer.concat([decipher.update(sealed.subarray(headLength + nonceLength, sealed.length - tagLength)), decipher.final()]));
  } catch {
    return fail('damaged');
  }
}

/** Every part is preceded by its length: `ab` + `c` and `a` + `bc` are different places. */
function associatedData(head: Buffer, place: SealedPlace): Buffer {
  const parts = [head, ...[place.table, place.column, place.tenantId, place.rowId].map((part) => Buffer.from(part, 'utf8'))];
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}

/** HKDF-SHA-256 (RFC 5869): a 32-byte key for one purpose, such as `challenge-mac`. */
export function deriveKey(masterKey: Buffer, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `gatehouse ${label}`, 32));
}

/** A value to store at first start and to compare at every later one; it tells nothing about the key. */
export function keyCheck(masterKey: Buffer): string {
  return createHmac('sha256', masterKey).update('key-check').digest('hex');
}

export function isKeyOf(masterKey: Buffer, check: string): boolean {
  const expected = Buffer.from(keyCheck(masterKey));
  const given = Buffer.from(check);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
