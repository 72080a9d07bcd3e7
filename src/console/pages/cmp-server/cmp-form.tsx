import { Checkbox, Select, Text, Textarea, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import type { CmpProfile } from '../../api/types.js';
import { useSession } from '../../app/session.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { words } from '../../strings/index.js';
import { ConnectorSelect } from '../profiles/connector-select.js';
import { baseUrlRule, endpointPathRule, pathFrom, required } from '../profiles/rules.js';

interface Values {
  readonly name: string;
  readonly connectorId: string | null;
  readonly javaBaseUrl: string;
  readonly endpointPath: string;
  readonly description: string;
  readonly status: string;
  readonly manual: boolean;
}

interface CmpFormProps {
  /** Absent: a new one. */
  readonly profile?: CmpProfile | undefined;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onSaved: (profile: CmpProfile) => void;
  readonly onReload?: () => void;
}

const { cmp, common, profiles } = words;

function valuesOf(profile: CmpProfile | undefined, deviceUrl: string): Values {
  if (profile === undefined) return { name: '', connectorId: null, javaBaseUrl: deviceUrl, endpointPath: '', description: '', status: 'active', manual: false };
  const { name, connectorId, javaBaseUrl, endpointPath, description, status, policy } = profile;
  return { name, connectorId, javaBaseUrl: javaBaseUrl ?? '', endpointPath, description, status, manual: policy.approval.mode === 'manual' };
}

/** What the form says, as the API wants it; an address that is our own anyway is not written down. */
function bodyOf({ manual, javaBaseUrl, endpointPath, ...values }: Values, profile: CmpProfile | undefined, deviceUrl: string): Record<string, unknown> {
  const isOwn = javaBaseUrl === '' || (profile === undefined && javaBaseUrl === deviceUrl);
  const wasManual = profile?.policy.approval.mode === 'manual';
  return {
    ...values,
    ...(endpointPath === '' ? {} : { endpointPath }),
    ...(isOwn ? (profile === undefined ? {} : { javaBaseUrl: null }) : { javaBaseUrl }),
    ...(manual === wasManual ? {} : { policy: { ...(profile === undefined ? { version: 1 } : {}), approval: { mode: manual ? 'manual' : 'automatic' } } }),
  };
}

/** Add and edit a CMP profile. */
export function CmpForm({ profile, opened, onClose, onSaved, onReload }: CmpFormProps) {
  const { deviceUrl } = useSession();
  const entity = useEntityForm<Values, CmpProfile>({
    initialValues: valuesOf(profile, deviceUrl),
    rules: { name: required, connectorId: required, javaBaseUrl: baseUrlRule, endpointPath: endpointPathRule },
    save: (values) => {
      const body = bodyOf(values, profile, deviceUrl);
      if (profile === undefined) return call<CmpProfile>('/cmp-profiles', { method: 'POST', body });
      return call<CmpProfile>(`/cmp-profiles/${profile.id}`, { method: 'PATCH', body, version: profile.version });
    },
    onSaved,
  });
  return (
    <FormDrawer
      title={profile === undefined ? cmp.add : cmp.edit}
      submitLabel={profile === undefined ? cmp.create : common.save}
      opened={opened}
      isDirty={entity.isDirty}
      isBusy={entity.isBusy}
      error={entity.error}
      hasField={entity.hasField}
      onSubmit={entity.submit}
      onClose={onClose}
      {...(onReload === undefined ? {} : { onReload })}
    >
      <Fields entity={entity} profile={profile} deviceUrl={deviceUrl} />
    </FormDrawer>
  );
}

interface FieldsProps {
  readonly entity: EntityForm<Values>;
  readonly profile: CmpProfile | undefined;
  readonly deviceUrl: string;
}

function Fields({ entity: { values, field, set }, profile, deviceUrl }: FieldsProps) {
  const path = values.endpointPath === '' ? pathFrom(values.name) : values.endpointPath;
  const base = (values.javaBaseUrl === '' ? deviceUrl : values.javaBaseUrl).replace(/\/+$/, '');
  return (
    <>
      <TextInput label={cmp.name} withAsterisk maxLength={100} data-autofocus {...field('name')} />
      <ConnectorSelect label={profiles.connector} {...field('connectorId')} tenantId={profile?.tenantId} />
      <TextInput label={cmp.javaBaseUrl} description={cmp.javaBaseUrlHint} type="url" {...field('javaBaseUrl')} />
      <TextInput label={profiles.endpointPath} description={profiles.endpointPathHint} placeholder={pathFrom(values.name)} {...field('endpointPath')} />
      {path !== '' && (
        <Text size="xs" c="dimmed" className="foreign">
          {profiles.devicesReach} <b>{`${base}/cmp/${path}`}</b>
        </Text>
      )}
      <Textarea
        label={profiles.description}
        description={profiles.descriptionHint}
        autosize
        minRows={2}
        maxRows={6}
        maxLength={1000}
        {...field('description')}
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
      <Checkbox
        label={profiles.approval}
        description={profiles.approvalHint}
        checked={values.manual}
        onChange={(event) => set('manual', event.currentTarget.checked)}
      />
    </>
  );
}
