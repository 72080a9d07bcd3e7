import type { Authority } from './authority.js';
import type { VaultClient } from './client.js';
import { keysAnswer, readJson } from './wire.js';

/** What a setting of a connector may be, as the other side tells. */
export interface Choice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

/** Issuers and roles of the secrets engine, as far as our policy shows them. */
export async function vaultChoices(client: VaultClient, authority: Authority, deadline: AbortSignal): Promise<readonly Choice[]> {
  const issuers = await authority.issuers(deadline);
  const roles = await client.call({ method: 'GET', path: 'roles?list=true', route: 'roles' }, deadline);
  const roleNames = roles.ok ? (readJson(keysAnswer, roles.value.body)?.data.keys ?? []) : [];
  return [
    { field: 'caId', values: issuers.ok ? [...issuers.value].sort() : [], ...(!issuers.ok && { missing: issuers.error.reason }) },
    { field: 'profileId', values: [...roleNames].sort(), ...(!roles.ok && { missing: roles.error.reason }) },
  ];
}
