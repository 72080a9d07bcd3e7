import { ActionIcon, Button, Stack } from '@mantine/core';
import { IconPencil, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { listQuery } from '../../api/queries.js';
import type { Tenant } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useKey } from '../../app/keyboard.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { words } from '../../strings/index.js';
import { statusFilter } from '../profiles/profile-filters.js';
import { TenantForm } from './tenant-form.js';

const { common, tenants } = words;
const { columns } = tenants;

function columnsFor(edit: ((tenant: Tenant) => void) | undefined): readonly Column<Tenant>[] {
  const shown: readonly Column<Tenant>[] = [
    { label: columns.name, sort: 'name', render: ({ name }) => <Foreign text={name} /> },
    { label: columns.slug, sort: 'slug', render: ({ slug }) => <Foreign text={slug} /> },
    { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
  ];
  if (edit === undefined) return shown;
  const pencil = (tenant: Tenant) => (
    <ActionIcon aria-label={`${common.edit}: ${tenant.name}`} onClick={() => edit(tenant)}>
      <IconPencil size={16} aria-hidden />
    </ActionIcon>
  );
  return [...shown, { label: common.actions, align: 'right', render: pencil }];
}

export function TenantsPage() {
  const may = useMay();
  const state = useListState({ filters: ['status'], sort: '-createdAt', fixed: { tenantId: undefined } });
  const result = useQuery(listQuery<Tenant>('/tenants', state.query, 30_000));
  const [form, setForm] = useState<{ readonly tenant?: Tenant }>();
  const [highlighted, setHighlighted] = useState<string>();
  const canWrite = may('tenant:write');
  const add = useCallback(() => setForm({}), []);
  useKey('n', canWrite ? add : undefined);
  const saved = ({ id, name }: Tenant): void => {
    announce(form?.tenant === undefined ? tenants.created(name) : tenants.saved(name));
    setForm(undefined);
    setHighlighted(id);
  };
  const addButton = canWrite && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {tenants.add}
    </Button>
  );
  return (
    <Stack gap="md">
      <PageHead title={tenants.title} text={tenants.text}>
        {addButton}
      </PageHead>
      <FilterBar state={state} placeholder={tenants.searchBy} filters={[statusFilter]} />
      <DataTable
        label={tenants.list}
        columns={columnsFor(canWrite ? (tenant) => setForm({ tenant }) : undefined)}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={tenants.emptyTitle} text={tenants.emptyText} action={addButton} />}
      />
      {form !== undefined && <TenantForm key={form.tenant?.id ?? 'new'} tenant={form.tenant} onClose={() => setForm(undefined)} onSaved={saved} />}
    </Stack>
  );
}
