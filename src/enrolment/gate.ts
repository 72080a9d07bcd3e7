/** Runs `call` when fewer than `limit` calls of the same connector are under way in this process. */
export type Gate = (connectorId: string, limit: number, call: () => Promise<void>) => Promise<void>;

interface Door {
  busy: number;
  readonly waiting: (() => void)[];
}

export function createGate(): Gate {
  const doors = new Map<string, Door>();
  return async (connectorId, limit, call) => {
    const door = doors.get(connectorId) ?? { busy: 0, waiting: [] };
    doors.set(connectorId, door);
    while (door.busy >= limit) await new Promise<void>((resolve) => door.waiting.push(resolve));
    door.busy += 1;
    try {
      await call();
    } finally {
      door.busy -= 1;
      door.waiting.shift()?.();
      if (door.busy === 0 && door.waiting.length === 0) doors.delete(connectorId);
    }
  };
}
