import type { Context } from '../../tenancy/context.js';
import { type Switch, switchesOfConnector, switchesOfProfile } from '../../tenancy/dangerous-switches.js';
import type { Profile } from '../../tenancy/profile.js';
import type { AdminParts } from '../ports.js';
import { everyItem } from './collect.js';
import type { SwitchEntry } from './schema.js';

/** Dangerous settings in force that the context sees: of this node, for whoever sees every tenant; of connectors and profiles that are active. */
export async function switchesInForce(context: Context, deps: AdminParts): Promise<readonly SwitchEntry[]> {
  const found: SwitchEntry[] = [];
  const add = (of: Omit<SwitchEntry, keyof Switch>, switches: readonly Switch[]): void => void found.push(...switches.map((one) => ({ ...of, ...one })));
  if (context.tenantId === null) add({ kind: 'installation', id: null, name: null, tenantId: null }, deps.installationSwitches ?? []);
  for await (const { id, name, tenantId, status, ...connector } of everyItem((query) => deps.connectors.list(context, query))) {
    if (status === 'active') add({ kind: 'connector', id, name, tenantId }, switchesOfConnector(connector));
  }
  const addProfile = (profile: Profile): void => {
    const { protocol, id, name, tenantId, status } = profile;
    if (status === 'active') add({ kind: `${protocol}-profile`, id, name, tenantId }, switchesOfProfile(profile));
  };
  for await (const profile of everyItem((query) => deps.profiles.listScep(context, query))) addProfile(profile);
  for await (const profile of everyItem((query) => deps.profiles.listCmp(context, query))) addProfile(profile);
  return found;
}
