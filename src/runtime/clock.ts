/** The wall clock as an argument, so that tests can stop it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** A clock that stands still at `at` until it is moved with `advance`. */
export function stoppedClock(at: Date): Clock & { advance(ms: number): void } {
  let time = at.getTime();
  return {
    now: () => new Date(time),
    advance: (ms) => {
      time += ms;
    },
  };
}
