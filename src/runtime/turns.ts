import { Busy } from './busy.js';

/** Lets so many pieces of long work run at once and the others wait in line, so that they take neither the threads nor the event loop for themselves. */
export interface Turns {
  /** Rejects with `Busy` when too many wait, of this source or of all. */
  run<T>(source: string, work: () => Promise<T>): Promise<T>;
}

export interface TurnLimits {
  /** libuv has four threads, which also read files and resolve names. */
  readonly atOnce: number;
  readonly waiting: number;
  /** Of one address, running ones included. */
  readonly perSource: number;
}

/** `refusal`: what who comes too late is told, in the log of this server. */
export function createTurns(limits: TurnLimits, refusal: string): Turns {
  const line: (() => void)[] = [];
  const bySource = new Map<string, number>();
  let running = 0;
  const enter = async (source: string): Promise<void> => {
    const own = bySource.get(source) ?? 0;
    if (own >= limits.perSource || line.length >= limits.waiting) throw new Busy(refusal);
    bySource.set(source, own + 1);
    if (running < limits.atOnce) running += 1;
    else await new Promise<void>((resolve) => void line.push(resolve));
  };
  const leave = (source: string): void => {
    const own = (bySource.get(source) ?? 1) - 1;
    if (own > 0) bySource.set(source, own);
    else bySource.delete(source);
    // Its place goes to the next in line.
    const next = line.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return {
    async run(source, work) {
      await enter(source);
      try {
        return await work();
      } finally {
        leave(source);
      }
    },
  };
}
