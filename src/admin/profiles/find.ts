import { type TenantContext, tenantContext } from '../../tenancy/context.js';
import type { ProfileRow } from '../../tenancy/ports.js';
import type { Profile, Protocol } from '../../tenancy/profile.js';
import { type Caller, contextOf } from '../caller.js';
import type { AdminParts } from '../ports.js';
import { notFound } from '../problem.js';
import type { Change } from '../resource.js';
import { visible } from '../tenant-scope.js';
import { written } from '../write-fault.js';

export type RowOf<P extends Protocol> = ProfileRow<Extract<Profile, { protocol: P }>>;

/** The profile with its names and counts; 404 also when it is of the other protocol. */
export async function findProfile<P extends Protocol>(deps: AdminParts, caller: Caller, protocol: P, id: string): Promise<RowOf<P>> {
  const row = visible(caller, await deps.profiles.find(contextOf(caller), protocol, id));
  if (row.protocol !== protocol) throw notFound();
  return row as RowOf<P>;
}

/** The profile, and the context in which a caller works on what belongs to it. */
export async function enterProfile<P extends Protocol>(
  deps: AdminParts,
  caller: Caller,
  protocol: P,
  id: string,
): Promise<{ readonly profile: RowOf<P>; readonly context: TenantContext }> {
  const profile = await findProfile(deps, caller, protocol, id);
  return { profile, context: tenantContext(profile.tenantId, caller.actor) };
}

/** Removes the profile that a caller read; 409 while orders of it are open. */
export function removeProfile(deps: AdminParts, protocol: Protocol) {
  return async ({ caller, current, version }: Omit<Change<ProfileRow<Profile>, never>, 'patch'>) =>
    written(await deps.profiles.remove(tenantContext(current.tenantId, caller.actor), protocol, current.id, version));
}
