/** Requests of devices that wait for a CA elsewhere: they hold a connection and some memory, but neither processor nor database. */
export interface Waits {
  run<T>(work: () => Promise<T>): Promise<T>;
  count(): number;
}

export function createWaits(): Waits {
  let count = 0;
  return {
    async run(work) {
      count += 1;
      try {
        return await work();
      } finally {
        count -= 1;
      }
    },
    count: () => count,
  };
}
