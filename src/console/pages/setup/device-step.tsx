import { Button, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../app/session.js';
import { plain } from '../../components/format.js';
import { Panel } from '../../components/panel.js';
import { setup } from '../../strings/setup.js';
import { cmpKind } from '../cmp-server/cmp-kind.js';
import { ProfileOrders } from '../profiles/profile-orders.js';
import { SnippetsPanel } from '../profiles/snippets-panel.js';
import { TestEnrolment } from '../profiles/test-enrolment.js';
import { scepKind } from '../scep-server/scep-kind.js';
import type { MadeProfile } from './setup-page.js';

/** Enrol your first device: how, and the orders as they arrive. */
export function DeviceStep({ made: { protocol, profile } }: { readonly made: MadeProfile }) {
  const { path, place } = protocol === 'cmp' ? cmpKind : scepKind;
  const may = useMay();
  const toProfile = (
    <Button component={Link} to={`${place}/${profile.id}`} variant="default" size="xs">
      {setup.toProfile}
    </Button>
  );
  return (
    <Stack gap="md">
      <Panel title={setup.steps.device} actions={toProfile}>
        <Text size="sm">{setup.deviceText(plain(profile.name))}</Text>
      </Panel>
      {may('profile:test') && <TestEnrolment path={`${path}/${profile.id}`} />}
      <Panel title={setup.orders}>
        <ProfileOrders profileId={profile.id} />
      </Panel>
      <SnippetsPanel path={`${path}/${profile.id}`} />
    </Stack>
  );
}
