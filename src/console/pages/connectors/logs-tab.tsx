import { Anchor, Badge, Group, Stack, Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { listQuery } from '../../api/queries.js';
import type { ConnectorCall } from '../../api/types.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { showDuration } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { words } from '../../strings/index.js';

const { logs } = words.connectors;
const everyMs = 2_000;
const colours = { info: 'blue', warning: 'orange', error: 'red' } as const satisfies Record<ConnectorCall['level'], string>;
const operations = ['issue', 'lookup', 'revoke', 'chain', 'crl', 'send', 'verify', 'probe', 'test'];

const columns: readonly Column<ConnectorCall>[] = [
  { label: logs.time, sort: 'at', render: ({ at }) => <Moment at={at} exact /> },
  { label: logs.level, render: ({ level }) => <Badge color={colours[level]}>{logs.levels[level]}</Badge> },
  { label: logs.operation, render: ({ operation }) => operation },
  { label: logs.outcome, render: ({ outcome }) => outcome },
  { label: logs.message, render: ({ detail }) => <Foreign text={detail} wrap /> },
  { label: logs.duration, align: 'right', render: ({ durationMs }) => showDuration(durationMs) },
  {
    label: logs.order,
    render: ({ orderId }) =>
      orderId === null ? (
        words.common.none
      ) : (
        <Anchor component={Link} to={`/orders/${orderId}`} size="sm">
          {words.common.view}
        </Anchor>
      ),
  },
];

/** Every call to the other side, newest first; `Live` reads them as they come. */
export function LogsTab({ id }: { readonly id: string }) {
  const [isLive, setLive] = useState(true);
  const state = useListState({ filters: ['level', 'operation'], sort: '-at', fixed: { tenantId: undefined } });
  const result = useQuery(listQuery<ConnectorCall>(`/connectors/${id}/logs`, state.query, isLive ? everyMs : undefined));
  const filters = [
    { name: 'level', label: logs.level, options: Object.entries(logs.levels).map(([value, label]) => ({ value, label })) },
    { name: 'operation', label: logs.operation, options: operations.map((value) => ({ value, label: value })) },
  ];
  return (
    <Stack gap="md">
      <Group justify="end">
        <Switch label={logs.live} checked={isLive} onChange={(event) => setLive(event.currentTarget.checked)} />
      </Group>
      <FilterBar state={state} placeholder={logs.searchBy} filters={filters} />
      <DataTable
        label={logs.list}
        columns={columns}
        result={result}
        state={state}
        exported={{ path: `/connectors/${id}/logs`, query: state.query }}
        empty={<EmptyState title={logs.emptyTitle} text={logs.emptyText} />}
      />
    </Stack>
  );
}
