import { Badge, Group } from '@mantine/core';
import type { Role } from '../../api/types.js';
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
