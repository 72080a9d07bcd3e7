import type { OrderEvent, OrderEventReader, TrailPosition } from '../../enrolment/order-events.js';
import type { Log } from '../../runtime/log.js';

/** Hears of every order's events as they come; must not throw. */
export type Listener = (events: readonly OrderEvent[]) => void;

export interface OrderEventFeed {
  /** Listens from now on, until the function that it resolves to is called. */
  listen(listener: Listener): Promise<() => void>;
  readonly since: OrderEventReader['since'];
}

export interface FeedTimes {
  readonly pollMs: number;
}

const mostAtOnce = 500;

/** One reader of the trail for everyone who listens in this process; while nobody does, the database is not asked. */
export function orderEventFeed(reader: OrderEventReader, log: Log, { pollMs }: FeedTimes): OrderEventFeed {
  const listeners = new Set<Listener>();
  let position: TrailPosition | undefined;
  let isReading = false;
  let timer: NodeJS.Timeout | undefined;

  const read = async (): Promise<void> => {
    if (isReading || position === undefined) return;
    isReading = true;
    try {
      const found = await reader.after(position, mostAtOnce);
      position = found.position;
      if (found.events.length > 0) for (const listener of listeners) listener(found.events);
    } catch (error) {
      // Read again at the next turn: the position has not moved, so that nothing is missed.
      log.warn({ err: error }, 'the events of orders could not be read');
    } finally {
      isReading = false;
    }
  };

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    position = undefined;
  };

  return {
    async listen(listener) {
      listeners.add(listener);
      try {
        position ??= await reader.position();
      } catch (error) {
        listeners.delete(listener);
        throw error;
      }
      timer ??= setInterval(() => void read(), pollMs).unref();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    since: (time, limit) => reader.since(time, limit),
  };
}
