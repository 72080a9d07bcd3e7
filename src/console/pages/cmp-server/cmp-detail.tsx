import { Button, Stack } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { CmpProfile } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
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
import { CmpForm } from './cmp-form.js';
import { RotateSecret } from './rotate-secret.js';

const { cmp, common, profiles } = words;
const path = '/cmp-profiles';

/** One CMP profile: address, credentials, policy, commands, orders. */
export function CmpDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<CmpProfile>(`${path}/${id}`));
  return <Whole result={result}>{(profile) => <Detail profile={profile} reload={() => void result.refetch()} />}</Whole>;
}

function Detail({ profile, reload }: { readonly profile: CmpProfile; readonly reload: () => void }) {
  const [isEditing, setEditing] = useState(false);
  const navigate = useNavigate();
  const may = useMay();
  const deletion = useDeletion(path, profiles.deleteText, profiles.deleted, () => navigate({ to: '/cmp-server' }));
  const saved = ({ name }: CmpProfile): void => {
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
          { value: 'policy', label: profiles.tabs.policy, render: () => <PolicyPanel path={path} protocol="cmp" profile={profile} /> },
        ]}
      />
      {isEditing && <CmpForm key={profile.version} profile={profile} opened onClose={() => setEditing(false)} onSaved={saved} onReload={reloaded} />}
      {deletion.dialog}
    </Stack>
  );
}

function Overview({ profile }: { readonly profile: CmpProfile }) {
  const may = useMay();
  const { credentials } = profile;
  return (
    <Stack gap="md">
      <Panel title={profiles.endpoint}>
        <Facts
          facts={[
            { label: cmp.url, value: <CopiedUrl url={profile.cmpUrl} what={cmp.url} /> },
            { label: cmp.javaBaseUrl, value: <Foreign text={profile.javaBaseUrl ?? common.none} wrap /> },
            { label: profiles.endpointPath, value: <Foreign text={profile.endpointPath} wrap /> },
            profile.legacyPaths.length > 0 && { label: profiles.legacyPaths, value: <Foreign text={profile.legacyPaths.join(', ')} wrap /> },
            profile.isDefault && { label: cmp.isDefault, value: cmp.isDefaultHint },
          ]}
        />
      </Panel>
      <Panel title={profiles.credentials} actions={may('profile:rotate-secret') && <RotateSecret profile={profile} />}>
        <Facts
          facts={
            credentials === null || credentials === undefined
              ? [{ label: cmp.secret, value: cmp.noSecret }]
              : [
                  { label: cmp.reference, value: <CopiedUrl url={credentials.reference} what={cmp.reference} /> },
                  {
                    label: cmp.secret,
                    value: (
                      <span>
                        •••••••• · <Moment at={credentials.updatedAt} />
                      </span>
                    ),
                  },
                ]
          }
        />
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
