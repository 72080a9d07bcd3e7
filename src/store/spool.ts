import type { Log } from '../runtime/log.js';
import { counter, gauge } from '../runtime/metrics.js';
import { isOutage } from '../runtime/outage.js';

const depths = gauge<'spool'>('gatehouse_spool_depth', 'Notes that wait to be written to the database');
const drops = counter<'spool'>('gatehouse_spool_dropped_total', 'Notes that were dropped because too many waited');

/** Takes notes at once and writes them a moment later, many together. Never throws, never makes anyone wait. */
export interface Spool<Note> {
  add(note: Note): void;
  /** Writes what has been noted until now. */
  flush(): Promise<void>;
  /** Flushes and takes no more. */
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly name: string;
  readonly intervalMs: number;
  readonly maxBatch: number;
  /** Notes beyond this are dropped and counted in the log: memory must not grow with a flood or a dead database. */
  readonly maxWaiting: number;
  readonly log: Log;
}

/** `write` gets the notes in the order they came. While the database is away they wait; one that it refuses is dropped. */
export function createSpool<Note>(write: (notes: readonly Note[]) => Promise<void>, options: SpoolOptions): Spool<Note> {
  const { name, intervalMs, maxBatch, maxWaiting, log } = options;
  let waiting: Note[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<boolean> | undefined;
  let isClosed = false;
  const depth = depths({ spool: name });
  const drop = drops({ spool: name });

  function schedule(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => void drain(), intervalMs);
    timer.unref();
  }

  /** False when a write failed; then the rest stays where it is. */
  async function drain(): Promise<boolean> {
    clearTimeout(timer);
    timer = undefined;
    writing ??= writeAll().finally(() => {
      writing = undefined;
      if (waiting.length > 0) schedule();
    });
    return writing;
  }

  async function writeAll(): Promise<boolean> {
    reportDropped();
    // What comes meanwhile waits for its own interval: notes that never end would be written a few at a time.
    let left = waiting.length;
    while (left > 0) {
      const batch = waiting.slice(0, Math.min(left, maxBatch));
      if (!(await writeBatch(batch))) return false;
      waiting = waiting.slice(batch.length);
      left -= batch.length;
      depth.set(waiting.length);
    }
    return true;
  }

  async function writeBatch(batch: readonly Note[]): Promise<boolean> {
    try {
      await write(batch);
      return true;
    } catch (error) {
      log.error({ err: error, waiting: waiting.length }, `${name} could not be written`);
      if (isOutage(error)) return false;
      if (batch.length > 1) for (const note of batch) await writeBatch([note]);
      return true;
    }
  }

  function reportDropped(): void {
    if (dropped > 0) log.error({ dropped }, `${name} were dropped`);
    dropped = 0;
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) if (!(await drain())) return;
    await writing;
  }

  return {
    add(note) {
      if (waiting.length >= maxWaiting || isClosed) {
        dropped += 1;
        drop.add();
      } else waiting.push(note);
      depth.set(waiting.length);
      schedule();
    },
    flush,
    async close() {
      await flush();
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
