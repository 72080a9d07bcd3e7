import { Stack, Text } from '@mantine/core';
import type { SwitchReport } from '../../api/types.js';
import type { Column } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { Foreign } from '../../components/foreign.js';
import { NameLink } from '../../components/name-link.js';
import { WholeTable } from '../../components/whole-table.js';
import { settings } from '../../strings/settings.js';
import { Report } from './report.js';

type Switch = SwitchReport['items'][number];

const text = settings.switches;
const places = { connector: '/connectors', 'scep-profile': '/scep-server', 'cmp-profile': '/cmp-server' } as const;

function Place({ item: { kind, id, name } }: { readonly item: Switch }) {
  if (kind === 'installation') return <span style={{ whiteSpace: 'nowrap' }}>{text.kinds.installation}</span>;
  return (
    <Stack gap={0}>
      <NameLink to={`${places[kind]}/${id}`} name={name ?? ''} />
      <Text size="xs" c="dimmed">
        {text.kinds[kind]}
      </Text>
    </Stack>
  );
}

const columns: readonly Column<Switch>[] = [
  { label: text.columns.where, render: (item) => <Place item={item} /> },
  { label: text.columns.setting, render: ({ setting }) => <code>{setting}</code> },
  { label: text.columns.value, render: ({ value }) => <Foreign text={value} wrap /> },
  { label: text.columns.danger, render: ({ danger }) => danger },
];

/** Settings in force that are allowed and weaken something. */
export function SwitchesTab() {
  return (
    <Report<SwitchReport> path="/reports/switches">
      {({ items }) => (
        <WholeTable
          label={text.list}
          columns={columns}
          items={items}
          keyOf={({ kind, id, setting }) => `${kind} ${id} ${setting}`}
          empty={<EmptyState title={text.emptyTitle} text={text.emptyText} />}
        />
      )}
    </Report>
  );
}
