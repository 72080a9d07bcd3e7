const everyMs = 250;
const longMs = 2_000;

/**
 * Notices when this whole process stood still, as on a machine that was suspended or gives its cores to others: the database then ends
 * transactions that were open, and a 503 that says so is no fault of the answer.
 */
export interface StandstillWatch {
  /** How often the process stood still for two seconds or more. */
  readonly times: number;
  /** Whether it did since `begun` (of `performance.now()`). */
  hasStood(begun: number): Promise<boolean>;
  stop(): void;
}

export function watchStandstills(): StandstillWatch {
  let times = 0;
  let lastTick = performance.now();
  let lastEnd = Number.NEGATIVE_INFINITY;
  const tick = (): void => {
    const now = performance.now();
    if (now - lastTick > longMs + everyMs) [times, lastEnd] = [times + 1, now];
    lastTick = now;
  };
  const timer = setInterval(tick, everyMs);
  return {
    get times() {
      return times;
    },
    async hasStood(begun) {
      await new Promise((resolve) => setImmediate(resolve));
      tick();
      return lastEnd >= begun;
    },
    stop: () => clearInterval(timer),
  };
}
