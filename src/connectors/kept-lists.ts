/** Revocation lists of a CA elsewhere as they were heard last: many devices ask at once for what is long and seldom new. */

export interface KeptLists {
  /**
   * The list under this key: as it was heard within the last minute, or as `ask` gives it now, or the one of before where it gives none;
   * undefined where there never was one. Whoever asks meanwhile waits for the same answer.
   */
  under(key: string, ask: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>;
  /** They tell less than there is to tell: the next one is asked for. */
  outdate(): void;
}

const keptMs = 60_000;
/** Of one connector; more than the CAs that its devices come from, and an end to what long lists and names of nobody take. */
const mostKept = 8;

interface Kept {
  readonly value: Promise<Buffer | undefined>;
  /** Monotonic, milliseconds. */
  readonly until: number;
}

export function keepLists(monotonicMs: () => number = () => performance.now()): KeptLists {
  const lists = new Map<string, Kept>();

  function heard(key: string, ask: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const before = lists.get(key)?.value;
    const value = ask().then((found) => found ?? before);
    const kept = { value, until: monotonicMs() + keptMs };
    value.catch(() => lists.get(key) === kept && lists.delete(key));
    lists.delete(key);
    lists.set(key, kept);
    if (lists.size > mostKept) lists.delete(lists.keys().next().value as string);
    return value;
  }

  return {
    under(key, ask) {
      const kept = lists.get(key);
      return kept !== undefined && monotonicMs() < kept.until ? kept.value : heard(key, ask);
    },
    outdate() {
      for (const [key, kept] of lists) lists.set(key, { ...kept, until: 0 });
    },
  };
}
