import { systemContext } from '../../tenancy/context.js';
import type { User } from '../../tenancy/user.js';
import type { Caller } from '../caller.js';
import type { Fault } from '../fault.js';
import { mayGrant } from '../permission.js';
import type { AdminParts } from '../ports.js';
import { Problem } from '../problem.js';

/** Nobody makes, changes or lets in someone who may do more than he may himself, or elsewhere. */
export function mayManage(caller: Caller, { roles, tenantIds }: Pick<User, 'roles' | 'tenantIds'>): boolean {
  const places = tenantIds ?? [null];
  return places.every((tenantId) => mayGrant(caller, { roles, tenantId, permissions: null }));
}

export function refuseMighty(caller: Caller, user: Pick<User, 'roles' | 'tenantIds'>): void {
  if (!mayManage(caller, user)) throw new Problem('forbidden', { detail: 'This user may do more than you, or works in tenants you do not administer.' });
}

/** What is wrong with the rights a user is to have. */
export async function grantFaults(caller: Caller, user: Pick<User, 'roles' | 'tenantIds'>, deps: AdminParts): Promise<readonly Fault[]> {
  const faults: Fault[] = [];
  for (const [index, id] of (user.tenantIds ?? []).entries()) {
    const isMine = caller.tenantId === null || caller.tenantId === id;
    if (!isMine || (await deps.tenants.find(systemContext(caller.actor), id)) === undefined)
      faults.push({ path: `tenantIds.${index}`, message: 'No such tenant' });
  }
  if (user.tenantIds === null && caller.tenantId !== null) faults.push({ path: 'tenantIds', message: 'Must be your own tenant' });
  if (faults.length === 0 && !mayManage(caller, user)) faults.push({ path: 'roles', message: 'Must not allow more than your own' });
  return faults;
}
