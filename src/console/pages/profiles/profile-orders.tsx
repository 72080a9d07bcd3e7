import { Stack } from '@mantine/core';
import { EmptyState } from '../../components/empty-state.js';
import { useListState } from '../../components/list-state.js';
import { OrderTable } from '../../components/order-table.js';
import { words } from '../../strings/index.js';

/** The orders of one profile, as they arrive. */
export function ProfileOrders({ profileId }: { readonly profileId: string }) {
  const state = useListState({ filters: [], sort: '-createdAt', fixed: { profileId } });
  return (
    <Stack gap="md">
      <OrderTable state={state} isOneProfile empty={<EmptyState title={words.orders.emptyTitle} text={words.orders.emptyText} />} />
    </Stack>
  );
}
