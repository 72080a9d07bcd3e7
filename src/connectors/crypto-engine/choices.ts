import type { Result } from '../../runtime/result.js';
import type { Authority } from './wire.js';

/** What a setting of a connector may be, as the other side tells. */
export interface Choice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

/** The CAs that can issue, and the profiles of the chosen one, or of all while none is chosen. */
export function choicesIn(listed: Result<readonly Authority[], string>, caId: string | undefined): readonly Choice[] {
  if (!listed.ok) return ['caId', 'profileId'].map((field) => ({ field, values: [], missing: listed.error }));
  const active = listed.value.filter(({ status }) => status === 'ACTIVE');
  const chosen = caId === undefined ? active : active.filter(({ id }) => id === caId);
  const profiles = chosen.flatMap((ca) => ca.profiles.map(({ id }) => id));
  return [
    { field: 'caId', values: active.map(({ id }) => id) },
    { field: 'profileId', values: [...new Set(profiles)] },
  ];
}
