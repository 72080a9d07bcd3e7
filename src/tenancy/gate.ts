/** Lets a fixed number of jobs run at once; the others wait in the order they came. */
export interface Gate {
  pass<T>(job: () => Promise<T>): Promise<T>;
}

export function openGate(places: number): Gate {
  let free = places;
  const waiting: (() => void)[] = [];

  const enter = (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };

  return {
    async pass(job) {
      await enter();
      try {
        return await job();
      } finally {
        leave();
      }
    },
  };
}
