import type { Named } from '../api/hooks.js';
import { words } from '../strings/index.js';

/** Profiles as selects offer them; one of CMP and one of SCEP may have the same name. */
export function profileOptions(profiles: readonly Named[] | undefined): { readonly value: string; readonly label: string }[] {
  return (profiles ?? []).map(({ id, name, protocol }) => ({ value: id, label: `${name} (${words.orders.protocols[protocol]})` }));
}
