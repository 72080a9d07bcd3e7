import { Button, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { CmpProfile, CmpSummary } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useKey } from '../../app/keyboard.js';
import { useMay } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { useUrlState } from '../../app/url-state.js';
import { asWindow, type Card, Cards, WindowPicker } from '../../components/cards.js';
import { DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { showDuration, showNumber, showPercent } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { PageHead } from '../../components/page-head.js';
import { words } from '../../strings/index.js';
import { profileFilterNames, useProfileFilters } from '../profiles/profile-filters.js';
import { SecretShown, type ShownSecret } from '../profiles/secret-shown.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { cmpColumns } from './cmp-columns.js';
import { CmpForm } from './cmp-form.js';

const { cards, cmp, profiles } = words;

function cardsOf(summary: CmpSummary | undefined): readonly Card[] {
  const value = (show: (summary: CmpSummary) => string): string | undefined => (summary === undefined ? undefined : show(summary));
  return [
    { label: cards.totalOrders, meaning: cards.meanings.totalOrders, value: value((s) => showNumber(s.totalOrders)) },
    { label: cards.successRate, meaning: cards.meanings.successRate, value: value((s) => showPercent(s.successRate)) },
    { label: cards.activeOrders, meaning: cards.meanings.activeOrders, value: value((s) => showNumber(s.activeOrders)) },
    { label: cards.failedOrders, meaning: cards.meanings.failedOrders, value: value((s) => showNumber(s.failedOrders)) },
    { label: cards.averageTime, meaning: cards.meanings.average, value: value((s) => showDuration(s.averageProcessingMs)) },
    { label: cards.activeAccounts, meaning: cards.meanings.activeAccounts, value: value((s) => showNumber(s.activeAccounts)) },
  ];
}

/** The secret of a new profile, where the server generated one. */
function secretOf({ credentials }: CmpProfile): ShownSecret | undefined {
  if (credentials?.secret === undefined) return undefined;
  const rows = [
    { label: cmp.reference, value: credentials.reference },
    { label: cmp.secret, value: credentials.secret },
  ];
  return { title: cmp.secretTitle, rows };
}

export function CmpPage() {
  const [url, change] = useUrlState();
  const { tenantId } = useTenant();
  const may = useMay();
  const state = useListState({ filters: profileFilterNames, sort: '-createdAt' });
  const filters = useProfileFilters();
  const window = asWindow(url.window);
  const summary = useQuery(oneQuery<CmpSummary>('/cmp-profiles/summary', { window, tenantId }, 15_000));
  const result = useQuery(listQuery<CmpProfile>('/cmp-profiles', state.query, 15_000));
  const [form, setForm] = useState<{ readonly profile?: CmpProfile }>();
  const [secret, setSecret] = useState<ShownSecret>();
  const [highlighted, setHighlighted] = useState<string>();
  const deletion = useDeletion('/cmp-profiles', profiles.deleteText, profiles.deleted);
  const canWrite = may('profile:write');
  const add = useCallback(() => setForm({}), []);
  useKey('n', canWrite ? add : undefined);
  const saved = (profile: CmpProfile): void => {
    announce(form?.profile === undefined ? profiles.created(profile.name) : profiles.saved(profile.name));
    setForm(undefined);
    setHighlighted(profile.id);
    setSecret(secretOf(profile));
  };
  const addButton = canWrite && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {cmp.add}
    </Button>
  );
  const columns = cmpColumns(canWrite ? { edit: (profile) => setForm({ profile }), remove: deletion.ask } : undefined);
  return (
    <Stack gap="md">
      <PageHead title={cmp.title} text={cmp.text}>
        <WindowPicker value={window} onChange={(chosen) => change({ window: chosen })} readAt={summary.dataUpdatedAt} />
        {addButton}
      </PageHead>
      <Cards cards={cardsOf(summary.data)} />
      <FilterBar state={state} placeholder={profiles.searchBy} filters={filters} />
      <DataTable
        label={cmp.list}
        columns={columns}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={cmp.emptyTitle} text={cmp.emptyText} action={addButton} />}
      />
      {form !== undefined && (
        <CmpForm
          key={form.profile?.id ?? 'new'}
          profile={form.profile}
          opened
          onClose={() => setForm(undefined)}
          onSaved={saved}
          onReload={() => setForm(undefined)}
        />
      )}
      <SecretShown secret={secret} onClose={() => setSecret(undefined)} />
      {deletion.dialog}
    </Stack>
  );
}
