import { hash, pbkdf2 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MacParameters, PbmParameters } from './mac-parameters.js';
import { sha256Chain } from './sha256-chain.js';

const pbkdf2Async = promisify(pbkdf2);
/** Hashes between two looks at the event loop: about a millisecond. */
const hashesPerTurn = 4_000;

/**
 * The key of a password-based MAC. PasswordBasedMac: OWF applied iterationCount times to secret and salt (RFC 9810 section
 * 5.1.3.1); HMAC takes the whole result, so that its key expansion is never needed. Long chains give way to other requests.
 */
export function deriveMacKey(parameters: MacParameters, secret: Buffer): Promise<Buffer> {
  if (parameters.kind === 'pbm') return derivePbmKey(parameters, secret);
  const { salt, iterationCount, keyLength, prf } = parameters;
  return pbkdf2Async(secret, salt, iterationCount, keyLength, prf);
}

async function derivePbmKey(parameters: PbmParameters, secret: Buffer): Promise<Buffer> {
  const { owf, salt, iterationCount } = parameters;
  let key: Buffer = hash(owf, Buffer.concat([secret, salt]), 'buffer');
  for (let left = iterationCount - 1; left > 0; left -= hashesPerTurn) {
    if (left < iterationCount - 1) await setImmediate();
    key = chain(owf, key, Math.min(left, hashesPerTurn));
  }
  return key;
}

function chain(owf: PbmParameters['owf'], start: Buffer, times: number): Buffer {
  if (owf === 'sha256') return sha256Chain(start, times);
  let value = start;
  for (let i = 0; i < times; i += 1) value = hash(owf, value, 'buffer');
  return value;
}

/** Derived keys of the transactions under way: certConf and pollReq repeat the parameters of the request (RFC 9810 section 5.1.3.1). */
export interface MacKeys {
  keyFor(parameters: MacParameters, secret: Buffer): Promise<Buffer>;
}

/** Keeps the `limit` keys used last. Entries are found by the hash of secret and parameters, so that a changed secret never meets an old key. */
export function createMacKeys(limit = 1_000): MacKeys {
  const keys = new Map<string, Buffer>();
  return {
    async keyFor(parameters, secret) {
      const name = nameOf(parameters, secret);
      const known = keys.get(name);
      if (known !== undefined) keys.delete(name);
      const key = known ?? (await deriveMacKey(parameters, secret));
      keys.set(name, key);
      if (keys.size > limit) keys.delete(keys.keys().next().value as string);
      return key;
    },
  };
}

function nameOf(parameters: MacParameters, secret: Buffer): string {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(secret.length);
  return hash('sha256', Buffer.concat([length, secret, parameters.algorithm.parameters ?? Buffer.alloc(0)]), 'base64');
}
