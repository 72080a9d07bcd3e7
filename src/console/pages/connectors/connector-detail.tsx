import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { lazy } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { Connector } from '../../api/types.js';
import { HealthBadge, StatusBadge } from '../../components/badges.js';
import { ManagedDetail } from '../../components/managed-detail.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { Configuration } from './configuration.js';
import { LogsTab } from './logs-tab.js';
import { MonitoringTab } from './monitoring-tab.js';

const { connectors } = words;

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
