import type { Context } from '../../tenancy/context.js';
import type { Protocol } from '../../tenancy/profile.js';

export interface OrdersOfDay {
  /** `2026-03-01`, UTC. */
  readonly day: string;
  readonly protocol: Protocol;
  readonly issued: number;
  readonly refused: number;
  readonly open: number;
}

/** What someone should look at, and how much of it there is; null in `since` where it has no age. */
export interface Attention {
  readonly kind: (typeof attentionKinds)[number];
  readonly count: number;
  /** The oldest of them. */
  readonly since: Date | null;
}

export const attentionKinds = [
  'awaiting-approval',
  'stuck',
  'uncertain',
  'failed-unacknowledged',
  'connector-down',
  'unknown-certificates',
  'certificates-expiring',
] as const;

export interface Dashboard {
  /** Days without an order of a protocol are left out. */
  readonly days: readonly OrdersOfDay[];
  /** Received to final answer, manual waiting excluded, of the newest orders; null when none. Milliseconds. */
  readonly latency: { readonly p50Ms: number | null; readonly p95Ms: number | null; readonly orders: number };
  /** Valid certificates that expire within so many days. */
  readonly expiring: { readonly within7Days: number; readonly within30Days: number; readonly within90Days: number };
  /** Only what there is, in the sequence of `attentionKinds`. */
  readonly attention: readonly Attention[];
}

export interface DashboardReader {
  /** `days`: how far back orders are counted, today included. */
  read(context: Context, days: number): Promise<Dashboard>;
}
