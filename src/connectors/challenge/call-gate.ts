/**
 * A place among `limit` calls under way; undefined when too many wait already, or none became free before the deadline. The place is
 * given back by calling what was returned. Suspects have half of the places and half of the waiting room among them, so that who
 * guesses challenges cannot keep the others out.
 */
export type CallGate = (deadline: AbortSignal, isSuspect: boolean) => Promise<(() => void) | undefined>;

interface Waiter {
  readonly isSuspect: boolean;
  enter(): void;
}

export function createCallGate(limit: number, mostWaiting = limit * 4): CallGate {
  const waiting: Waiter[] = [];
  const mostSuspects = Math.max(1, Math.floor(limit / 2));
  let [busy, suspects] = [0, 0];

  const isFree = (isSuspect: boolean): boolean => busy < limit && !(isSuspect && suspects >= mostSuspects);

  const isFull = (isSuspect: boolean): boolean => {
    if (waiting.length >= mostWaiting) return true;
    return isSuspect && waiting.filter((waiter) => waiter.isSuspect).length >= mostWaiting / 2;
  };

  /** The first for whom there is a place. */
  const letIn = (): void => {
    const at = waiting.findIndex((waiter) => isFree(waiter.isSuspect));
    const [next] = at === -1 ? [] : waiting.splice(at, 1);
    next?.enter();
  };

  const enter = (isSuspect: boolean): (() => void) => {
    busy += 1;
    if (isSuspect) suspects += 1;
    return () => {
      busy -= 1;
      if (isSuspect) suspects -= 1;
      letIn();
    };
  };

  return (deadline, isSuspect) => {
    if (deadline.aborted) return Promise.resolve(undefined);
    if (isFree(isSuspect)) return Promise.resolve(enter(isSuspect));
    if (isFull(isSuspect)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const giveUp = () => {
        waiting.splice(waiting.indexOf(waiter), 1);
        resolve(undefined);
      };
      const waiter: Waiter = {
        isSuspect,
        enter() {
          deadline.removeEventListener('abort', giveUp);
          resolve(enter(isSuspect));
        },
      };
      waiting.push(waiter);
      deadline.addEventListener('abort', giveUp, { once: true });
    });
  };
}
