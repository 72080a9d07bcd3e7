import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { lazy } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { Connector } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { HealthBadge, StatusBadge } from '../../components/badges.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { showTime } from '../../components/format.js';
import { ManagedDetail } from '../../components/managed-detail.js';
import { Moment } from '../../components/moment.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { LogsTab } from './logs-tab.js';
import { MonitoringTab } from './monitoring-tab.js';
import { ConnectionTest } from './test-report.js';

const { common, connectors, profiles } = words;

/** One connector: its settings, how it does, and every call to it. */
export function ConnectorDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<Connector>(`/connectors/${id}`));
  return <Whole result={result}>{(connector) => <Detail connector={connector} reload={() => void result.refetch()} />}</Whole>;
}

const Form = lazy(async () => ({ default: (await import('./connector-form.js')).ConnectorForm }));

function Detail({ connector, reload }: { readonly connector: Connector; readonly reload: () => void }) {
  const navigate = useNavigate();
  const { id, status, health } = connector;
  const marks = (
    <>
      <StatusBadge status={status} />
      {status === 'active' && <HealthBadge health={health} />}
    </>
  );
  return (
    <ManagedDetail
      {...{ path: '/connectors', place: '/connectors', writes: 'connector:write', item: connector, marks, reload, saved: connectors.saved, form: Form }}
      deletion={useDeletion('/connectors', connectors.deleteText, connectors.deleted, () => navigate({ to: '/connectors' }))}
      tabs={[
        { value: 'configuration', label: connectors.tabs.configuration, render: () => <Configuration connector={connector} /> },
        { value: 'monitoring', label: connectors.tabs.monitoring, render: () => <MonitoringTab id={id} /> },
        { value: 'logs', label: connectors.tabs.logs, render: () => <LogsTab id={id} /> },
      ]}
    />
  );
}

const labels: Readonly<Record<string, string>> = connectors.fields;

/** A setting as text; a secret by whether there is one and since when. */
function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === '' || value === null || value === undefined ? common.none : String(value);
  if ('set' in value) {
    const { set, updatedAt } = value as { readonly set: boolean; readonly updatedAt: string | null };
    return set && updatedAt !== null ? `•••••••• (${showTime(updatedAt)})` : common.secretUnset;
  }
  return Object.entries(value)
    .map(([name, inner]) => `${name}: ${String(inner)}`)
    .join('\n');
}

function Configuration({ connector }: { readonly connector: Connector }) {
  const may = useMay();
  const { id, type, config, tenant, createdAt, updatedAt } = connector;
  return (
    <Stack gap="md">
      <Panel title={connectors.types[type]}>
        <Facts
          facts={[
            { label: connectors.type, value: connectors.types[type] },
            { label: connectors.tenant, value: <Foreign text={tenant} wrap /> },
            ...Object.entries(config).map(([name, value]) => ({ label: labels[name] ?? name, value: <Foreign text={shown(value)} wrap /> })),
            { label: profiles.createdAt, value: <Moment at={createdAt} exact /> },
            { label: profiles.changed, value: <Moment at={updatedAt} exact /> },
          ]}
        />
      </Panel>
      {may('connector:test') && (
        <Panel title={connectors.test}>
          <ConnectionTest path={`/connectors/${id}/test`} body={{}} isMail={type === 'smtp'} />
        </Panel>
      )}
    </Stack>
  );
}
