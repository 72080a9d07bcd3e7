/**
 * `work`, or what stands for it `graceMs` after the deadline: the other side may keep a connection open and never answer, and a resolver
 * cannot be told to stop. The grace is for what ends by the same deadline and can say more of it. Rejects as `work` does.
 */
export function firstOf<T>(work: Promise<T>, deadline: AbortSignal, late: () => T, graceMs = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    let grace: NodeJS.Timeout | undefined;
    const giveUp = () => {
      grace = setTimeout(() => resolve(late()), graceMs);
    };
    if (deadline.aborted) giveUp();
    else deadline.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => {
      deadline.removeEventListener('abort', giveUp);
      clearTimeout(grace);
    });
  });
}
