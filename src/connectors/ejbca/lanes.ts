/** One call at a time under each name; calls under other names go on beside it. */
export type Lanes = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/**
 * EJBCA edits an end entity and issues for it in one call: two at once under one name get in each other's way. Between processes the
 * answer `ee-state` tells, and the call is made once more.
 */
export function createLanes(): Lanes {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    last.set(name, settled);
    try {
      return await mine;
    } finally {
      if (last.get(name) === settled) last.delete(name);
    }
  };
}
