import { NativeSelect, Text } from '@mantine/core';
import { IconBuilding } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../api/call.js';
import { useTenants } from '../api/hooks.js';
import type { Session } from '../api/types.js';
import { plain } from '../components/format.js';
import { words } from '../strings/index.js';
import { useSession } from './session.js';
import { useTenant } from './tenant.js';

/** Which tenant is looked at. Who is bound to one reads its name here. */
export function TenantSwitcher() {
  const session = useSession();
  if (session.tenantId === null) return session.permissions.includes('tenant:read') ? <Choice /> : null;
  if (session.tenants !== null && session.tenants.length > 1) return <Workplace tenants={session.tenants} tenantId={session.tenantId} />;
  return (
    <Text size="sm" c="dimmed">
      {words.shell.tenant}: <bdi>{session.tenant}</bdi>
    </Text>
  );
}

interface WorkplaceProps {
  readonly tenants: readonly { readonly id: string; readonly name: string }[];
  readonly tenantId: string;
}

/** Who belongs to several tenants works in one at a time; the server keeps which. */
function Workplace({ tenants, tenantId }: WorkplaceProps) {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (wanted: string) => call<Session>('/session', { method: 'PATCH', body: { tenantId: wanted } }),
    onSuccess: () => queries.resetQueries(),
  });
  return (
    <NativeSelect
      aria-label={words.shell.tenant}
      size="xs"
      w={210}
      data={tenants.map(({ id, name }) => ({ value: id, label: plain(name) }))}
      value={tenantId}
      onChange={(event) => change.mutate(event.currentTarget.value)}
    />
  );
}

function Choice() {
  const { tenantId, choose } = useTenant();
  const { data } = useTenants();
  return (
    <NativeSelect
      aria-label={words.shell.tenant}
      size="xs"
      w={210}
      leftSection={<IconBuilding size={15} aria-hidden />}
      data={[{ value: '', label: words.shell.everyTenant }, ...(data?.items ?? []).map(({ id, name }) => ({ value: id, label: plain(name) }))]}
      value={tenantId ?? ''}
      onChange={(event) => choose(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
    />
  );
}
