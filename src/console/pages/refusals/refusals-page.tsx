import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useProfiles } from '../../api/hooks.js';
import { listQuery } from '../../api/queries.js';
import type { Refusal } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { showNumber } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { profileOptions } from '../../components/profile-options.js';
import { words } from '../../strings/index.js';

const { refusals } = words;
const { columns } = refusals;

const reasons: readonly Refusal['reason'][] = [
  ...(['unknown-path', 'inactive-profile', 'malformed', 'too-large', 'unsupported', 'bad-signature', 'bad-mac', 'bad-challenge'] as const),
  ...([
    'undecryptable',
    'wrong-recipient',
    'untrusted-signer',
    'not-authorised',
    'bad-proof-of-possession',
    'bad-transaction',
    'throttled',
    'unavailable',
  ] as const),
];

function columnsFor(names: ReadonlyMap<string, string>): readonly Column<Refusal>[] {
  return [
    { label: columns.reason, render: ({ reason }) => reason },
    { label: columns.profile, render: ({ profileId }) => (profileId === null ? words.common.none : <Foreign text={names.get(profileId) ?? profileId} />) },
    { label: columns.source, render: ({ source }) => <Foreign text={source} /> },
    { label: columns.client, render: ({ clientFamily }) => <Foreign text={clientFamily} /> },
    { label: columns.count, sort: 'count', align: 'right', render: ({ count }) => showNumber(count) },
    { label: columns.detail, render: ({ detail }) => <Foreign text={detail} wrap /> },
    { label: columns.first, sort: 'firstSeen', render: ({ firstSeen }) => <Moment at={firstSeen} /> },
    { label: columns.last, sort: 'lastSeen', render: ({ lastSeen }) => <Moment at={lastSeen} /> },
  ];
}

export function RefusalsPage() {
  const { tenantId } = useTenant();
  const state = useListState({ filters: ['reason', 'profileId'], sort: '-lastSeen' });
  const { data } = useProfiles(tenantId);
  const result = useQuery(listQuery<Refusal>('/refusals', state.query, 10_000));
  const filters = [
    { name: 'reason', label: columns.reason, options: reasons.map((value) => ({ value, label: value })) },
    { name: 'profileId', label: columns.profile, options: profileOptions(data) },
  ];
  const names = new Map((data ?? []).map(({ id, name }) => [id, name]));
  return (
    <Stack gap="md">
      <PageHead title={refusals.title} text={refusals.text} />
      <FilterBar state={state} placeholder={refusals.searchBy} filters={filters} />
      <DataTable
        label={refusals.list}
        columns={columnsFor(names)}
        result={result}
        state={state}
        exported={{ path: '/refusals', query: state.query }}
        empty={<EmptyState title={refusals.emptyTitle} text={refusals.emptyText} />}
      />
    </Stack>
  );
}
