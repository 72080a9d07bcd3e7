/**
 * Runs `call` when fewer than `limit` calls of the same connector are under way in this process. When too many already wait it is not
 * run at all: its order stays ACCEPTED, and the worker takes it up in its turn.
 */
export type Gate = (connectorId: string, limit: number, call: () => Promise<void>) => Promise<void>;

interface Door {
  busy: number;
  readonly waiting: (() => void)[];
}

/** What waits costs memory, and its device is told to come back long before its turn: a CA that hangs must not fill the process. */
export const maxWaiting = 1_000;

export function createGate(): Gate {
  const doors = new Map<string, Door>();
  return async (connectorId, limit, call) => {
    const door = doors.get(connectorId) ?? { busy: 0, waiting: [] };
    if (door.waiting.length >= maxWaiting) return;
    doors.set(connectorId, door);
    while (door.busy >= limit) await new Promise<void>((resolve) => door.waiting.push(resolve));
    door.busy += 1;
    try {
      await call();
    } finally {
      door.busy -= 1;
      const next = door.waiting.shift();
      // Whoever is woken still counts on this door; it must not be taken away between here and there.
      if (next !== undefined) next();
      else if (door.busy === 0) doors.delete(connectorId);
    }
  };
}
