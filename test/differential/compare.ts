import { decodeRequest, type ScepFault, type ScepRequest, verifyRequest } from '../../src/protocol/scep/index.js';
import type { Result } from '../../src/runtime/result.js';
import { seededRandom } from '../support/random.js';
import { type Exception, exceptionOf } from './exceptions.js';
import type { Mutant, MutantKind } from './mutants.js';
import type { Oracle, Verdict } from './oracle.js';

/** Accepts the outer layer of a request, or says why not. */
export type Reader = (bytes: Buffer) => Result<ScepRequest, ScepFault>;

/** What a PKIOperation goes through before anything is decrypted. */
export const ourReader: Reader = (bytes) => {
  const decoded = decodeRequest(bytes);
  if (!decoded.ok) return decoded;
  const verified = verifyRequest(decoded.value);
  return verified.ok ? decoded : verified;
};

export interface Tally {
  both: number;
  neither: number;
  /** We refuse what OpenSSL accepts: by our reason. */
  readonly onlyOpenssl: Map<string, number>;
  /** We accept what OpenSSL refuses, and that is listed. */
  readonly excepted: Map<Exception, number>;
  readonly acceptedByKind: Map<MutantKind, number>;
}

export interface Finding {
  readonly index: number;
  readonly mutant: Mutant;
  readonly reason: string;
}

export interface Campaign {
  readonly seed: number;
  readonly messages: number;
  readonly make: (random: ReturnType<typeof seededRandom>) => Mutant;
  readonly read: Reader;
  readonly oracle: Oracle;
  found(finding: Finding): void;
  progress(done: number, tally: Tally): void;
}

const batchSize = 200;

export function count<K>(map: Map<K, number>, key: K): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

/** Holds our verdict on each mutant against the oracle's. While it thinks about one batch, the next is made. */
export async function compare(campaign: Campaign): Promise<Tally> {
  const { seed, messages, make, read, oracle } = campaign;
  const tally: Tally = { both: 0, neither: 0, onlyOpenssl: new Map(), excepted: new Map(), acceptedByKind: new Map() };
  let pending: Promise<void> = Promise.resolve();
  for (let start = 0; start < messages; start += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, messages - start) }, (_, offset) => {
      const mutant = make(seededRandom(seed, start + offset));
      return { index: start + offset, mutant, ours: read(mutant.bytes), theirs: oracle.verify(mutant.bytes) };
    });
    await pending;
    pending = (async () => {
      for (const { index, mutant, ours, theirs } of batch) await judge(index, mutant, ours, await theirs, tally, campaign);
      campaign.progress(start + batch.length, tally);
    })();
    // The answers of the oracle are read between two batches.
    await new Promise(setImmediate);
  }
  await pending;
  return tally;
}

async function judge(index: number, mutant: Mutant, ours: ReturnType<Reader>, theirs: Verdict, tally: Tally, campaign: Campaign): Promise<void> {
  if (ours.ok) count(tally.acceptedByKind, mutant.kind);
  if (ours.ok && theirs.isAccepted) tally.both += 1;
  else if (!ours.ok && !theirs.isAccepted) tally.neither += 1;
  else if (!ours.ok) count(tally.onlyOpenssl, ours.error.code);
  else {
    const exception = await exceptionOf(mutant.bytes, ours.value, campaign.oracle);
    if (exception === undefined) campaign.found({ index, mutant, reason: theirs.reason });
    else count(tally.excepted, exception);
  }
}
