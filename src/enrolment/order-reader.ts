import type { Context } from '../tenancy/context.js';
import type { ListQuery, Page } from '../tenancy/ports.js';
import type { Protocol } from '../tenancy/profile.js';
import type { Operation, Order, OrderPhase, OrderState } from './order.js';

export interface OrderListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly protocol?: Protocol;
  readonly profileId?: string;
  readonly accountId?: string;
  readonly connectorId?: string;
  readonly state?: OrderState;
  readonly phase?: OrderPhase;
  /** Of failed and rejected orders: whether somebody has seen to them. */
  readonly acknowledged?: boolean;
  readonly operation?: Operation;
  readonly transactionId?: string;
  /** Received at this time or later. */
  readonly since?: Date;
  /** Received before this time. */
  readonly until?: Date;
}

export const summaryWindows = { '24h': 24, '7d': 168, '30d': 720 } as const;
export type SummaryWindow = keyof typeof summaryWindows;

/** What is counted of the orders of a window. */
export interface OrderFigures {
  readonly totalOrders: number;
  /** Per cent: issued / (issued + failed + rejected); null when none. */
  readonly successRate: number | null;
  readonly failedOrders: number;
  readonly activeFailedOrders: number;
  /** Received to final answer, manual waiting excluded; null when none. */
  readonly averageProcessingMs: number | null;
  readonly activeAccounts: number;
}

/** The card numbers of both protocols, defined once (design: cards). */
export interface OrderSummary extends OrderFigures {
  /** Not in a final state, however old. */
  readonly activeOrders: number;
  /** The same figures of the window before, for the trend. */
  readonly previous: OrderFigures;
}

/** Read models for lists and cards. */
export interface OrderReader {
  find(context: Context, id: string): Promise<Order | undefined>;
  list(context: Context, query: OrderListQuery): Promise<Page<Order>>;
  summary(context: Context, protocol: Protocol, window: SummaryWindow): Promise<OrderSummary>;
  timeline(
    context: Context,
    id: string,
  ): Promise<readonly { readonly at: Date; readonly state: OrderState; readonly actor: string; readonly detail: string }[]>;
}
