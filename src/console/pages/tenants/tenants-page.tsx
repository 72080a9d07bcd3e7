import { useQuery } from '@tanstack/react-query';
import { lazy } from 'react';
import { listQuery } from '../../api/queries.js';
import type { Tenant } from '../../api/types.js';
import { StatusBadge } from '../../components/badges.js';
import type { Column } from '../../components/data-table.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { ManagedList } from '../../components/managed-list.js';
import { Moment } from '../../components/moment.js';
import { words } from '../../strings/index.js';
import { statusFilter } from '../profiles/profile-filters.js';

const { tenants } = words;
const { columns } = tenants;

const list: readonly Column<Tenant>[] = [
  { label: columns.name, sort: 'name', render: ({ name }) => <Foreign text={name} /> },
  { label: columns.slug, sort: 'slug', render: ({ slug }) => <Foreign text={slug} /> },
  { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
  { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
];

const Form = lazy(async () => ({ default: (await import('./tenant-form.js')).TenantForm }));

/** The organisations. None is ever deleted: orders and audit name it for good. */
export function TenantsPage() {
  const state = useListState({ filters: ['status'], sort: '-createdAt', fixed: { tenantId: undefined } });
  const result = useQuery(listQuery<Tenant>('/tenants', state.query, 30_000));
  return (
    <ManagedList
      {...{ path: '/tenants', writes: 'tenant:write', words: tenants, state, result }}
      searchBy={tenants.searchBy}
      filters={[statusFilter]}
      columns={list}
      form={Form}
    />
  );
}
