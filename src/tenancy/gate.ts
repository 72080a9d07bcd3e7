/** Lets a fixed number of jobs run at once; the others wait in the order they came. */
export interface Gate {
  pass<T>(job: () => Promise<T>): Promise<T>;
}

/** More jobs wait than the gate lets wait: come back later. */
export class GateCrowded extends Error {
  override readonly name = 'GateCrowded';
}

/** `mostWaiting`: jobs beyond so many are turned away with `GateCrowded`; none where absent. */
export function openGate(places: number, mostWaiting = Number.POSITIVE_INFINITY): Gate {
  let free = places;
  const waiting: (() => void)[] = [];

  const enter = (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    if (waiting.length >= mostWaiting) return Promise.reject(new GateCrowded('Too many wait already.'));
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
