import type { Protocol } from '../tenancy/profile.js';
import type { Operation, OrderState } from './order.js';

/** Something that happened to an order, as the audit recorded it. */
export interface OrderEvent {
  /** Unique over all nodes. */
  readonly key: string;
  readonly at: Date;
  /** `order.accepted`, `order.issued`, ... */
  readonly action: string;
  /** The state it then entered. */
  readonly state: OrderState;
  readonly orderId: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly protocol: Protocol;
  readonly operation: Operation;
  /** RFC 4514 text. */
  readonly subject: string;
}

/** How far the trail of every node has been read: the last number, by run of a node. */
export type TrailPosition = ReadonlyMap<string, number>;

/** What happens to orders, on all nodes. */
export interface OrderEventReader {
  /** The end of the trail. */
  position(): Promise<TrailPosition>;
  /** What came after `position`, at most `limit` of each node, and where that ends. Misses nothing: the numbers of a node have no gap. */
  after(position: TrailPosition, limit: number): Promise<{ readonly events: readonly OrderEvent[]; readonly position: TrailPosition }>;
  /** What happened from `time` on, oldest first, at most `limit`. */
  since(time: Date, limit: number): Promise<readonly OrderEvent[]>;
}
