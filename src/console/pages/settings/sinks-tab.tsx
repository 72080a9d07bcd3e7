import { Button, Group, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useState } from 'react';
import { listQuery } from '../../api/queries.js';
import type { AuditSink } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useKey } from '../../app/keyboard.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import type { Column } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { Foreign } from '../../components/foreign.js';
import { Moment } from '../../components/moment.js';
import { RowActions } from '../../components/row-actions.js';
import { TenantNames } from '../../components/tenant-names.js';
import { Whole } from '../../components/whole.js';
import { WholeTable } from '../../components/whole-table.js';
import { words } from '../../strings/index.js';
import { settings } from '../../strings/settings.js';
import { useDeletion } from '../profiles/use-deletion.js';

const text = settings.sinks;
const path = '/audit-sinks';
const Form = lazy(async () => ({ default: (await import('./sink-form.js')).SinkForm }));

const goalOf = ({ settings: { host, port, url } }: AuditSink): string => url ?? `${host ?? ''}:${port ?? ''}`;

const columns: readonly Column<AuditSink>[] = [
  { label: text.columns.name, render: ({ name }) => <Foreign text={name} wrap /> },
  { label: text.columns.type, render: ({ type }) => text.types[type] },
  { label: text.columns.goal, render: (sink) => <Foreign text={goalOf(sink)} wrap /> },
  { label: text.columns.tenant, render: ({ tenantId }) => <TenantNames ids={tenantId === null ? null : [tenantId]} wrap /> },
  { label: text.columns.status, render: ({ status }) => <StatusBadge status={status} /> },
  { label: text.columns.delivered, render: ({ deliveredAt }) => (deliveredAt === null ? text.never : <Moment at={deliveredAt} />) },
  { label: text.columns.fault, render: ({ lastError }) => <Foreign text={lastError ?? ''} wrap /> },
];

/** Where audit events are copied to, how far the other side has come, and the form to add and change one. */
export function SinksTab() {
  const result = useQuery(listQuery<AuditSink>(path, { limit: '100', sort: 'name' }, 15_000));
  const canWrite = useMay()('audit-sink:write');
  const [open, setOpen] = useState<{ readonly sink: AuditSink | undefined }>();
  const deletion = useDeletion(path, text.deleteText, text.deleted);
  const add = useCallback(() => setOpen({ sink: undefined }), []);
  useKey('n', canWrite ? add : undefined);
  const close = (): void => setOpen(undefined);
  const saved = ({ name }: AuditSink): void => {
    announce(open?.sink === undefined ? text.created(name) : text.saved(name));
    close();
  };
  const actions: Column<AuditSink> = {
    label: words.common.actions,
    align: 'right',
    render: (sink) => <RowActions name={sink.name} onEdit={() => setOpen({ sink })} onDelete={() => deletion.ask(sink)} />,
  };
  return (
    <Stack gap="sm">
      {canWrite && (
        <Group justify="end">
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={add}>
            {text.add}
          </Button>
        </Group>
      )}
      <Whole result={result}>
        {({ items }) => (
          <WholeTable
            label={text.list}
            columns={canWrite ? [...columns, actions] : columns}
            items={items}
            keyOf={({ id }) => id}
            empty={<EmptyState title={text.emptyTitle} text={text.emptyText} />}
          />
        )}
      </Whole>
      {open !== undefined && (
        <Suspense>
          <Form item={open.sink} onClose={close} onSaved={saved} onReload={close} />
        </Suspense>
      )}
      {deletion.dialog}
    </Stack>
  );
}
