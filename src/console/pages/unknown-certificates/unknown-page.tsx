import { Anchor, Badge, Button, Drawer, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useConnectors } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { UnknownCertificate } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { plain, showDay } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { words } from '../../strings/index.js';
import { unknownCertificates as text } from '../../strings/unknown-certificates.js';
import { ConnectorLink } from '../profiles/connector-link.js';
import { UnknownDecisions } from './unknown-decisions.js';
import { UnknownFacts } from './unknown-facts.js';

const { columns } = text;
const colours = { FOUND: 'red', REVOKE_WANTED: 'orange', REVOKED: 'gray', KEPT: 'green' } as const satisfies Record<UnknownCertificate['state'], string>;

function columnsFor(open: (item: UnknownCertificate) => void, canDecide: boolean): readonly Column<UnknownCertificate>[] {
  const decisions: Column<UnknownCertificate> = { label: words.common.actions, align: 'right', render: (item) => <UnknownDecisions item={item} /> };
  return [
    {
      label: columns.subject,
      room: 'rest',
      render: (item) => (
        <Anchor component="button" type="button" size="sm" fw={600} maw="100%" ta="left" onClick={() => open(item)}>
          <Foreign text={item.subject === '' ? words.orders.noSubject : item.subject} />
        </Anchor>
      ),
    },
    { label: columns.connector, room: 'narrow', render: ({ connectorId }) => <ConnectorLink id={connectorId} /> },
    { label: columns.origin, render: ({ isOurs }) => <span title={isOurs ? text.oursHint : text.notOursHint}>{isOurs ? text.ours : text.notOurs}</span> },
    { label: columns.state, render: ({ state }) => <Badge color={colours[state]}>{text.states[state]}</Badge> },
    { label: columns.found, sort: 'foundAt', render: ({ foundAt }) => <Moment at={foundAt} /> },
    { label: columns.notAfter, render: ({ notAfter }) => showDay(notAfter) },
    ...(canDecide ? [decisions] : []),
  ];
}

/** What CAs issued and no order knows, and what is to become of it. */
export function UnknownPage() {
  const { tenantId } = useTenant();
  const state = useListState({ filters: ['state', 'connectorId'], sort: '-foundAt' });
  const result = useQuery(listQuery<UnknownCertificate>('/unknown-certificates', state.query, 15_000));
  const { data } = useConnectors(tenantId);
  const canDecide = useMay()('certificate:revoke');
  const [open, setOpen] = useState<UnknownCertificate>();
  const issuing = (data?.items ?? []).filter(({ type }) => type !== 'smtp');
  const filters = [
    { name: 'state', label: text.state, options: Object.entries(text.states).map(([value, label]) => ({ value, label })) },
    { name: 'connectorId', label: columns.connector, options: issuing.map(({ id, name }) => ({ value: id, label: name })) },
  ];
  return (
    <Stack gap="md">
      <PageHead title={text.title} text={text.text}>
        <Button variant="default" component={Link} to="/certificates">
          {words.certificates.title}
        </Button>
      </PageHead>
      <FilterBar state={state} placeholder={text.searchBy} filters={filters} />
      <DataTable
        label={text.list}
        columns={columnsFor(setOpen, canDecide)}
        result={result}
        state={state}
        empty={<EmptyState title={text.emptyTitle} text={text.emptyText} />}
      />
      <Drawer
        opened={open !== undefined}
        onClose={() => setOpen(undefined)}
        title={plain(open?.subject ?? '')}
        position="right"
        size={620}
        closeButtonProps={{ 'aria-label': words.common.close }}
      >
        {open !== undefined && <UnknownFacts item={open} />}
      </Drawer>
    </Stack>
  );
}
