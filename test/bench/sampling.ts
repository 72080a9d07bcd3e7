/** Timing of batches on one thread, and what to make of several windows. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Sample {
  readonly transactions: number;
  /** Microseconds of wall clock per transaction. */
  readonly wallUs: number;
  /** Processor time of the measuring thread, its own garbage collection counted; that of all threads where the system does not tell. */
  readonly threadUs: number;
  readonly allThreadsUs: number;
  /** Processor time of the thread in the quietest quarter of small batches: what is left when neighbours evict less from the caches. */
  readonly quietUs: number;
}

const batchSize = 50;

function allThreads(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const ownTime = '/proc/thread-self/schedstat';

/** Microseconds of processor time this thread has used. */
function ownThread(): number {
  try {
    return Number(readFileSync(ownTime, 'latin1').split(' ')[0]) / 1000;
  } catch {
    return allThreads();
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;

/**
 * Runs `each` once per item, one after the other, and tells what one cost. The young garbage of the preparation is
 * cleared away first; a full collection would also throw away what the compiler has made, which no server in use loses.
 */
export async function timed<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<Sample> {
  collectGarbage({ type: 'minor' });
  const all = allThreads();
  const begin = performance.now();
  const own = ownThread();
  const batches: number[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    const before = ownThread();
    const batch = items.slice(start, start + batchSize);
    for (const item of batch) await each(item);
    batches.push((ownThread() - before) / batch.length);
  }
  const per = (total: number) => total / items.length;
  return {
    transactions: items.length,
    threadUs: per(ownThread() - own),
    wallUs: per((performance.now() - begin) * 1000),
    allThreadsUs: per(allThreads() - all),
    quietUs: percentile(batches, 0.25),
  };
}

/** The value in the middle; the mean of the two middle ones when their number is even. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** `share` 0..1 of the values lie at or below the result. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
