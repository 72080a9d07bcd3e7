import { Checkbox, PasswordInput, Select, Textarea, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import type { ScepProfile } from '../../api/types.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { showTime } from '../../components/format.js';
import { words } from '../../strings/index.js';
import { ConnectorSelect } from '../profiles/connector-select.js';
import { baseUrlRule, endpointPathRule, pathFrom, required } from '../profiles/rules.js';

type Mode = ScepProfile['challengeMode'];

interface Values {
  readonly name: string;
  readonly connectorId: string | null;
  readonly challengeMode: Mode;
  readonly challengePassword: string;
  readonly status: string;
  readonly endpointPath: string;
  readonly description: string;
  readonly publicBaseUrl: string;
  readonly preset: string;
  readonly manual: boolean;
}

interface ScepFormProps {
  /** Absent: a new one. */
  readonly profile?: ScepProfile | undefined;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onSaved: (profile: ScepProfile) => void;
  readonly onReload?: () => void;
}

const { common, profiles, scep } = words;

/** Modes without settings of their own; the others appear where a profile has one already. */
const simpleModes: readonly Mode[] = ['one-time', 'static', 'none'];

function valuesOf(profile: ScepProfile | undefined): Values {
  const fresh = { challengePassword: '', preset: 'generic' };
  if (profile === undefined) {
    return {
      ...fresh,
      name: '',
      connectorId: null,
      challengeMode: 'one-time',
      status: 'active',
      endpointPath: '',
      description: '',
      publicBaseUrl: '',
      manual: false,
    };
  }
  const { name, connectorId, challengeMode, status, endpointPath, description, publicBaseUrl, policy } = profile;
  const manual = policy.approval.mode === 'manual';
  return { ...fresh, name, connectorId, challengeMode, status, endpointPath, description, publicBaseUrl: publicBaseUrl ?? '', manual };
}

/** A challenge that was typed is the static one; one that was not typed stays as it is. */
function bodyOf(values: Values, profile: ScepProfile | undefined): Record<string, unknown> {
  const { name, connectorId, status, endpointPath, description, challengeMode, challengePassword, publicBaseUrl, preset, manual } = values;
  const wasManual = profile?.policy.approval.mode === 'manual';
  return {
    ...{ name, connectorId, status, description, challengeMode },
    ...(challengePassword === '' ? {} : { challengePassword }),
    ...(endpointPath === '' ? {} : { endpointPath }),
    ...(publicBaseUrl === '' ? (profile === undefined ? {} : { publicBaseUrl: null }) : { publicBaseUrl }),
    ...(profile === undefined && preset !== 'generic' ? { preset } : {}),
    ...(manual === wasManual ? {} : { policy: { ...(profile === undefined ? { version: 1 } : {}), approval: { mode: manual ? 'manual' : 'automatic' } } }),
  };
}

const challengeRule = (value: string): string | null => (/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? null : scep.challengeWrong);

/** Add and edit a SCEP profile. */
export function ScepForm({ profile, opened, onClose, onSaved, onReload }: ScepFormProps) {
  const entity = useEntityForm<Values, ScepProfile>({
    initialValues: valuesOf(profile),
    rules: { name: required, connectorId: required, challengePassword: challengeRule, endpointPath: endpointPathRule, publicBaseUrl: baseUrlRule },
    save: (values) => {
      const body = bodyOf(values, profile);
      if (profile === undefined) return call<ScepProfile>('/scep-profiles', { method: 'POST', body });
      return call<ScepProfile>(`/scep-profiles/${profile.id}`, { method: 'PATCH', body, version: profile.version });
    },
    onSaved,
  });
  return (
    <FormDrawer
      title={profile === undefined ? scep.add : scep.edit}
      submitLabel={profile === undefined ? scep.create : common.save}
      opened={opened}
      isDirty={entity.isDirty}
      isBusy={entity.isBusy}
      error={entity.error}
      hasField={entity.hasField}
      onSubmit={entity.submit}
      onClose={onClose}
      {...(onReload === undefined ? {} : { onReload })}
    >
      <Fields entity={entity} profile={profile} />
    </FormDrawer>
  );
}

function Fields({ entity: { values, field, set }, profile }: { readonly entity: EntityForm<Values>; readonly profile: ScepProfile | undefined }) {
  const modes = [...new Set([...simpleModes, ...(profile === undefined ? [] : [profile.challengeMode])])];
  const typed = (challengePassword: string): void => {
    set('challengePassword', challengePassword);
    if (challengePassword !== '' && values.challengeMode === 'one-time') set('challengeMode', 'static');
  };
  const known = profile?.challengePassword;
  const hint = known?.set === true && known.updatedAt !== null ? common.secretSet(showTime(known.updatedAt)) : scep.challengeHint;
  return (
    <>
      <TextInput label={profiles.name} withAsterisk maxLength={100} data-autofocus {...field('name')} />
      <ConnectorSelect label={scep.connectors} tenantId={profile?.tenantId} {...field('connectorId')} />
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
      <Select
        label={common.status}
        description={profiles.statusHint}
        data={[
          { value: 'active', label: common.active },
          { value: 'inactive', label: common.inactive },
        ]}
        allowDeselect={false}
        {...field('status')}
      />
      {profile === undefined && (
        <Select
          label={scep.preset}
          data={Object.entries(scep.presets).map(([value, label]) => ({ value, label }))}
          allowDeselect={false}
          {...field('preset')}
        />
      )}
      <TextInput label={profiles.endpointPath} description={profiles.endpointPathHint} placeholder={pathFrom(values.name)} {...field('endpointPath')} />
      <TextInput label={scep.publicBaseUrl} description={scep.publicBaseUrlHint} type="url" {...field('publicBaseUrl')} />
      <Textarea
        label={profiles.description}
        description={profiles.descriptionHint}
        autosize
        minRows={2}
        maxRows={6}
        maxLength={1000}
        {...field('description')}
      />
      <Checkbox
        label={profiles.approval}
        description={profiles.approvalHint}
        checked={values.manual}
        onChange={(event) => set('manual', event.currentTarget.checked)}
      />
    </>
  );
}
