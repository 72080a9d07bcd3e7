/**
 * A place among `limit` calls under way; undefined when too many wait already, or none became free before the deadline. The place is
 * given back by calling what was returned.
 */
export type CallGate = (deadline: AbortSignal) => Promise<(() => void) | undefined>;

interface Waiter {
  enter(): void;
}

export function createCallGate(limit: number, mostWaiting = limit * 4): CallGate {
  const waiting: Waiter[] = [];
  let busy = 0;

  const leave = (): (() => void) => {
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      const next = waiting.shift();
      // The place passes on without becoming free in between.
      if (next === undefined) busy -= 1;
      else next.enter();
    };
  };

  return (deadline) => {
    if (deadline.aborted) return Promise.resolve(undefined);
    if (busy < limit) {
      busy += 1;
      return Promise.resolve(leave());
    }
    if (waiting.length >= mostWaiting) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const giveUp = () => {
        waiting.splice(waiting.indexOf(waiter), 1);
        resolve(undefined);
      };
      const waiter: Waiter = {
        enter() {
          deadline.removeEventListener('abort', giveUp);
          resolve(leave());
        },
      };
      waiting.push(waiter);
      deadline.addEventListener('abort', giveUp, { once: true });
    });
  };
}
