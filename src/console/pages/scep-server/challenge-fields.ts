import type { ScepProfile } from '../../api/types.js';
import type { SettingField } from '../../components/settings.js';
import type { challenges } from '../../strings/challenges.js';

export type SettingName = keyof typeof challenges.labels;
type Field = SettingField<SettingName>;

const calls: readonly Field[] = [
  { name: 'timeoutMs', kind: 'number', isFurther: true },
  { name: 'concurrency', kind: 'number', isFurther: true },
  { name: 'trustedCa', kind: 'pem', isFurther: true },
];

/** What each challenge mode with settings is asked for, in the order of its form. */
export const challengeFields = {
  hmac: [
    { name: 'secret', kind: 'secret' },
    { name: 'identity', kind: 'text' },
    { name: 'otherNames', kind: 'select', choices: ['refuse', 'policy'] },
    { name: 'uses', kind: 'number' },
    { name: 'maxHours', kind: 'number' },
  ],
  webhook: [
    { name: 'url', kind: 'text', isRequired: true },
    { name: 'secret', kind: 'secret', isRequired: true },
    { name: 'whenUnavailable', kind: 'select', choices: ['refuse', 'hold'] },
    ...calls,
  ],
  intune: [
    { name: 'tenant', kind: 'text', isRequired: true },
    { name: 'clientId', kind: 'text', isRequired: true },
    { name: 'clientSecret', kind: 'secret', isRequired: true },
    { name: 'loginUrl', kind: 'text', isFurther: true },
    { name: 'graphUrl', kind: 'text', isFurther: true },
    { name: 'resource', kind: 'text', isFurther: true },
    { name: 'serviceUrl', kind: 'text', isFurther: true },
    ...calls,
  ],
} as const satisfies Record<string, readonly Field[]>;

export type SettledMode = keyof typeof challengeFields;

export const hasSettings = (mode: ScepProfile['challengeMode']): mode is SettledMode => mode in challengeFields;

/** The settings of a profile's mode, as the API shows them. */
export function settingsIn(profile: ScepProfile | undefined, mode: SettledMode): Readonly<Record<string, unknown>> | undefined {
  return profile?.[mode] ?? undefined;
}
