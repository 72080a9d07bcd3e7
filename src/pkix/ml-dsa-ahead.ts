import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { Busy } from '../runtime/busy.js';

/** One ML-DSA signature to be verified: octets as `verifyMlDsa` takes them. */
export interface MlDsaCheck {
  readonly oid: string;
  readonly publicKey: Buffer;
  readonly data: Buffer;
  readonly signature: Buffer;
}

/** Verdicts of late, by the hash of everything that was verified; the oldest are forgotten. */
const verdicts = new Map<string, boolean>();
const maxVerdicts = 1_000;

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

/** JavaScript, because it must run whether or not this file was compiled. */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
const algorithms = require(workerData.module);
parentPort.on('message', ({ id, name, publicKey, data, signature }) => {
  let verdict = false;
  try { verdict = algorithms[name].verify(signature, data, publicKey); } catch {}
  parentPort.postMessage({ id, verdict });
});
`;

interface Waiting {
  settle(verdict: boolean): void;
  give(reason: Error): void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** More would wait longer than a device does. */
const maxWaiting = 64;
let thread: Thread | undefined;
let lastId = 0;

function threadInUse(): Thread {
  if (thread !== undefined) return thread;
  const module = createRequire(import.meta.url).resolve('@noble/post-quantum/ml-dsa.js');
  const worker = new Worker(script, { eval: true, workerData: { module }, env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 128 } });
  const started: Thread = { worker, waiting: new Map() };
  worker.on('message', ({ id, verdict }: { id: number; verdict: boolean }) => {
    const item = started.waiting.get(id);
    started.waiting.delete(id);
    if (started.waiting.size === 0) worker.unref();
    item?.settle(verdict);
  });
  const end = (reason: Error): void => {
    if (thread === started) thread = undefined;
    for (const item of started.waiting.values()) item.give(reason);
    started.waiting.clear();
  };
  worker.once('error', end);
  worker.once('exit', () => end(new Error('The thread that verifies ML-DSA signatures ended.')));
  worker.unref();
  thread = started;
  return started;
}

/**
 * Verifies on a thread of its own, so that the event loop goes on meanwhile; `verifyMlDsa` then knows the verdict. `algorithm`: the
 * name of the set in the library. Rejects with `Busy` when too many wait.
 */
export async function verifyAhead(check: MlDsaCheck, algorithm: 'ml_dsa44' | 'ml_dsa65' | 'ml_dsa87'): Promise<boolean> {
  const name = nameOf(check);
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const { worker, waiting } = threadInUse();
  if (waiting.size >= maxWaiting) throw new Busy('Too many ML-DSA signatures wait to be verified.');
  lastId += 1;
  const id = lastId;
  const { publicKey, data, signature } = check;
  const verdict = await new Promise<boolean>((settle, give) => {
    waiting.set(id, { settle, give });
    worker.ref();
    worker.postMessage({ id, name: algorithm, publicKey: new Uint8Array(publicKey), data: new Uint8Array(data), signature: new Uint8Array(signature) });
  });
  keep(name, verdict);
  return verdict;
}
