/** How much of one turn of the event loop those who compute may have together. */
export interface LoopShare {
  /** Undefined: begin at once. Else resolves in a later turn, in the order asked. */
  take(): Promise<void> | undefined;
  /** Resolves in a later turn in any case, for one caller in each: for who has had more than his share of this one, and will again. */
  takeLater(): Promise<void>;
}

/** So many of those who wait may begin in one turn, where they are quick. */
const atOnce = 64;

/**
 * What cannot be interrupted is begun for `turnMs` milliseconds of one turn of the event loop; what comes beyond, however it came together,
 * waits for turns that follow, so that answers and probes go out between them. Who never comes beyond pays for a look at the clock, and
 * nothing waits longer than until all that stood before it were begun. `now`: monotonic, milliseconds.
 */
export function createLoopShare(turnMs: number, now: () => number = () => performance.now()): LoopShare {
  const line: (() => void)[] = [];
  let began: number | undefined;
  let scheduled = 0;
  let last: Promise<void> = Promise.resolve();

  function endTurn(): void {
    began = undefined;
  }

  function isOver(): boolean {
    if (began !== undefined) return now() - began > turnMs;
    began = now();
    setImmediate(endTurn);
    return false;
  }

  function serveNext(): void {
    scheduled -= 1;
    if (line.length > 0 && !isOver()) line.shift()?.();
    if (scheduled === 0) schedule();
  }

  function schedule(): void {
    for (; scheduled < Math.min(line.length, atOnce); scheduled += 1) setImmediate(serveNext);
  }

  function wait(): Promise<void> {
    return new Promise((resolve) => {
      line.push(resolve);
      schedule();
    });
  }

  return {
    take: () => (line.length === 0 && !isOver() ? undefined : wait()),
    takeLater: () => {
      last = last.then(() => new Promise((resolve) => void setImmediate(resolve)));
      return last;
    },
  };
}
