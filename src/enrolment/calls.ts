/** Calls of CAs that this process has under way, whether or not a device still waits for them. */
export interface Calls {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when none is left: no process ends between a call and its record while it can help it. */
  idle(): Promise<void>;
}

export function createCalls(): Calls {
  let count = 0;
  let idlers: (() => void)[] = [];
  const ended = (): void => {
    count -= 1;
    if (count > 0) return;
    const waiting = idlers;
    idlers = [];
    for (const resolve of waiting) resolve();
  };
  return {
    async run(work) {
      count += 1;
      try {
        return await work();
      } finally {
        ended();
      }
    },
    idle: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}
