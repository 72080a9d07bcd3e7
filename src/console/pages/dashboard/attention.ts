import { useQuery } from '@tanstack/react-query';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { Connector, Order, ScepSummary } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { showNumber, showTotal } from '../../components/format.js';
import { words } from '../../strings/index.js';

export interface Concern {
  readonly text: string;
  readonly to: string;
  readonly isGrave: boolean;
}

export interface Attention {
  readonly concerns: readonly Concern[];
  readonly isPending: boolean;
  readonly hasFailed: boolean;
  /** In ms since 1970. */
  readonly checkedAt: number;
}

const everyMs = 15_000;
const { dashboard } = words;

/** Everything that waits for an operator, from what the API tells of orders and connectors. */
export function useAttention(): Attention {
  const { tenantId } = useTenant();
  const orders = (state: Order['state']) => listQuery<Order>('/orders', { state, tenantId, limit: 1 }, everyMs);
  const awaiting = useQuery(orders('AWAITING_APPROVAL'));
  const stuck = useQuery(orders('STUCK'));
  const connectors = useQuery(listQuery<Connector>('/connectors', { status: 'active', tenantId, limit: 200, sort: 'name' }, everyMs));
  const scep = useQuery(oneQuery<ScepSummary>('/scep-profiles/summary', { window: '24h', tenantId }, everyMs));
  const all = [awaiting, stuck, connectors, scep];
  const concerns = [
    ...(stuck.data !== undefined && stuck.data.total > 0 ? [{ text: dashboard.stuck(showTotal(stuck.data)), to: '/approvals', isGrave: true }] : []),
    ...(awaiting.data !== undefined && awaiting.data.total > 0
      ? [{ text: dashboard.awaiting(showTotal(awaiting.data)), to: '/approvals', isGrave: false }]
      : []),
    ...(connectors.data?.items ?? []).flatMap(concernOf),
    ...failedConcern(scep.data),
  ];
  return {
    concerns,
    isPending: all.some(({ isPending }) => isPending),
    hasFailed: all.some(({ isError }) => isError),
    checkedAt: Math.min(...all.map(({ dataUpdatedAt }) => dataUpdatedAt)),
  };
}

function concernOf({ id, name, health }: Connector): readonly Concern[] {
  const to = `/connectors/${id}`;
  if (health === 'DOWN') return [{ text: dashboard.down(name), to, isGrave: true }];
  return health === 'DEGRADED' ? [{ text: dashboard.degraded(name), to, isGrave: false }] : [];
}

function failedConcern(summary: ScepSummary | undefined): readonly Concern[] {
  if (summary === undefined || summary.activeFailedOrders === 0) return [];
  return [{ text: dashboard.failed(showNumber(summary.activeFailedOrders), 'SCEP'), to: '/orders?protocol=scep', isGrave: false }];
}
