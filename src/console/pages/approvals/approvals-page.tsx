import { Anchor, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useProfiles } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { Order } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { OrderStateBadge } from '../../components/badges.js';
import { EmptyState } from '../../components/empty-state.js';
import { Foreign } from '../../components/foreign.js';
import { showTime, showTotal } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { Decisions } from '../orders/decisions.js';

const { approvals, orders } = words;

/** Everything that waits for a person. */
export function ApprovalsPage() {
  return (
    <Stack gap="md">
      <PageHead title={approvals.title} text={approvals.text} />
      <Waiting state="AWAITING_APPROVAL" title={approvals.waiting} emptyTitle={approvals.emptyTitle} emptyText={approvals.emptyText} />
      <Waiting state="STUCK" title={approvals.stuck} emptyTitle={approvals.stuckEmptyTitle} emptyText={approvals.stuckEmptyText} />
    </Stack>
  );
}

interface WaitingProps {
  readonly state: Order['state'];
  readonly title: string;
  readonly emptyTitle: string;
  readonly emptyText: string;
}

function Waiting({ state, title, emptyTitle, emptyText }: WaitingProps) {
  const { tenantId } = useTenant();
  const result = useQuery(listQuery<Order>('/orders', { state, tenantId, limit: 50, sort: 'createdAt' }, 4_000));
  const { data: profiles } = useProfiles(tenantId);
  const names = new Map((profiles ?? []).map(({ id, name }) => [id, name]));
  const checked = result.dataUpdatedAt > 0 && (
    <Text size="xs" c="dimmed">
      {approvals.checked(showTime(new Date(result.dataUpdatedAt).toISOString()))}
    </Text>
  );
  return (
    <Panel title={result.data === undefined ? title : `${title} (${showTotal(result.data)})`} actions={checked}>
      <Whole result={result}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title={emptyTitle} text={emptyText} />
          ) : (
            <ul className="plain-list">
              {items.map((order) => (
                <Line key={order.id} order={order} profile={names.get(order.profileId)} />
              ))}
            </ul>
          )
        }
      </Whole>
    </Panel>
  );
}

function Line({ order, profile }: { readonly order: Order; readonly profile: string | undefined }) {
  return (
    <Group component="li" justify="space-between" gap="sm" py={6} style={{ borderTop: '1px solid var(--console-line)' }}>
      <div style={{ minWidth: 0 }}>
        <Anchor component={Link} to={`/orders/${order.id}`} size="sm" fw={600}>
          <Foreign text={order.subject === '' ? orders.noSubject : order.subject} />
        </Anchor>
        <Text size="xs" c="dimmed" component="div">
          {profile !== undefined && (
            <>
              <Foreign text={profile} wrap /> ·{' '}
            </>
          )}
          {orders.protocols[order.protocol]} · {orders.operations[order.operation]} · {order.keyType} · <Moment at={order.createdAt} />
        </Text>
      </div>
      <Group gap="xs">
        <OrderStateBadge state={order.state} />
        <Decisions order={order} size="xs" />
      </Group>
    </Group>
  );
}
