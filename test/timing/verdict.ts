import type { Samples } from './measure.js';
import { type Comparison, compareSamples, quantile } from './statistics.js';

/** Interrupts and collections of garbage: what lies above this share of all measurements together is left out of means. */
export const keptShare = 0.95;
/** Of a chance finding, over all comparisons of a table together (Bonferroni). */
export const significance = 0.01;

export interface ClassFacts {
  readonly name: string;
  readonly count: number;
  readonly kept: number;
  readonly mean: number;
  readonly percentiles: readonly number[];
}

export interface Pair extends Comparison {
  readonly left: string;
  readonly right: string;
  /** Whether the two may not differ; other pairs are shown and not judged. */
  readonly isJudged: boolean;
  readonly isDifferent: boolean;
}

export type PairChoice = (pair: { readonly left: string; readonly right: string }) => boolean;

export interface Verdict {
  readonly cut: number;
  readonly classes: readonly ClassFacts[];
  readonly pairs: readonly Pair[];
  /** A p-value below this one is a difference. */
  readonly threshold: number;
}

export const shownPercentiles = [0.1, 0.5, 0.9] as const;

/** Compares every class with every other one; those pairs are judged that `judged` names, and only they share the chance of a false alarm. */
export function judge(samples: Samples, judged: PairChoice = () => true): Verdict {
  const sorted = new Map([...samples].map(([name, values]) => [name, values.slice().sort()]));
  const everything = Float64Array.from([...sorted.values()].flatMap((values) => [...values])).sort();
  const cut = quantile(everything, keptShare);
  const classes = [...sorted].map(([name, values]) => factsOf(name, values, cut));
  const names = [...sorted.keys()];
  const found = names.flatMap((left, index) => names.slice(index + 1).map((right) => ({ left, right })));
  // Three tests for each pair.
  const threshold = significance / (3 * found.filter(judged).length);
  const pairs = found.map(({ left, right }) => {
    const comparison = compareSamples(sorted.get(left) as Float64Array, sorted.get(right) as Float64Array, cut);
    const isJudged = judged({ left, right });
    const isDifferent = isJudged && Math.min(comparison.welchP, comparison.mannWhitneyP, comparison.ksP) < threshold;
    return { left, right, ...comparison, isJudged, isDifferent };
  });
  return { cut, classes, pairs, threshold };
}

function factsOf(name: string, sorted: Float64Array, cut: number): ClassFacts {
  const kept = sorted.filter((value) => value <= cut);
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  return { name, count: sorted.length, kept: kept.length, mean, percentiles: shownPercentiles.map((share) => quantile(sorted, share)) };
}
