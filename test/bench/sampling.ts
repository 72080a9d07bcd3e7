/** Timing of batches on one thread, and what to make of several windows. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Sample {
  readonly transactions: number;
  /** Microseconds of wall clock and of processor time (all threads of the process) per transaction. */
  readonly wallUs: number;
  readonly cpuUs: number;
  /** Processor time in the quietest quarter of small batches: what is left when neighbours evict less from the caches. */
  readonly quietCpuUs: number;
}

const batchSize = 50;

function usSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs `each` once per item, one after the other, and tells what one cost. The garbage of the preparation is cleared away first. */
export async function timed<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<Sample> {
  collectGarbage();
  const cpuBefore = process.cpuUsage();
  const before = process.hrtime.bigint();
  const batches: number[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    const batchBefore = process.cpuUsage();
    const batch = items.slice(start, start + batchSize);
    for (const item of batch) await each(item);
    batches.push(usSince(batchBefore) / batch.length);
  }
  const wall = Number(process.hrtime.bigint() - before) / 1000;
  const transactions = items.length;
  return { transactions, wallUs: wall / transactions, cpuUs: usSince(cpuBefore) / transactions, quietCpuUs: percentile(batches, 0.25) };
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
