import { Anchor } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { CmpProfile } from '../../api/types.js';
import { StatusBadge } from '../../components/badges.js';
import type { Column } from '../../components/data-table.js';
import { Foreign } from '../../components/foreign.js';
import { OrderCounts } from '../../components/order-counts.js';
import { RowActions } from '../../components/row-actions.js';
import { words } from '../../strings/index.js';

interface Writers {
  edit(profile: CmpProfile): void;
  remove(profile: CmpProfile): void;
}

const { columns } = words.cmp;

/** The columns of the CMP profiles; without writers nothing can be changed. */
export function cmpColumns(writers: Writers | undefined): readonly Column<CmpProfile>[] {
  return [
    {
      label: columns.name,
      sort: 'name',
      render: ({ id, name }) => (
        <Anchor component={Link} to={`/cmp-server/${id}`} size="sm" fw={600}>
          <Foreign text={name} />
        </Anchor>
      ),
    },
    { label: columns.connector, sort: 'connector', render: ({ connector }) => <Foreign text={connector} /> },
    { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.tenant, sort: 'tenant', render: ({ tenant }) => <Foreign text={tenant} /> },
    { label: columns.orders, sort: 'orders', align: 'right', render: ({ orders }) => <OrderCounts orders={orders} /> },
    {
      label: words.common.actions,
      align: 'right',
      render: (profile) => (
        <RowActions
          name={profile.name}
          to={`/cmp-server/${profile.id}`}
          onEdit={writers && (() => writers.edit(profile))}
          onDelete={writers && (() => writers.remove(profile))}
        />
      ),
    },
  ];
}
