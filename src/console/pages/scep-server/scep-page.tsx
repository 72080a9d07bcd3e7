import { Button, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { ScepProfile, ScepSummary } from '../../api/types.js';
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
import { useDeletion } from '../profiles/use-deletion.js';
import { scepColumns } from './scep-columns.js';
import { ScepForm } from './scep-form.js';

const { cards, profiles, scep } = words;

function cardsOf(summary: ScepSummary | undefined): readonly Card[] {
  const value = (show: (summary: ScepSummary) => string): string | undefined => (summary === undefined ? undefined : show(summary));
  return [
    { label: cards.totalOrders, meaning: cards.meanings.totalOrders, value: value((s) => showNumber(s.totalOrders)) },
    { label: cards.successRate, meaning: cards.meanings.successRate, value: value((s) => showPercent(s.successRate)) },
    { label: cards.activeFailedOrders, meaning: cards.meanings.activeFailedOrders, value: value((s) => showNumber(s.activeFailedOrders)) },
    { label: cards.average, meaning: cards.meanings.average, value: value((s) => showDuration(s.averageProcessingMs)) },
    { label: cards.activeAccounts, meaning: cards.meanings.activeAccounts, value: value((s) => showNumber(s.activeAccounts)) },
  ];
}

export function ScepPage() {
  const [url, change] = useUrlState();
  const { tenantId } = useTenant();
  const may = useMay();
  const state = useListState({ filters: profileFilterNames, sort: '-createdAt' });
  const filters = useProfileFilters();
  const window = asWindow(url.window);
  const summary = useQuery(oneQuery<ScepSummary>('/scep-profiles/summary', { window, tenantId }, 15_000));
  const result = useQuery(listQuery<ScepProfile>('/scep-profiles', state.query, 15_000));
  const [form, setForm] = useState<{ readonly profile?: ScepProfile }>();
  const [highlighted, setHighlighted] = useState<string>();
  const deletion = useDeletion('/scep-profiles', profiles.deleteText, profiles.deleted);
  const canWrite = may('profile:write');
  const add = useCallback(() => setForm({}), []);
  useKey('n', canWrite ? add : undefined);
  const close = (): void => setForm(undefined);
  const saved = ({ id, name }: ScepProfile): void => {
    announce(form?.profile === undefined ? profiles.created(name) : profiles.saved(name));
    close();
    setHighlighted(id);
  };
  const addButton = canWrite && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
      {scep.add}
    </Button>
  );
  return (
    <Stack gap="md">
      <PageHead title={scep.title} text={scep.text}>
        <WindowPicker value={window} onChange={(chosen) => change({ window: chosen })} readAt={summary.dataUpdatedAt} />
        {addButton}
      </PageHead>
      <Cards cards={cardsOf(summary.data)} />
      <FilterBar state={state} placeholder={profiles.searchBy} filters={filters} />
      <DataTable
        label={scep.list}
        columns={scepColumns(canWrite ? { edit: (profile) => setForm({ profile }), remove: deletion.ask } : undefined)}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={scep.emptyTitle} text={scep.emptyText} action={addButton} />}
      />
      {form !== undefined && <ScepForm key={form.profile?.id ?? 'new'} profile={form.profile} opened onClose={close} onSaved={saved} onReload={close} />}
      {deletion.dialog}
    </Stack>
  );
}
