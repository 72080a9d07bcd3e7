/** How many calls of one connector this process has under way, and who waits for a place. */
export interface Gate {
  /**
   * Runs `call` when fewer than `limit` calls of the connector are under way. When too many already wait it is not run at all: its order
   * stays ACCEPTED, and the worker takes it up in its turn.
   */
  run(connectorId: string, limit: number, call: () => Promise<void>): Promise<void>;
  /**
   * A place for one call, at once or within `patienceMs`; whoever gets it calls `leave` once, however the call ends. Undefined when there is
   * none in that time, or too many wait already.
   */
  enter(connectorId: string, limit: number, patienceMs: number): Promise<Leave | undefined>;
  /** Places that are free now. */
  free(connectorId: string, limit: number): number;
}

export type Leave = () => void;

interface Door {
  busy: number;
  readonly waiting: Set<() => void>;
}

/** What waits costs memory, and its device is told to come back long before its turn: a CA that hangs must not fill the process. */
export const maxWaiting = 1_000;

export function createGate(): Gate {
  const doors = new Map<string, Door>();

  function leave(connectorId: string, door: Door): void {
    door.busy -= 1;
    const [next] = door.waiting;
    // Whoever is woken still counts on this door; it must not be taken away between here and there.
    if (next !== undefined) next();
    else if (door.busy === 0) doors.delete(connectorId);
  }

  /** The place is taken for the one who waited before it is told, so that nobody comes between. */
  function queue(door: Door, patienceMs: number | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = patienceMs === undefined ? undefined : setTimeout(() => settle(false), patienceMs);
      const settle = (hasPlace: boolean): void => {
        clearTimeout(timer);
        door.waiting.delete(take);
        if (hasPlace) door.busy += 1;
        resolve(hasPlace);
      };
      const take = (): void => settle(true);
      door.waiting.add(take);
    });
  }

  async function enter(connectorId: string, limit: number, patienceMs?: number): Promise<Leave | undefined> {
    const door = doors.get(connectorId) ?? { busy: 0, waiting: new Set() };
    if (door.waiting.size >= maxWaiting) return undefined;
    doors.set(connectorId, door);
    if (door.busy < limit) door.busy += 1;
    else if (!(await queue(door, patienceMs))) return undefined;
    return () => leave(connectorId, door);
  }

  return {
    async run(connectorId, limit, call) {
      const left = await enter(connectorId, limit);
      if (left === undefined) return;
      try {
        await call();
      } finally {
        left();
      }
    },
    enter,
    free: (connectorId, limit) => limit - (doors.get(connectorId)?.busy ?? 0),
  };
}
