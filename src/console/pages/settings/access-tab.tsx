import { Badge, Group, Stack, Text } from '@mantine/core';
import type { AccessReview } from '../../api/types.js';
import type { Column } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { Foreign } from '../../components/foreign.js';
import { Moment } from '../../components/moment.js';
import { NameLink } from '../../components/name-link.js';
import { WholeTable } from '../../components/whole-table.js';
import { words } from '../../strings/index.js';
import { settings } from '../../strings/settings.js';
import { Report } from './report.js';

type Entry = AccessReview['items'][number];

const text = settings.access;
const colours = { active: 'green', inactive: 'gray', expired: 'gray' } as const satisfies Record<Entry['status'], string>;

function Remarks({ remarks }: { readonly remarks: Entry['remarks'] }) {
  return (
    <Group gap={4}>
      {remarks.map((remark) => (
        <Badge key={remark} color="orange" variant="light">
          {text.remarks[remark]}
        </Badge>
      ))}
    </Group>
  );
}

const columns: readonly Column<Entry>[] = [
  {
    label: text.columns.name,
    render: ({ kind, id, name }) => (kind === 'user' ? <NameLink to={`/users/${id}`} name={name} /> : <Foreign text={name} wrap />),
  },
  { label: text.columns.kind, render: ({ kind }) => text.kinds[kind] },
  {
    label: text.columns.roles,
    render: ({ roles, permissions }) => (
      <Stack gap={0} title={permissions.join(', ')}>
        {roles.join(', ')}
        <Text size="xs" c="dimmed">
          {text.permissions(permissions.length)}
        </Text>
      </Stack>
    ),
  },
  { label: text.columns.tenants, render: ({ tenantIds }) => (tenantIds === null ? words.shell.everyTenant : text.tenants(tenantIds.length)) },
  { label: text.columns.status, render: ({ status }) => <Badge color={colours[status]}>{text.statuses[status]}</Badge> },
  { label: text.columns.lastUsed, render: ({ lastUsedAt }) => (lastUsedAt === null ? text.never : <Moment at={lastUsedAt} />) },
  { label: text.columns.remarks, render: ({ remarks }) => <Remarks remarks={remarks} /> },
];

/** Who may do what, and when they last did. */
export function AccessTab() {
  return (
    <Report<AccessReview> path="/reports/access">
      {({ items }) => (
        <WholeTable
          label={text.list}
          columns={columns}
          items={items}
          keyOf={({ id }) => id}
          empty={<EmptyState title={text.emptyTitle} text={text.emptyText} />}
        />
      )}
    </Report>
  );
}
