import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy } from 'react';
import { listQuery } from '../../api/queries.js';
import type { NotificationRule } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import type { Column } from '../../components/data-table.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { ManagedList } from '../../components/managed-list.js';
import { NameLink } from '../../components/name-link.js';
import { rules } from '../../strings/notifications.js';
import { statusFilter } from '../profiles/profile-filters.js';
import { useDeletion } from '../profiles/use-deletion.js';

const { columns } = rules;

/** The first of several, and how many there are besides. */
function some(texts: readonly string[]): string {
  const [first = '', ...rest] = texts;
  return rest.length === 0 ? first : `${first} ${rules.more(rest.length)}`;
}

const list: readonly Column<NotificationRule>[] = [
  { label: columns.name, sort: 'name', room: 'rest', render: ({ id, name }) => <NameLink to={`/notifications/${id}`} name={name} /> },
  { label: columns.events, render: ({ events }) => some(events.map((kind) => rules.kinds[kind])) },
  { label: columns.recipients, room: 'narrow', render: ({ recipients }) => <Foreign text={some(recipients)} /> },
  { label: columns.tenant, room: 'narrow', render: ({ tenant }) => <Foreign text={tenant} /> },
  { label: columns.status, sort: 'status', render: ({ status }) => <StatusBadge status={status} /> },
];

const Form = lazy(async () => ({ default: (await import('./rule-form.js')).RuleForm }));

/** Who hears of what by mail. */
export function RulesPage() {
  const may = useMay();
  const state = useListState({ filters: ['status'], sort: '-createdAt' });
  const result = useQuery(listQuery<NotificationRule>('/notification-rules', state.query, 30_000));
  const toMails = may('mail:read') && (
    <Button variant="default" component={Link} to="/notifications/mails">
      {rules.toMails}
    </Button>
  );
  return (
    <ManagedList
      {...{ path: '/notification-rules', place: '/notifications', writes: 'notification-rule:write', words: rules, state, result }}
      searchBy={rules.searchBy}
      filters={[statusFilter]}
      columns={list}
      form={Form}
      head={toMails}
      deletion={useDeletion('/notification-rules', rules.deleteText, rules.deleted)}
    />
  );
}
