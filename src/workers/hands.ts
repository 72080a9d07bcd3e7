import type { DueOrder } from '../enrolment/ports.js';
import type { EnrolmentDeps } from '../enrolment/service.js';

/** `declined`: the CA of the order is to be left alone for now, and so it was. */
export type Taken = 'done' | 'declined';

/** The orders that a job of this process has taken up and not yet put down, no more than so many of each connector: a CA that does not answer keeps nobody else's waiting. */
export interface Hands {
  readonly count: number;
  /** Connectors whose orders are not worth looking for now: as many as may be are in hand, or their CA was to be left alone a moment ago. */
  closed(): readonly string[];
  /** Takes an order up without waiting for it; false when it is in hand already, or its connector is closed. A failure is logged and closes the connector for a while. */
  take(order: DueOrder, work: () => Promise<Taken>): boolean;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

/** So long a CA that was to be left alone is not looked at again. */
const asideMs = 1_000;

export function createHands(perConnector: number, log: EnrolmentDeps['log']): Hands {
  const inHand = new Map<string, Promise<void>>();
  const counts = new Map<string, number>();
  const aside = new Map<string, number>();

  const isClosed = (connectorId: string): boolean =>
    (counts.get(connectorId) ?? 0) >= perConnector || (aside.get(connectorId) ?? Number.NEGATIVE_INFINITY) > performance.now();

  async function hold({ orderId, connectorId }: DueOrder, work: () => Promise<Taken>): Promise<void> {
    counts.set(connectorId, (counts.get(connectorId) ?? 0) + 1);
    const taken = await work().catch((error: unknown): Taken => {
      log.error({ err: error, orderId, connectorId }, 'an order could not be taken up');
      return 'declined';
    });
    if (taken === 'declined') aside.set(connectorId, performance.now() + asideMs);
    else aside.delete(connectorId);
    const left = (counts.get(connectorId) ?? 1) - 1;
    if (left === 0) counts.delete(connectorId);
    else counts.set(connectorId, left);
    inHand.delete(orderId);
  }

  return {
    get count() {
      return inHand.size;
    },
    closed: () => [...new Set([...counts.keys(), ...aside.keys()])].filter(isClosed),
    take(order, work) {
      if (inHand.has(order.orderId) || isClosed(order.connectorId)) return false;
      inHand.set(order.orderId, hold(order, work));
      return true;
    },
    async idle() {
      while (inHand.size > 0) await Promise.all(inHand.values());
    },
  };
}
