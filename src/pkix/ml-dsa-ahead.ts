import { createHash } from 'node:crypto';
import { createMlDsaThread } from './ml-dsa-thread.js';
import { type MlDsaName, mlDsaNameOf } from './post-quantum-library.js';

/** One ML-DSA signature to be verified: octets as `verifyMlDsa` takes them. */
export interface MlDsaCheck {
  readonly oid: string;
  readonly publicKey: Buffer;
  readonly data: Buffer;
  readonly signature: Buffer;
}

/** Verdicts of late, by the hash of everything that was verified; the oldest are forgotten. */
const verdicts = new Map<string, boolean>();
const maxVerdicts = 2_000;

/** What was found ahead of time; undefined where nobody looked. */
export function knownVerdict(check: MlDsaCheck): boolean | undefined {
  return verdicts.size === 0 ? undefined : verdicts.get(nameOf(check));
}

function nameOf({ oid, publicKey, data, signature }: MlDsaCheck): string {
  const hash = createHash('sha256');
  for (const part of [Buffer.from(oid), publicKey, data, signature]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  return hash.digest('base64');
}

function keep(name: string, verdict: boolean): void {
  verdicts.set(name, verdict);
  if (verdicts.size > maxVerdicts) verdicts.delete(verdicts.keys().next().value as string);
}

/** More would wait longer than a device does. */
const maxWaiting = 64;
const verifying = createMlDsaThread(maxWaiting);
/** Apart, so that nobody who sends signatures holds up the CA. */
const signing = createMlDsaThread(maxWaiting);

/**
 * Verifies on a thread of its own, so that the event loop goes on meanwhile; `verifyMlDsa` then knows the verdict. `algorithm`: the
 * name of the set in the library. Rejects with `Busy` when too many wait.
 */
export async function verifyAhead(check: MlDsaCheck, algorithm: MlDsaName): Promise<boolean> {
  const name = nameOf(check);
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const verdict = await verifying.verify(algorithm, check.publicKey, check.data, check.signature);
  keep(name, verdict);
  return verdict;
}

/** Signs on a thread of its own. Rejects with `Busy` when too many wait, with `RangeError` for another algorithm. */
export async function signMlDsaLater(oid: string, secretKey: Buffer, data: Buffer): Promise<Buffer> {
  const name = mlDsaNameOf(oid);
  if (name === undefined) throw new RangeError(`${oid} does not sign.`);
  return signing.sign(name, secretKey, data);
}
