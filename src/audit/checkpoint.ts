import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { fail, ok, type Result } from '../runtime/result.js';

/** What a signed note says of the chain: its first `size` events have this root. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Buffer;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Size of the checkpoint before; 0 for the first. */
  readonly previous: number;
}

/** Ed25519; written as C2SP signed-note keys are: `<origin>+<key id>+<base64 of 0x01 and the key>`. */
export interface CheckpointKey {
  readonly origin: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

const ed25519 = 1;

/** A C2SP tlog-checkpoint: origin, size, root, two extension lines, and one Ed25519 signature. */
export function signCheckpoint(checkpoint: Checkpoint, key: CheckpointKey, privateKey: KeyObject): string {
  const { origin, size, root, time, previous } = checkpoint;
  const text = `${origin}\n${size}\n${root.toString('base64')}\ntime ${time}\nprevious ${previous}\n`;
  const signature = Buffer.concat([keyId(key), sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n\u2014 ${origin} ${signature.toString('base64')}\n`;
}

const noteForm = /^((\S+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\ntime (\S+)\nprevious (0|[1-9]\d{0,15})\n)\n\u2014 (\S+) ([A-Za-z0-9+/]{91}=)\n$/;

/** The checkpoint of a note whose signature verifies; the fault in words otherwise. */
export function openCheckpoint(note: string, key: CheckpointKey): Result<Checkpoint, string> {
  const [, text = '', origin = '', size, root = '', time = '', previous, signer, signature = ''] = noteForm.exec(note) ?? [];
  if (text === '') return fail('it is no checkpoint');
  const bytes = Buffer.from(signature, 'base64');
  if (origin !== key.origin || signer !== key.origin || !bytes.subarray(0, 4).equals(keyId(key))) return fail('it was signed by another key');
  if (!verify(null, Buffer.from(text), publicKeyOf(key), bytes.subarray(4))) return fail('its signature is not valid');
  return ok({ origin, size: Number(size), root: Buffer.from(root, 'base64'), time, previous: Number(previous) });
}

function keyId({ origin, publicKey }: CheckpointKey): Buffer {
  return createHash('sha256').update(`${origin}\n`).update(Buffer.of(ed25519)).update(publicKey).digest().subarray(0, 4);
}

function publicKeyOf({ publicKey }: CheckpointKey): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }, format: 'jwk' });
}

export function keyText(key: CheckpointKey): string {
  return `${key.origin}+${keyId(key).toString('hex')}+${Buffer.concat([Buffer.of(ed25519), key.publicKey]).toString('base64')}`;
}

export function readKey(text: string): Result<CheckpointKey, string> {
  const [, origin = '', id, data = ''] = /^(\S+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text.trim()) ?? [];
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length !== 33 || bytes[0] !== ed25519) return fail('This is no key of checkpoints (origin+id+base64).');
  const key = { origin, publicKey: bytes.subarray(1) };
  return keyId(key).toString('hex') === id ? ok(key) : fail('The key does not fit its id.');
}
