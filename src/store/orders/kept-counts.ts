/** Fewer orders than this are counted afresh for everyone who asks. */
const manyOrders = 50_000;
const slowMs = 100;
/** How much longer than it took a count is kept: the database spends at most a twentieth of its time on it. */
const keptFor = 20;

/** `ask`s, or answers what was counted a moment ago under the same key. */
export type KeptCounts<Answer> = (key: string, ask: () => Promise<Answer>) => Promise<Answer>;

/**
 * Keeps counts over many orders that took long, for twenty times as long as they took. `sizeOf` tells how many orders an answer
 * counts: small installations, and everyone else's small tenants, always see the present.
 */
export function keptCounts<Answer>(sizeOf: (answer: Answer) => number): KeptCounts<Answer> {
  const kept = new Map<string, { readonly answer: Answer; readonly until: number }>();
  return async (key, ask) => {
    const start = performance.now();
    const found = kept.get(key);
    if (found !== undefined && start < found.until) return found.answer;
    kept.delete(key);
    const answer = await ask();
    const ms = performance.now() - start;
    if (ms >= slowMs && sizeOf(answer) >= manyOrders) kept.set(key, { answer, until: start + ms * (1 + keptFor) });
    return answer;
  };
}
