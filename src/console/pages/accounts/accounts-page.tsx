import { Anchor, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useProfiles } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { Account } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { profileOptions } from '../../components/profile-options.js';
import { TenantNames } from '../../components/tenant-names.js';
import { words } from '../../strings/index.js';

const { accounts, common } = words;
const { columns } = accounts;

function columnsFor(names: ReadonlyMap<string, string>): readonly Column<Account>[] {
  return [
    { label: columns.label, sort: 'label', render: ({ label }) => <Foreign text={label} /> },
    { label: columns.profile, render: ({ profileId }) => <Foreign text={names.get(profileId) ?? profileId} /> },
    { label: columns.tenant, render: ({ tenantId }) => <TenantNames ids={[tenantId]} /> },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
    { label: columns.last, render: ({ lastOrderAt }) => (lastOrderAt === null ? common.never : <Moment at={lastOrderAt} />) },
    {
      label: accounts.orders,
      align: 'right',
      render: ({ id, label }) => (
        <Anchor component={Link} to="/orders" search={{ accountId: id } as never} size="sm" aria-label={`${common.view}: ${label}`}>
          {common.view}
        </Anchor>
      ),
    },
  ];
}

export function AccountsPage() {
  const { tenantId } = useTenant();
  const state = useListState({ filters: ['profileId'], sort: '-createdAt' });
  const { data } = useProfiles(tenantId);
  const result = useQuery(listQuery<Account>('/accounts', state.query, 10_000));
  const filters = [{ name: 'profileId', label: columns.profile, options: profileOptions(data) }];
  const names = new Map((data ?? []).map(({ id, name }) => [id, name]));
  return (
    <Stack gap="md">
      <PageHead title={accounts.title} text={accounts.text} />
      <FilterBar state={state} placeholder={accounts.searchBy} filters={filters} />
      <DataTable
        label={accounts.list}
        columns={columnsFor(names)}
        result={result}
        state={state}
        exported={{ path: '/accounts', query: state.query }}
        empty={<EmptyState title={accounts.emptyTitle} text={accounts.emptyText} />}
      />
    </Stack>
  );
}
