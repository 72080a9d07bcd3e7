/** Tests of whether two sets of measurements come from one distribution. All p-values are two-sided. */
export interface Comparison {
  /** Mean of the right minus mean of the left, after the cut; nanoseconds. */
  readonly difference: number;
  /** Half the width of its 95% interval. */
  readonly halfWidth: number;
  readonly welchT: number;
  readonly welchP: number;
  readonly mannWhitneyZ: number;
  readonly mannWhitneyP: number;
  readonly ksD: number;
  readonly ksP: number;
}

/** Complementary error function, fractional error below 1.2e-7 everywhere (Numerical Recipes, erfcc). */
function erfc(x: number): number {
  const z = Math.abs(x);
  const t = 1 / (1 + z / 2);
  const coefficients = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368];
  const series = coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0);
  const value = t * Math.exp(-z * z - 1.26551223 + t * series);
  return x >= 0 ? value : 2 - value;
}

export function normalP(z: number): number {
  return erfc(Math.abs(z) / Math.SQRT2);
}

interface Moments {
  readonly mean: number;
  /** Of the mean. */
  readonly variance: number;
}

function momentsOf(values: Float64Array): Moments {
  let [mean, squares] = [0, 0];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    const step = value - mean;
    mean += step / (index + 1);
    squares += step * (value - mean);
  }
  return { mean, variance: squares / (values.length - 1) / values.length };
}

/** The value below which `share` of all measurements lie. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Welch's t on what lies at or below `cut`; with thousands of measurements t is distributed as a normal. */
function welch(left: Float64Array, right: Float64Array, cut: number) {
  const [a, b] = [momentsOf(left.filter((value) => value <= cut)), momentsOf(right.filter((value) => value <= cut))];
  const error = Math.sqrt(a.variance + b.variance);
  const difference = b.mean - a.mean;
  const t = error === 0 ? 0 : difference / error;
  return { difference, halfWidth: 1.96 * error, welchT: t, welchP: normalP(t) };
}

/** Mann-Whitney's U by the normal approximation with ties, and Kolmogorov-Smirnov's D by its asymptotic distribution; both over everything. */
function ranks(left: Float64Array, right: Float64Array) {
  const [n, m] = [left.length, right.length];
  let [i, j, rankSum, ties, d] = [0, 0, 0, 0, 0];
  for (let rank = 0; rank < n + m; ) {
    const value = Math.min(left[i] ?? Number.POSITIVE_INFINITY, right[j] ?? Number.POSITIVE_INFINITY);
    const [i0, j0] = [i, j];
    while (i < n && left[i] === value) i += 1;
    while (j < m && right[j] === value) j += 1;
    const same = i - i0 + (j - j0);
    rankSum += (i - i0) * (rank + (same + 1) / 2);
    ties += same ** 3 - same;
    rank += same;
    d = Math.max(d, Math.abs(i / n - j / m));
  }
  const u = rankSum - (n * (n + 1)) / 2;
  const total = n + m;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  const z = variance === 0 ? 0 : (u - (n * m) / 2) / Math.sqrt(variance);
  return { mannWhitneyZ: z, mannWhitneyP: normalP(z), ksD: d, ksP: kolmogorovP(d, n, m) };
}

function kolmogorovP(d: number, n: number, m: number): number {
  const root = Math.sqrt((n * m) / (n + m));
  const lambda = (root + 0.12 + 0.11 / root) * d;
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) sum += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * lambda * lambda);
  return Math.min(1, Math.max(0, sum));
}

/** `left` and `right` sorted; `cut` is the same for both, so that neither is favoured. */
export function compareSamples(left: Float64Array, right: Float64Array, cut: number): Comparison {
  return { ...welch(left, right, cut), ...ranks(left, right) };
}
