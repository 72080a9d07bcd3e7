export interface KeptFrom {
  /** Less than this is counted afresh for everyone who asks. */
  readonly many: number;
  /** So is what took less time. */
  readonly slowMs: number;
}

const ofOrders: KeptFrom = { many: 20_000, slowMs: 100 };
/** How much longer than it took a count is kept: the database spends at most a twentieth of its time on it. */
const keptFor = 20;

/** `ask`s, or answers what was counted a moment ago under the same key. */
export type KeptCounts<Answer> = (key: string, ask: () => Promise<Answer>) => Promise<Answer>;

/** For so long after its time an old answer is still given, while a new one is counted for whoever asks next. */
const staleMs = 60_000;

interface Kept<Answer> {
  readonly answer: Answer;
  readonly until: number;
}

/**
 * Keeps counts over many rows that took long, for twenty times as long as they took, and a minute more while they are counted anew.
 * Whoever asks while a count is under way gets that one. `sizeOf` tells how many rows an answer counts: small installations, and everyone
 * else's small tenants, always see the present.
 */
export function keptCounts<Answer>(sizeOf: (answer: Answer) => number, { many, slowMs } = ofOrders): KeptCounts<Answer> {
  const kept = new Map<string, Kept<Answer>>();
  const underWay = new Map<string, Promise<Answer>>();
  const count = async (key: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const start = performance.now();
    const answer = await ask();
    const ms = performance.now() - start;
    if (ms >= slowMs && sizeOf(answer) >= many) kept.set(key, { answer, until: start + ms * (1 + keptFor) });
    else kept.delete(key);
    return answer;
  };
  const once = (key: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const counting = underWay.get(key) ?? count(key, ask).finally(() => underWay.delete(key));
    underWay.set(key, counting);
    return counting;
  };
  return async (key, ask) => {
    const found = kept.get(key);
    const now = performance.now();
    if (found === undefined) return count(key, ask);
    if (now < found.until) return found.answer;
    if (now >= found.until + staleMs) return once(key, ask);
    // A count that fails is asked for again by the next one; this one has its answer.
    void once(key, ask).catch(() => undefined);
    return found.answer;
  };
}
