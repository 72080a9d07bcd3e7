import { Anchor, Badge, Code, Drawer, Group, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { Mail, WholeMail } from '../../api/types.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { Facts } from '../../components/facts.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { plain } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { words } from '../../strings/index.js';
import { mails, rules } from '../../strings/notifications.js';
import { MailRetry } from './mail-retry.js';

const { common } = words;
const { columns } = mails;
const colours = { waiting: 'blue', sent: 'green', dead: 'red' } as const satisfies Record<Mail['state'], string>;
const filters = [
  { name: 'state', label: mails.state, options: Object.entries(mails.states).map(([value, label]) => ({ value, label })) },
  { name: 'kind', label: mails.kind, options: Object.entries(rules.kinds).map(([value, label]) => ({ value, label })) },
];

function StateMark({ state }: { readonly state: Mail['state'] }) {
  return <Badge color={colours[state]}>{mails.states[state]}</Badge>;
}

function columnsFor(open: (mail: Mail) => void, isOneRule: boolean): readonly Column<Mail>[] {
  const rule: Column<Mail> = { label: columns.rule, room: 'narrow', render: ({ ruleName }) => <Foreign text={ruleName} /> };
  return [
    {
      label: columns.subject,
      room: 'rest',
      render: (mail) => (
        <Anchor component="button" type="button" size="sm" fw={600} maw="100%" ta="left" onClick={() => open(mail)}>
          <Foreign text={mail.subject} />
        </Anchor>
      ),
    },
    { label: columns.recipient, room: 'narrow', render: ({ recipient }) => <Foreign text={recipient} /> },
    ...(isOneRule ? [] : [rule]),
    { label: columns.state, render: ({ state }) => <StateMark state={state} /> },
    { label: columns.attempts, align: 'right', render: ({ attempts }) => attempts },
    { label: columns.created, sort: 'createdAt', render: ({ createdAt }) => <Moment at={createdAt} /> },
    { label: columns.next, render: ({ nextAttemptAt }) => (nextAttemptAt === null ? common.none : <Moment at={nextAttemptAt} />) },
  ];
}

/** Mails as they go out, of one rule or of all; a click shows what one says. */
export function MailTable({ ruleId }: { readonly ruleId?: string }) {
  const state = useListState({ filters: ['state', 'kind'], sort: '-createdAt', fixed: { ruleId } });
  const result = useQuery(listQuery<Mail>('/mails', state.query, 5_000));
  const [open, setOpen] = useState<Mail>();
  return (
    <Stack gap="md">
      <FilterBar state={state} placeholder={mails.searchBy} filters={filters} />
      <DataTable
        label={mails.list}
        columns={columnsFor(setOpen, ruleId !== undefined)}
        result={result}
        state={state}
        empty={<EmptyState title={mails.emptyTitle} text={mails.emptyText} />}
      />
      <Drawer
        opened={open !== undefined}
        onClose={() => setOpen(undefined)}
        title={plain(open?.subject ?? '')}
        position="right"
        size={620}
        closeButtonProps={{ 'aria-label': common.close }}
      >
        {open !== undefined && <MailShown id={open.id} />}
      </Drawer>
    </Stack>
  );
}

function MailShown({ id }: { readonly id: string }) {
  const { data: mail } = useQuery(oneQuery<WholeMail>(`/mails/${id}`, {}, 5_000));
  if (mail === undefined) return <Skeleton h={180} />;
  return (
    <Stack gap="sm">
      <Facts
        facts={[
          { label: columns.recipient, value: mail.recipient },
          { label: columns.rule, value: mail.ruleName },
          { label: columns.state, value: <StateMark state={mail.state} /> },
          { label: columns.attempts, value: String(mail.attempts) },
          { label: columns.created, value: <Moment at={mail.createdAt} exact /> },
          mail.nextAttemptAt !== null && { label: columns.next, value: <Moment at={mail.nextAttemptAt} exact /> },
          mail.lastError !== null && { label: mails.lastError, value: mail.lastError },
          mail.response !== null && { label: mails.response, value: mail.response },
        ]}
      />
      <Code block className="foreign" style={{ whiteSpace: 'pre-wrap' }}>
        {plain(mail.text)}
      </Code>
      <Group justify="end">{mail.state === 'dead' && <MailRetry id={mail.id} />}</Group>
    </Stack>
  );
}
