import { Badge, Group } from '@mantine/core';
import { useTenants } from '../../api/hooks.js';
import type { Role } from '../../api/types.js';
import { Foreign } from '../../components/foreign.js';
import { words } from '../../strings/index.js';
import { users } from '../../strings/people.js';

/** Roles by their short names. */
export function RoleMarks({ roles }: { readonly roles: readonly Role[] }) {
  return (
    <Group gap={4}>
      {roles.map((role) => (
        <Badge key={role} color={role === 'superadmin' ? 'orange' : 'gate'} title={users.roles[role]}>
          {role}
        </Badge>
      ))}
    </Group>
  );
}

export function TotpMark({ hasTotp }: { readonly hasTotp: boolean }) {
  return <Badge color={hasTotp ? 'green' : 'gray'}>{hasTotp ? users.inForce : users.notInForce}</Badge>;
}

/** Tenants by name; null is every tenant. */
export function TenantNames({ ids, wrap = false }: { readonly ids: readonly string[] | null; readonly wrap?: boolean }) {
  const { data } = useTenants();
  if (ids === null) return users.all;
  const names = new Map((data?.items ?? []).map(({ id, name }) => [id, name]));
  return <Foreign text={ids.map((id) => names.get(id) ?? words.common.none).join(', ')} wrap={wrap} />;
}
