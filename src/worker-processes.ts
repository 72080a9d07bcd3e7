import type { Log } from './runtime/log.js';

/** A worker process that was forked. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Asks it to stop. */
  stop(): void;
  /** It has put itself together and listens. */
  onceReady(listener: () => void): void;
  /** `code` is null when a signal ended it. */
  onceEnded(listener: (code: number | null, signal: string | null) => void): void;
}

/** What keeping workers alive needs of the machine. */
export interface Nursery {
  fork(): WorkerProcess;
  /** Milliseconds that only go forward. */
  now(): number;
  /** Does `work` after `ms`, unless what is returned is called before. */
  after(ms: number, work: () => void): () => void;
}

export interface WorkerProcesses {
  /** Asks every worker to stop, and starts none again. */
  stop(): void;
}

/** A worker that fails this soon after the very first start, or before it was ready, fails for a reason that stays, such as a taken port. */
const hopelessMs = 2_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** A worker that lived this long was sound; the next end counts as the first. */
const soundMs = 60_000;

/**
 * Keeps `count` workers alive. One that ends is started again after a pause that doubles from 1 s to 30 s while its successors end
 * soon, too. One of the first that cannot start stops them all, and `giveUp` is told its exit code.
 */
export function keepWorkers(count: number, nursery: Nursery, log: Log, giveUp: (code: number) => void): WorkerProcesses {
  const alive = new Set<WorkerProcess>();
  const pauses = new Set<() => void>();
  let isStopping = false;

  const stop = (): void => {
    isStopping = true;
    for (const cancel of pauses) cancel();
    for (const worker of alive) worker.stop();
  };

  /** `ends` counts how often this place lost its worker soon after it was started; undefined on the very first start. */
  const start = (ends: number | undefined): void => {
    const startedAt = nursery.now();
    const worker = nursery.fork();
    let isReady = false;
    alive.add(worker);
    worker.onceReady(() => {
      isReady = true;
    });
    worker.onceEnded((code, signal) => {
      alive.delete(worker);
      if (isStopping) return;
      const livedMs = nursery.now() - startedAt;
      const isHopeless = ends === undefined && (!isReady || livedMs < hopelessMs);
      if (isHopeless && code !== null && code !== 0) {
        stop();
        giveUp(code);
        return;
      }
      startAgain(livedMs >= soundMs ? 0 : (ends ?? 0), { worker: worker.pid, code, signal, livedMs });
    });
  };

  const startAgain = (ends: number, ended: object): void => {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** ends);
    log.error({ ...ended, pauseMs }, 'a worker process ended and is started again after a pause');
    const cancel = nursery.after(pauseMs, () => {
      pauses.delete(cancel);
      start(ends + 1);
    });
    pauses.add(cancel);
  };

  for (let started = 0; started < count && !isStopping; started += 1) start(undefined);
  return { stop };
}
