import { randomInt } from 'node:crypto';
import type { Maker, Trial } from './classes.js';

/** Measurements by class, nanoseconds, in the order in which they were taken. */
export type Samples = ReadonlyMap<string, Float64Array>;

/** Trials prepared before they are timed: enough that preparing disturbs little, few enough to stay in memory. */
const roundsAtOnce = 200;
const warmUp = 1_000;

/** Every item once in random order (Fisher-Yates). */
function shuffle<T>(items: T[]): T[] {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = randomInt(0, at + 1);
    [items[at], items[other]] = [items[other] as T, items[at] as T];
  }
  return items;
}

function nanoseconds(trial: Trial): number {
  const start = process.hrtime();
  trial();
  const [seconds, rest] = process.hrtime(start);
  return seconds * 1e9 + rest;
}

/**
 * Takes `perClass` measurements of every class. Classes alternate in random order, so that what the machine does meanwhile falls on
 * all of them alike; each measurement has a ciphertext of its own.
 */
export async function measure(classes: Readonly<Record<string, Maker>>, perClass: number, onProgress: (taken: number) => void): Promise<Samples> {
  const names = Object.keys(classes);
  const samples = new Map(names.map((name) => [name, new Float64Array(perClass)]));
  for (let taken = 0; taken < warmUp; taken += names.length) for (const make of Object.values(classes)) make()();
  for (let done = 0; done < perClass; done += roundsAtOnce) {
    const rounds = Math.min(roundsAtOnce, perClass - done);
    const prepared = names.flatMap((name) => Array.from({ length: rounds }, (_, round) => ({ name, at: done + round, trial: (classes[name] as Maker)() })));
    for (const { name, at, trial } of shuffle(prepared)) (samples.get(name) as Float64Array)[at] = nanoseconds(trial);
    onProgress((done + rounds) * names.length);
    await new Promise(setImmediate);
  }
  return samples;
}
