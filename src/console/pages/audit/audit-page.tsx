import { Badge, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { listQuery } from '../../api/queries.js';
import type { AuditEvent } from '../../api/types.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { words } from '../../strings/index.js';
import { Verification } from './verification.js';

const { audit } = words;
const { columns } = audit;

/** Details in one line: `name: value` after each other. */
function textOf(details: AuditEvent['details']): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

const list: readonly Column<AuditEvent>[] = [
  { label: columns.at, sort: 'at', render: ({ at }) => <Moment at={at} exact /> },
  { label: columns.actor, room: 'narrow', render: ({ actor }) => <Foreign text={actor} /> },
  { label: columns.action, render: ({ action }) => action },
  { label: columns.object, room: 'narrow', render: ({ object }) => <Foreign text={object} /> },
  { label: columns.outcome, render: ({ outcome }) => <Badge color={outcome === 'success' ? 'green' : 'red'}>{audit.outcomes[outcome]}</Badge> },
  { label: columns.details, room: 'rest', render: ({ details }) => <Foreign text={textOf(details)} /> },
];

export function AuditPage() {
  const state = useListState({ filters: ['outcome'], sort: '-at' });
  const result = useQuery(listQuery<AuditEvent>('/audit-events', state.query, 10_000));
  const filters = [{ name: 'outcome', label: columns.outcome, options: Object.entries(audit.outcomes).map(([value, label]) => ({ value, label })) }];
  return (
    <Stack gap="md">
      <PageHead title={audit.title} text={audit.text} />
      <Verification events={result.data?.items ?? []} />
      <FilterBar state={state} placeholder={audit.searchBy} filters={filters} />
      <DataTable
        label={audit.list}
        columns={list}
        result={result}
        state={state}
        exported={{ path: '/audit-events', query: state.query }}
        empty={<EmptyState title={audit.emptyTitle} text={audit.emptyText} />}
      />
    </Stack>
  );
}
