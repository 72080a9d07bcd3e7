import { hash, pbkdf2 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createTurns, type TurnLimits } from '../../runtime/turns.js';
import type { MacParameters, PbmParameters } from './mac-parameters.js';
import { sha256Chain } from './sha256-chain.js';

const pbkdf2Async = promisify(pbkdf2);
/** How long a chain holds the event loop before others have their turn; at most a short chain (see below) in any case. */
const turnMs = 1;
const hashesPerLook = 250;
/** Chains up to this are done at once: one or two milliseconds. */
const shortChain = { sha256: 4_000, sha384: 2_000, sha512: 2_000 } as const;

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
  let turnBegan = performance.now();
  let inTurn = 0;
  for (let left = iterationCount - 1; left > 0; left -= hashesPerLook) {
    // Also by the clock, since a busy machine makes the same count take many times as long.
    if (inTurn >= shortChain[owf] || performance.now() - turnBegan > turnMs) {
      await setImmediate();
      turnBegan = performance.now();
      inTurn = 0;
    }
    key = chain(owf, key, Math.min(left, hashesPerLook));
    inTurn += hashesPerLook;
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
  /** `source`: for whom it is derived. Rejects with `Busy` when too many wait already. */
  keyFor(parameters: MacParameters, secret: Buffer, source?: string): Promise<Buffer>;
}

/** Short chains are done at once; PBKDF2 takes a thread, and a long chain many turns of the event loop. */
function isShort(parameters: MacParameters): boolean {
  return parameters.kind === 'pbm' && parameters.iterationCount <= shortChain[parameters.owf];
}

const turnLimits: TurnLimits = { atOnce: 2, waiting: 256, perSource: 64 };

/**
 * Keeps the `limit` keys used last. Entries are found by the hash of secret and parameters, so that a changed secret never meets an old key.
 * What takes long is derived in turns: a hundred devices that name the largest count leave the event loop and the thread pool to others.
 */
export function createMacKeys(limit = 1_000, turns = createTurns(turnLimits, 'Too many keys are being derived.')): MacKeys {
  const keys = new Map<string, Buffer>();
  return {
    async keyFor(parameters, secret, source = '') {
      const name = nameOf(parameters, secret);
      const known = keys.get(name);
      if (known !== undefined) keys.delete(name);
      const key = known ?? (await (isShort(parameters) ? deriveMacKey(parameters, secret) : turns.run(source, () => deriveMacKey(parameters, secret))));
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
