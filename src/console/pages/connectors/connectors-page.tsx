import { Anchor, Button, Group, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useTenants } from '../../api/hooks.js';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { Connector, ConnectorSummary } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useKey } from '../../app/keyboard.js';
import { useMay, useSession } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { HealthBadge, StatusBadge } from '../../components/badges.js';
import { type Card, Cards } from '../../components/cards.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { type Filter, FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { showNumber } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { RowActions } from '../../components/row-actions.js';
import { words } from '../../strings/index.js';
import { statusFilter } from '../profiles/profile-filters.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { ConnectorForm } from './connector-form.js';

const { common, connectors } = words;
const { cards, columns, meanings } = connectors;

function cardsOf(summary: ConnectorSummary | undefined): readonly Card[] {
  const value = (count: number | undefined): string | undefined => (count === undefined ? undefined : showNumber(count));
  return [
    { label: cards.tenants, meaning: meanings.tenants, value: value(summary?.totalTenants) },
    { label: cards.total, meaning: meanings.total, value: value(summary?.totalConnectors) },
    { label: cards.active, meaning: meanings.active, value: value(summary?.activeConnectors) },
  ];
}

interface Writers {
  edit(connector: Connector): void;
  remove(connector: Connector): void;
}

function columnsFor(writers: Writers | undefined): readonly Column<Connector>[] {
  return [
    {
      label: columns.name,
      sort: 'name',
      render: ({ id, name }) => (
        <Anchor component={Link} to={`/connectors/${id}`} size="sm" fw={600}>
          <Foreign text={name} />
        </Anchor>
      ),
    },
    { label: columns.type, sort: 'type', render: ({ type }) => connectors.types[type] },
    { label: columns.tenant, render: ({ tenant }) => <Foreign text={tenant} /> },
    {
      label: columns.status,
      sort: 'status',
      render: ({ status, health }) => (
        <Group gap={6} wrap="nowrap">
          <StatusBadge status={status} />
          {status === 'active' && <HealthBadge health={health} />}
        </Group>
      ),
    },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
    {
      label: common.actions,
      align: 'right',
      render: (connector) => (
        <RowActions
          name={connector.name}
          to={`/connectors/${connector.id}`}
          onEdit={writers && (() => writers.edit(connector))}
          onDelete={writers && (() => writers.remove(connector))}
        />
      ),
    },
  ];
}

function useFilters(): readonly Filter[] {
  const session = useSession();
  const { data } = useTenants();
  const types = Object.entries(connectors.types).map(([value, label]) => ({ value, label }));
  const tenants = (data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  const ofTenant = { name: 'tenantId', label: columns.tenant, options: tenants };
  return [statusFilter, { name: 'type', label: columns.type, options: types }, ...(session.tenantId === null ? [ofTenant] : [])];
}

export function ConnectorsPage() {
  const { tenantId } = useTenant();
  const may = useMay();
  const state = useListState({ filters: ['status', 'type', 'tenantId'], sort: '-createdAt' });
  const filters = useFilters();
  const summary = useQuery(oneQuery<ConnectorSummary>('/connectors/summary', { tenantId }, 15_000));
  const result = useQuery(listQuery<Connector>('/connectors', { ...state.query, tenantId: state.filter('tenantId') ?? tenantId }, 15_000));
  const [form, setForm] = useState<{ readonly connector?: Connector }>();
  const [highlighted, setHighlighted] = useState<string>();
  const deletion = useDeletion('/connectors', connectors.deleteText, connectors.deleted);
  const canWrite = may('connector:write');
  const add = useCallback(() => setForm({}), []);
  useKey('n', canWrite ? add : undefined);
  const close = (): void => setForm(undefined);
  const saved = ({ id, name }: Connector): void => {
    announce(form?.connector === undefined ? connectors.created(name) : connectors.saved(name));
    close();
    setHighlighted(id);
  };
  const addButton = canWrite && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {connectors.add}
    </Button>
  );
  return (
    <Stack gap="md">
      <PageHead title={connectors.title} text={connectors.text}>
        {addButton}
      </PageHead>
      <Cards cards={cardsOf(summary.data)} />
      <FilterBar state={state} placeholder={connectors.searchBy} filters={filters} />
      <DataTable
        label={connectors.list}
        columns={columnsFor(canWrite ? { edit: (connector) => setForm({ connector }), remove: deletion.ask } : undefined)}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={connectors.emptyTitle} text={connectors.emptyText} action={addButton} />}
      />
      {form !== undefined && (
        <ConnectorForm key={form.connector?.id ?? 'new'} connector={form.connector} opened onClose={close} onSaved={saved} onReload={close} />
      )}
      {deletion.dialog}
    </Stack>
  );
}
