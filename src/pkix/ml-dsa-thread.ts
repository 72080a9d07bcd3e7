import { Worker } from 'node:worker_threads';
import { Busy } from '../runtime/busy.js';
import { type MlDsaName, mlDsaModule } from './post-quantum-library.js';

/** ML-DSA in JavaScript on a thread of its own: a signature takes 3 to 30 milliseconds, which the event loop has not to give. */
export interface MlDsaThread {
  /** All reject with `Busy` when too many wait, and with an `Error` when the thread ends. */
  verify(name: MlDsaName, publicKey: Buffer, data: Buffer, signature: Buffer): Promise<boolean>;
  sign(name: MlDsaName, secretKey: Buffer, data: Buffer): Promise<Buffer>;
}

/** JavaScript, because it must run whether or not this file was compiled. No answer to a signature that cannot be made. */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
const algorithms = require(workerData.module);
parentPort.on('message', ({ id, name, key, data, signature }) => {
  let answer;
  try { answer = signature === undefined ? algorithms[name].sign(data, key) : algorithms[name].verify(signature, data, key); } catch {}
  parentPort.postMessage({ id, answer });
});
`;

type Answer = boolean | Uint8Array | undefined;

interface Waiting {
  settle(answer: Answer): void;
  give(reason: Error): void;
}

interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

interface Work {
  readonly name: MlDsaName;
  readonly key: Uint8Array;
  readonly data: Uint8Array;
  readonly signature?: Uint8Array;
}

/** Starts with the first piece of work, and again after its end; holds no process open while it has none. */
export function createMlDsaThread(maxWaiting: number): MlDsaThread {
  let running: Running | undefined;
  let lastId = 0;

  function inUse(): Running {
    running ??= start((ended) => {
      if (running === ended) running = undefined;
    });
    return running;
  }

  function ask(work: Work): Promise<Answer> {
    const { worker, waiting } = inUse();
    if (waiting.size >= maxWaiting) return Promise.reject(new Busy('Too many ML-DSA signatures wait.'));
    lastId += 1;
    const id = lastId;
    return new Promise((settle, give) => {
      waiting.set(id, { settle, give });
      worker.ref();
      worker.postMessage({ id, ...work });
    });
  }

  return {
    async verify(name, publicKey, data, signature) {
      return (await ask({ name, key: plain(publicKey), data: plain(data), signature: plain(signature) })) === true;
    },
    async sign(name, secretKey, data) {
      const answer = await ask({ name, key: plain(secretKey), data: plain(data) });
      if (!(answer instanceof Uint8Array)) throw new Error('The ML-DSA key does not sign.');
      return Buffer.from(answer);
    },
  };
}

/** A copy: a Buffer may be a window on memory that holds other things too. */
const plain = (octets: Buffer): Uint8Array => new Uint8Array(octets);

function start(noteEnd: (ended: Running) => void): Running {
  const workerData = { module: mlDsaModule };
  const worker = new Worker(script, { eval: true, workerData, env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 128 } });
  const started: Running = { worker, waiting: new Map() };
  worker.on('message', ({ id, answer }: { id: number; answer: Answer }) => {
    const item = started.waiting.get(id);
    started.waiting.delete(id);
    if (started.waiting.size === 0) worker.unref();
    item?.settle(answer);
  });
  const end = (reason: Error): void => {
    noteEnd(started);
    for (const item of started.waiting.values()) item.give(reason);
    started.waiting.clear();
  };
  worker.once('error', end);
  worker.once('exit', () => end(new Error('The thread that signs and verifies by ML-DSA ended.')));
  worker.unref();
  return started;
}
