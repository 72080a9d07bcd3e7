import { Group } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy } from 'react';
import { useTenants } from '../../api/hooks.js';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { Connector, ConnectorSummary } from '../../api/types.js';
import { useSession } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { HealthBadge, StatusBadge } from '../../components/badges.js';
import { type Card, Cards } from '../../components/cards.js';
import type { Column } from '../../components/data-table.js';
import type { Filter } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { showNumber } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { ManagedList } from '../../components/managed-list.js';
import { Moment } from '../../components/moment.js';
import { NameLink } from '../../components/name-link.js';
import { words } from '../../strings/index.js';
import { bulkOf } from '../profiles/bulk-of.js';
import { statusFilter } from '../profiles/profile-filters.js';
import { useDeletion } from '../profiles/use-deletion.js';

const { connectors } = words;
const { cards, columns, meanings } = connectors;

function cardsOf(summary: ConnectorSummary | undefined): readonly Card[] {
  const value = (count: number | undefined): string | undefined => (count === undefined ? undefined : showNumber(count));
  return [
    { label: cards.tenants, meaning: meanings.tenants, value: value(summary?.totalTenants) },
    { label: cards.total, meaning: meanings.total, value: value(summary?.totalConnectors) },
    { label: cards.active, meaning: meanings.active, value: value(summary?.activeConnectors) },
  ];
}

const list: readonly Column<Connector>[] = [
  { label: columns.name, sort: 'name', render: ({ id, name }) => <NameLink to={`/connectors/${id}`} name={name} /> },
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
];

const bulk = bulkOf<Connector>({ path: '/connectors', writes: 'connector:write' }, connectors.deleteText);
const Form = lazy(async () => ({ default: (await import('./connector-form.js')).ConnectorForm }));

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
  const state = useListState({ filters: ['status', 'type', 'tenantId'], sort: '-createdAt' });
  const summary = useQuery(oneQuery<ConnectorSummary>('/connectors/summary', { tenantId }, 15_000));
  const result = useQuery(listQuery<Connector>('/connectors', { ...state.query, tenantId: state.filter('tenantId') ?? tenantId }, 15_000));
  return (
    <ManagedList
      {...{ path: '/connectors', place: '/connectors', writes: 'connector:write', words: connectors, state, result }}
      searchBy={connectors.searchBy}
      filters={useFilters()}
      columns={list}
      form={Form}
      bulk={bulk}
      deletion={useDeletion('/connectors', connectors.deleteText, connectors.deleted)}
    >
      <Cards cards={cardsOf(summary.data)} />
    </ManagedList>
  );
}
