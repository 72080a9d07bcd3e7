import { PasswordInput, Select } from '@mantine/core';
import type { ScepProfile } from '../../api/types.js';
import type { EntityForm } from '../../components/entity-form.js';
import { showTime } from '../../components/format.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { words } from '../../strings/index.js';
import { ProfileForm, type ProfileFormKind } from '../profiles/profile-form.js';

type Mode = ScepProfile['challengeMode'];

interface Own {
  readonly challengeMode: Mode;
  readonly challengePassword: string;
  readonly preset: string;
}

const { common, scep } = words;

/** Modes without settings of their own; the others appear where a profile has one already. */
const simpleModes: readonly Mode[] = ['one-time', 'static', 'none'];

/** A challenge that was typed is the static one; one that was not typed stays as it is. */
const kind: ProfileFormKind<ScepProfile, Own> = {
  protocol: 'scep',
  words: { ...scep, name: scep.columns.name, connector: scep.connectors },
  baseUrl: { field: 'publicBaseUrl', label: scep.publicBaseUrl, hint: scep.publicBaseUrlHint, of: ({ publicBaseUrl }) => publicBaseUrl },
  own: (profile) => ({ challengeMode: profile?.challengeMode ?? 'one-time', challengePassword: '', preset: 'generic' }),
  rules: { challengePassword: (value) => (/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? null : scep.challengeWrong) },
  body: ({ challengeMode, challengePassword, preset }, profile) => ({
    challengeMode,
    ...(challengePassword === '' ? {} : { challengePassword }),
    ...(profile === undefined && preset !== 'generic' ? { preset } : {}),
  }),
  Fields,
};

/** Add and edit a SCEP profile. */
export const ScepForm = (props: ManagedFormProps<ScepProfile>) => <ProfileForm kind={kind} {...props} />;

function Fields({ entity: { values, field, set }, profile }: { readonly entity: EntityForm<Own>; readonly profile: ScepProfile | undefined }) {
  const modes = [...new Set([...simpleModes, ...(profile === undefined ? [] : [profile.challengeMode])])];
  const typed = (challengePassword: string): void => {
    set('challengePassword', challengePassword);
    if (challengePassword !== '' && values.challengeMode === 'one-time') set('challengeMode', 'static');
  };
  const known = profile?.challengePassword;
  const hint = known?.set === true && known.updatedAt !== null ? common.secretSet(showTime(known.updatedAt)) : scep.challengeHint;
  return (
    <>
      <PasswordInput
        label={scep.challenge}
        description={hint}
        placeholder={known?.set === true ? '••••••••' : ''}
        autoComplete="new-password"
        maxLength={128}
        {...field('challengePassword')}
        onChange={(event) => typed(event.currentTarget.value)}
      />
      <Select
        label={scep.mode}
        description={scep.modeHint}
        data={modes.map((value) => ({ value, label: scep.modes[value] }))}
        allowDeselect={false}
        {...field('challengeMode')}
      />
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
