import { PasswordInput, Select } from '@mantine/core';
import type { ScepProfile } from '../../api/types.js';
import type { EntityForm } from '../../components/entity-form.js';
import { showTime } from '../../components/format.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { SettingInputs } from '../../components/setting-inputs.js';
import { settingsOf, textsOf } from '../../components/settings.js';
import { challenges } from '../../strings/challenges.js';
import { words } from '../../strings/index.js';
import { ProfileForm, type ProfileFormKind } from '../profiles/profile-form.js';
import { challengeFields, hasSettings, type SettingName, settingsIn } from './challenge-fields.js';

type Mode = ScepProfile['challengeMode'];

type Own = {
  readonly challengeMode: Mode;
  readonly challengePassword: string;
  readonly preset: string;
} & { readonly [K in SettingName]: string };

const { common, scep } = words;

const modes = (Object.keys(scep.modes) as Mode[]).map((value) => ({ value, label: scep.modes[value] }));
const emptyTexts = Object.fromEntries(Object.keys(challenges.labels).map((name) => [name, ''])) as Record<SettingName, string>;

function ownOf(profile: ScepProfile | undefined): Own {
  const challengeMode = profile?.challengeMode ?? 'one-time';
  const saved = hasSettings(challengeMode) ? textsOf(challengeFields[challengeMode], settingsIn(profile, challengeMode) ?? {}) : {};
  return { ...emptyTexts, ...saved, challengeMode, challengePassword: '', preset: 'generic' };
}

/** The mode with its own settings: those of other modes are no business of it. */
function modeOf(values: Own, profile: ScepProfile | undefined): Readonly<Record<string, unknown>> {
  const { challengeMode: mode, challengePassword } = values;
  if (!hasSettings(mode)) return { challengeMode: mode, ...(challengePassword === '' ? {} : { challengePassword }) };
  const saved = settingsIn(profile, mode);
  const settings = settingsOf(challengeFields[mode], values, saved && textsOf(challengeFields[mode], saved));
  return { challengeMode: mode, [mode]: settings };
}

/** A challenge that was typed is the static one; one that was not typed stays as it is. */
const kind: ProfileFormKind<ScepProfile, Own> = {
  protocol: 'scep',
  words: { ...scep, name: scep.columns.name, connector: scep.connectors },
  baseUrl: { field: 'publicBaseUrl', label: scep.publicBaseUrl, hint: scep.publicBaseUrlHint, of: ({ publicBaseUrl }) => publicBaseUrl },
  own: ownOf,
  rules: { challengePassword: (value) => (/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? null : scep.challengeWrong) },
  body: (values, profile) => ({ ...modeOf(values, profile), ...(profile === undefined && values.preset !== 'generic' ? { preset: values.preset } : {}) }),
  Fields,
};

/** Add and edit a SCEP profile. */
export const ScepForm = (props: ManagedFormProps<ScepProfile>) => <ProfileForm kind={kind} {...props} />;

function Fields({ entity: { values, field, set }, profile }: { readonly entity: EntityForm<Own>; readonly profile: ScepProfile | undefined }) {
  const typed = (challengePassword: string): void => {
    set('challengePassword', challengePassword);
    if (challengePassword !== '' && values.challengeMode === 'one-time') set('challengeMode', 'static');
  };
  const known = profile?.challengePassword;
  const hint = known?.set === true && known.updatedAt !== null ? common.secretSet(showTime(known.updatedAt)) : scep.challengeHint;
  const mode = values.challengeMode;
  return (
    <>
      {!hasSettings(mode) && (
        <PasswordInput
          label={scep.challenge}
          description={hint}
          placeholder={known?.set === true ? '••••••••' : ''}
          autoComplete="new-password"
          maxLength={128}
          {...field('challengePassword')}
          onChange={(event) => typed(event.currentTarget.value)}
        />
      )}
      <Select label={scep.mode} description={scep.modeHint} data={modes} allowDeselect={false} {...field('challengeMode')} />
      {hasSettings(mode) && (
        <SettingInputs<SettingName>
          key={mode}
          fields={challengeFields[mode]}
          labels={challenges.labels}
          hints={{ ...challenges.hints, secret: challenges.secretHints[mode], clientSecret: challenges.secretHints[mode] }}
          saved={settingsIn(profile, mode)}
          textOf={(name) => values[name]}
          errorOf={(name) => field(name).error}
          onChange={(name, value) => set(name, value)}
        />
      )}
      {profile === undefined && (
        <Select
          label={scep.preset}
          data={Object.entries(scep.presets).map(([value, label]) => ({ value, label }))}
          allowDeselect={false}
          {...field('preset')}
        />
      )}
    </>
  );
}
