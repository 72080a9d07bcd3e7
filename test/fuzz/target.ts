import { type Seed, seedOf } from '../support/mutate.js';
import type { Random } from '../support/random.js';

/** One message to be tried. `isVouched`: someone with the right key or secret stands behind its content. */
export interface Trial {
  readonly bytes: Buffer;
  readonly isVouched: boolean;
  /** Which of a target's profiles it is sent to, where there are several. */
  readonly place?: number;
}

export interface Target {
  readonly name: string;
  /** How often it is chosen, in parts of the sum of all weights. */
  readonly weight: number;
  make(random: Random): Trial;
  /** Throws on what must never happen; returns what happened in a few words, so that new behaviour is noticed. */
  check(trial: Trial): string | Promise<string>;
  /** Whether what happened is counted and shown at the end. */
  readonly isTallied?: true;
}

/** Thrown by checks: a promise of the code that was broken without an exception. */
export class Broken extends Error {}

export function must(condition: boolean, what: string): void {
  if (!condition) throw new Broken(what);
}

const mostFinds = 300;

/** Inputs that made something happen which had not happened before: they are mutated further. */
export class Finds {
  readonly #known = new Set<string>();
  readonly seeds: Seed[] = [];

  note(what: string, bytes: Buffer): void {
    if (this.seeds.length >= mostFinds || this.#known.has(what) || bytes.length > 20_000) return;
    this.#known.add(what);
    this.seeds.push(seedOf(what, bytes));
  }
}
