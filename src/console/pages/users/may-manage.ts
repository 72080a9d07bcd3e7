import type { Role, User } from '../../api/types.js';
import { useSession } from '../../app/session.js';
import { users } from '../../strings/people.js';

/** From the one that may do least to the one that may do most, as the server has them. */
export const rolesInOrder = Object.keys(users.roles) as Role[];

const rankOf = (held: readonly Role[]): number => Math.max(...held.map((role) => rolesInOrder.indexOf(role)));

/** Roles this caller may give: none that is more than his own. */
export function useGrantableRoles(): readonly Role[] {
  const { roles } = useSession();
  return rolesInOrder.slice(0, rankOf(roles) + 1);
}

/** Whether the server would let this caller change the user; what it would refuse is not offered. */
export function useMayManage(): (user: User) => boolean {
  const { roles, tenantId, permissions } = useSession();
  return (user) =>
    permissions.includes('user:write') &&
    rankOf(user.roles) <= rankOf(roles) &&
    (tenantId === null || (user.tenantIds ?? ['every']).every((id) => id === tenantId));
}
