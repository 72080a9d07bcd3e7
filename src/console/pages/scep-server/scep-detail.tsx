import { Alert, Button, List, Stack, Text } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { ScepProfile } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { type Fact, Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { plain, showTime } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { OrderCounts } from '../../components/order-counts.js';
import { PageHead } from '../../components/page-head.js';
import { PageTabs } from '../../components/page-tabs.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { ConnectorLink } from '../profiles/connector-link.js';
import { PolicyPanel } from '../profiles/policy-panel.js';
import { ProfileOrders } from '../profiles/profile-orders.js';
import { SnippetsPanel } from '../profiles/snippets-panel.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { MintChallenge } from './mint-challenge.js';
import { ScepForm } from './scep-form.js';

const { cmp, common, profiles, scep } = words;
const path = '/scep-profiles';

/** One SCEP profile: address, challenges, policy, commands, orders. */
export function ScepDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<ScepProfile>(`${path}/${id}`));
  return <Whole result={result}>{(profile) => <Detail profile={profile} reload={() => void result.refetch()} />}</Whole>;
}

function Detail({ profile, reload }: { readonly profile: ScepProfile; readonly reload: () => void }) {
  const [isEditing, setEditing] = useState(false);
  const navigate = useNavigate();
  const may = useMay();
  const deletion = useDeletion(path, profiles.deleteText, profiles.deleted, () => navigate({ to: '/scep-server' }));
  const saved = ({ name }: ScepProfile): void => {
    announce(profiles.saved(name));
    setEditing(false);
  };
  const reloaded = (): void => {
    setEditing(false);
    reload();
  };
  return (
    <Stack gap="md">
      <PageHead title={profile.name} text={profile.description} mark={<StatusBadge status={profile.status} />}>
        {may('profile:write') && (
          <>
            <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>
              {common.edit}
            </Button>
            <Button variant="default" c="var(--console-bad)" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => deletion.ask(profile)}>
              {common.remove}
            </Button>
          </>
        )}
      </PageHead>
      <PageTabs
        label={profile.name}
        tabs={[
          { value: 'overview', label: profiles.tabs.overview, render: () => <Overview profile={profile} /> },
          { value: 'commands', label: profiles.tabs.commands, render: () => <SnippetsPanel path={`${path}/${profile.id}`} /> },
          { value: 'orders', label: profiles.tabs.orders, render: () => <ProfileOrders profileId={profile.id} /> },
          { value: 'policy', label: profiles.tabs.policy, render: () => <PolicyPanel path={path} protocol="scep" profile={profile} /> },
        ]}
      />
      {isEditing && <ScepForm key={profile.version} profile={profile} opened onClose={() => setEditing(false)} onSaved={saved} onReload={reloaded} />}
      {deletion.dialog}
    </Stack>
  );
}

function Overview({ profile }: { readonly profile: ScepProfile }) {
  const may = useMay();
  const { challengePassword: known, published, warnings } = profile;
  return (
    <Stack gap="md">
      {warnings.length > 0 && (
        <Alert color="orange" title={profiles.warnings}>
          <List size="sm">
            {warnings.map((warning) => (
              <List.Item key={warning} className="foreign">
                {plain(warning)}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      <Panel title={profiles.endpoint}>
        <Facts
          facts={[
            { label: scep.url, value: <CopiedUrl url={profile.serverUrl} what={scep.url} /> },
            { label: profiles.endpointPath, value: <Foreign text={profile.endpointPath} wrap /> },
            profile.legacyPaths.length > 0 && { label: profiles.legacyPaths, value: <Foreign text={profile.legacyPaths.join(', ')} wrap /> },
          ]}
        />
      </Panel>
      <Panel title={profiles.credentials} actions={may('challenge:mint') && <MintChallenge profile={profile} />}>
        <Facts
          facts={[
            { label: scep.mode, value: scep.modes[profile.challengeMode] },
            { label: scep.challenge, value: known.set && known.updatedAt !== null ? `•••••••• (${showTime(known.updatedAt)})` : common.secretUnset },
          ]}
        />
      </Panel>
      <Panel title={scep.ra}>
        {published.ra.length + published.ca.length === 0 ? (
          <Text size="sm" c="dimmed">
            {scep.raNone}
          </Text>
        ) : (
          <Facts facts={[...published.ra, ...published.ca].map(certificateFact)} />
        )}
      </Panel>
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

function certificateFact({ subject, sha256, notAfter }: ScepProfile['published']['ra'][number]): Fact {
  const value = (
    <div>
      <CopiedUrl url={sha256} what={words.certificates.sha256} />
      <Text size="xs" c="dimmed">
        {words.certificates.columns.notAfter} {showTime(notAfter)}
      </Text>
    </div>
  );
  return { label: subject, value };
}
