/** How many orders may wait for one connector's CA; beyond it new ones are asked to come later, before anything is promised. */
export const maxBacklog = 10_000;

/** What waits for each connector's CA, of the whole installation. */
export interface Backlog {
  isFull(connectorId: string): boolean;
  /** As counted in the database, a moment ago. */
  update(waiting: ReadonlyMap<string, number>): void;
}

export function createBacklog(most = maxBacklog): Backlog {
  let full: ReadonlySet<string> = new Set();
  return {
    isFull: (connectorId) => full.has(connectorId),
    update(waiting) {
      full = new Set([...waiting].filter(([, count]) => count >= most).map(([connectorId]) => connectorId));
    },
  };
}
