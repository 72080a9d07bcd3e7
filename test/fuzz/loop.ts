import { seededRandom } from '../support/random.js';
import type { Target, Trial } from './target.js';

export const slowMs = 100;
/** More than this much beyond what the process had once it was warm is a leak. */
const maxGrowth = 512 * 1024 * 1024;
const progressEvery = 2_000;

export interface Finding {
  readonly kind: 'crash' | 'slow' | 'memory';
  readonly target: string;
  readonly index: number;
  readonly reason: string;
  readonly trial: Trial;
}

export interface Progress {
  readonly done: number;
  readonly slowestMs: number;
  readonly slowestTarget: string;
  readonly rssBytes: number;
  /** What happened how often, of targets that are tallied: `target: what`. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Slice {
  readonly seed: number;
  /** Messages `first`, `first + step`, ... below `end`. */
  readonly first: number;
  readonly step: number;
  readonly end: number;
}

export interface Listener {
  found(finding: Finding): void;
  progress(progress: Progress): void;
}

function chooser(targets: readonly Target[]): (number: number) => Target {
  const slots = targets.flatMap((target) => Array<Target>(target.weight).fill(target));
  return (number) => slots[number % slots.length] as Target;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const where = (error.stack ?? '').split('\n').find((line) => line.includes('/src/')) ?? '';
  return `${error.name}: ${error.message} ${where.trim()}`;
}

interface Timed {
  /** By the clock. */
  readonly ms: number;
  readonly outcome: string;
}

/** How long one check takes; what it throws is thrown. */
async function timed(target: Target, trial: Trial): Promise<Timed> {
  const start = performance.now();
  const checking = target.check(trial);
  const outcome = typeof checking === 'string' ? checking : await checking;
  return { ms: performance.now() - start, outcome };
}

/**
 * A slow message is believed when three repetitions are slow as well. Other programs share the machine, so that processor time
 * counts; what waits for something ten times as long by the clock is slow all the same.
 */
async function confirmedMs(target: Target, trial: Trial, first: number): Promise<number> {
  let fastest = first;
  for (let times = 0; times < 3 && fastest > slowMs; times += 1) {
    const before = process.cpuUsage();
    const { ms: elapsed } = await timed(target, trial);
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, Math.max((user + system) / 1000, elapsed / 10));
  }
  return fastest;
}

/** Tries every message of a slice. Message i depends on the seed, on i and on what earlier messages of the slice led to. */
export async function fuzz(targets: readonly Target[], slice: Slice, listener: Listener): Promise<Progress> {
  const choose = chooser(targets);
  const known = new Set<string>();
  let [done, slowest, slowestTarget, warmRss, isLeakTold] = [0, 0, '', 0, false];
  const outcomes: Record<string, number> = {};
  const state = (): Progress => ({ done, slowestMs: slowest, slowestTarget, rssBytes: process.memoryUsage.rss(), outcomes });
  const report = (finding: Finding): void => {
    const name = `${finding.kind} ${finding.target} ${finding.reason}`;
    if (!known.has(name) && known.size < 20) listener.found(finding);
    known.add(name);
  };

  for (let index = slice.first; index < slice.end; index += slice.step) {
    const random = seededRandom(slice.seed, index);
    const target = choose(random.below(1_000_000));
    const trial = target.make(random);
    try {
      const { ms: first, outcome } = await timed(target, trial);
      if (target.isTallied) outcomes[`${target.name}: ${outcome}`] = (outcomes[`${target.name}: ${outcome}`] ?? 0) + 1;
      const ms = first > slowMs ? await confirmedMs(target, trial, first) : first;
      if (ms > slowest) [slowest, slowestTarget] = [ms, target.name];
      if (ms > slowMs) report({ kind: 'slow', target: target.name, index, reason: 'slower than 100 ms', trial });
    } catch (error) {
      report({ kind: 'crash', target: target.name, index, reason: describe(error), trial });
    }
    done += 1;
    if (done % progressEvery !== 0) continue;
    listener.progress(state());
    await new Promise(setImmediate);
    const rss = process.memoryUsage.rss();
    if (done === 10 * progressEvery) warmRss = rss;
    if (warmRss > 0 && rss > warmRss + maxGrowth && !isLeakTold) {
      isLeakTold = true;
      report({ kind: 'memory', target: target.name, index, reason: 'memory grows without end', trial });
    }
  }
  return state();
}
