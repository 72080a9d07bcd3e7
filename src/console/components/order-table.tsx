import { Anchor, Badge } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useProfiles } from '../api/hooks.js';
import { useLiveOrders } from '../api/order-events.js';
import { listQuery } from '../api/queries.js';
import type { Order } from '../api/types.js';
import { words } from '../strings/index.js';
import { OrderStateBadge } from './badges.js';
import { type Column, DataTable } from './data-table.js';
import { Foreign } from './foreign.js';
import type { ListState } from './list-state.js';
import { Moment } from './moment.js';
import { orderBulk } from './order-bulk.js';

const { columns, operations, protocols } = words.orders;
const everyMs = 4_000;
/** While the server tells what happens: only against what might have been missed. */
const liveEveryMs = 60_000;

const subject: Column<Order> = {
  label: columns.subject,
  sort: 'subject',
  room: 'rest',
  render: (order) => (
    <Anchor component={Link} to={`/orders/${order.id}`} size="sm" fw={600}>
      <Foreign text={order.subject === '' ? words.orders.noSubject : order.subject} />
    </Anchor>
  ),
};

function columnsFor(names: ReadonlyMap<string, string>, isOneProfile: boolean): readonly Column<Order>[] {
  const profile: Column<Order> = {
    label: columns.profile,
    room: 'narrow',
    render: (order) => <Foreign text={names.get(order.profileId) ?? order.profileId} />,
  };
  return [
    subject,
    { label: columns.state, sort: 'state', render: ({ state }) => <OrderStateBadge state={state} /> },
    ...(isOneProfile ? [] : [{ label: columns.protocol, render: ({ protocol }: Order) => protocols[protocol] }, profile]),
    { label: columns.operation, render: ({ operation }) => operations[operation] },
    { label: columns.attempts, sort: 'attempts', align: 'right', render: ({ attempts }) => attempts },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
    { label: columns.finished, sort: 'finishedAt', render: ({ finishedAt }) => (finishedAt === null ? words.common.none : <Moment at={finishedAt} />) },
  ];
}

interface OrderTableProps {
  readonly state: ListState;
  readonly empty: ReactNode;
  readonly isOneProfile?: boolean;
  /** Only to look at: nothing is chosen and nothing saved. */
  readonly isGlance?: boolean;
}

/** Orders as they arrive: the list follows the server's events, and asks by itself while it hears none. */
export function OrderTable({ state, empty, isOneProfile = false, isGlance = false }: OrderTableProps) {
  const { data } = useProfiles();
  const { tenantId, profileId, protocol } = state.query;
  const isLive = useLiveOrders({ tenantId, profileId, protocol });
  const result = useQuery(listQuery<Order>('/orders', state.query, isLive ? liveEveryMs : everyMs));
  const names = new Map((data ?? []).map(({ id, name }) => [id, name]));
  return (
    <DataTable
      label={words.orders.list}
      columns={columnsFor(names, isOneProfile)}
      {...(isGlance ? {} : { bulk: orderBulk, exported: { path: '/orders', query: state.query } })}
      note={isLive && <LiveMark />}
      {...{ result, state, empty }}
    />
  );
}

function LiveMark() {
  return (
    <Badge color="green" title={words.lists.liveHint}>
      {words.lists.live}
    </Badge>
  );
}
