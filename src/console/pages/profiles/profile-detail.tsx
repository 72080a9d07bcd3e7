import { Alert, List, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { oneQuery } from '../../api/queries.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { plain } from '../../components/format.js';
import { ManagedDetail } from '../../components/managed-detail.js';
import { Moment } from '../../components/moment.js';
import { OrderCounts } from '../../components/order-counts.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { ConnectorLink } from './connector-link.js';
import { PolicyPanel } from './policy-panel.js';
import type { Profile, ProfileKind, Summary } from './profile-kind.js';
import { ProfileOrders } from './profile-orders.js';
import { SnippetsPanel } from './snippets-panel.js';
import { useDeletion } from './use-deletion.js';

const { cmp, profiles } = words;
const { tabs } = profiles;
const TestEnrolment = lazy(async () => ({ default: (await import('./test-enrolment.js')).TestEnrolment }));

interface OfKind<P extends Profile, S extends Summary> {
  readonly kind: ProfileKind<P, S>;
}

/** One profile: address, credentials, client commands, orders, policy. */
export function ProfileDetail<P extends Profile, S extends Summary>({ kind }: OfKind<P, S>) {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<P>(`${kind.path}/${id}`));
  return <Whole result={result}>{(profile) => <Detail kind={kind} profile={profile} reload={() => void result.refetch()} />}</Whole>;
}

interface DetailProps<P extends Profile, S extends Summary> extends OfKind<P, S> {
  readonly profile: P;
  readonly reload: () => void;
}

function Detail<P extends Profile, S extends Summary>({ kind, profile, reload }: DetailProps<P, S>) {
  const { path, place, protocol } = kind;
  const navigate = useNavigate();
  const of = `${path}/${profile.id}`;
  const may = useMay();
  const test = {
    value: 'test',
    label: tabs.test,
    render: () => (
      <Suspense>
        <TestEnrolment path={of} />
      </Suspense>
    ),
  };
  return (
    <ManagedDetail<P>
      {...{ path, place, writes: 'profile:write', item: profile, reload, saved: profiles.saved, form: kind.Form }}
      marks={<StatusBadge status={profile.status} />}
      deletion={useDeletion(path, profiles.deleteText, profiles.deleted, () => navigate({ to: place }))}
      tabs={[
        { value: 'overview', label: tabs.overview, render: () => <Overview kind={kind} profile={profile} /> },
        { value: 'commands', label: tabs.commands, render: () => <SnippetsPanel path={of} /> },
        ...(may('profile:test') ? [test] : []),
        { value: 'orders', label: tabs.orders, render: () => <ProfileOrders profileId={profile.id} /> },
        { value: 'policy', label: tabs.policy, render: () => <PolicyPanel path={path} protocol={protocol} profile={profile} /> },
      ]}
    />
  );
}

function Overview<P extends Profile, S extends Summary>({ kind, profile }: OfKind<P, S> & { readonly profile: P }) {
  const { Credentials } = kind;
  return (
    <Stack gap="md">
      {'warnings' in profile && <Warnings warnings={profile.warnings} />}
      <Panel title={profiles.endpoint}>
        <Facts
          facts={[
            ...kind.endpoint(profile),
            { label: profiles.endpointPath, value: <Foreign text={profile.endpointPath} wrap /> },
            profile.legacyPaths.length > 0 && { label: profiles.legacyPaths, value: <Foreign text={profile.legacyPaths.join(', ')} wrap /> },
          ]}
        />
      </Panel>
      <Credentials profile={profile} />
      <Panel title={profiles.details}>
        <Facts
          facts={[
            { label: profiles.connector, value: <ConnectorLink id={profile.connectorId} name={profile.connector} /> },
            { label: profiles.tenant, value: <Foreign text={profile.tenant} wrap /> },
            { label: cmp.columns.orders, value: <OrderCounts orders={profile.orders} align="start" /> },
            { label: profiles.createdAt, value: <Moment at={profile.createdAt} exact /> },
            { label: profiles.changed, value: <Moment at={profile.updatedAt} exact /> },
          ]}
        />
      </Panel>
    </Stack>
  );
}

function Warnings({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <Alert color="orange" title={profiles.warnings}>
      <List size="sm">
        {warnings.map((warning) => (
          <List.Item key={warning} className="foreign">
            {plain(warning)}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
