import { Select, Text } from '@mantine/core';
import { IconBuilding } from '@tabler/icons-react';
import { useTenants } from '../api/hooks.js';
import { words } from '../strings/index.js';
import { useSession } from './session.js';
import { useTenant } from './tenant.js';

/** Which tenant is looked at. Who is bound to one reads its name here. */
export function TenantSwitcher() {
  const session = useSession();
  return session.tenantId === null ? (
    <Choice />
  ) : (
    <Text size="sm" c="dimmed">
      {words.shell.tenant}: <bdi>{session.tenant}</bdi>
    </Text>
  );
}

function Choice() {
  const { tenantId, choose } = useTenant();
  const { data } = useTenants();
  return (
    <Select
      aria-label={words.shell.tenant}
      size="xs"
      w={210}
      leftSection={<IconBuilding size={15} aria-hidden />}
      data={(data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
      placeholder={words.shell.everyTenant}
      value={tenantId ?? null}
      onChange={(chosen) => choose(chosen ?? undefined)}
      clearable
      searchable
    />
  );
}
