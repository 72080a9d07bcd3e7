import { Button, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useProfiles } from '../../api/hooks.js';
import { useTenant } from '../../app/tenant.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { useListState } from '../../components/list-state.js';
import { OrderTable } from '../../components/order-table.js';
import { PageHead } from '../../components/page-head.js';
import { profileOptions } from '../../components/profile-options.js';
import { words } from '../../strings/index.js';

const { orders } = words;

export const optionsOf = (table: Readonly<Record<string, string>>) => Object.entries(table).map(([value, label]) => ({ value, label }));

export function OrdersPage() {
  const { tenantId } = useTenant();
  const state = useListState({ filters: ['state', 'phase', 'acknowledged', 'protocol', 'operation', 'profileId', 'accountId'], sort: '-createdAt' });
  const { data } = useProfiles(tenantId);
  const filters = [
    { name: 'state', label: orders.columns.state, options: optionsOf(orders.states) },
    { name: 'phase', label: orders.phase, options: optionsOf(orders.phases) },
    { name: 'acknowledged', label: orders.acknowledged, options: optionsOf(orders.acknowledgedOrNot) },
    { name: 'protocol', label: orders.columns.protocol, options: optionsOf(orders.protocols) },
    { name: 'operation', label: orders.columns.operation, options: optionsOf(orders.operations) },
    { name: 'profileId', label: orders.columns.profile, options: profileOptions(data) },
  ];
  const toProfiles = (
    <Button component={Link} to="/cmp-server" variant="light">
      {orders.emptyAction}
    </Button>
  );
  return (
    <Stack gap="md">
      <PageHead title={orders.title} text={orders.text} />
      <FilterBar state={state} placeholder={orders.searchBy} filters={filters} />
      <OrderTable state={state} empty={<EmptyState title={orders.emptyTitle} text={orders.emptyText} action={toProfiles} />} />
    </Stack>
  );
}
