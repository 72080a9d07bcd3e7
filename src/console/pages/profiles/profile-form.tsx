import { Checkbox, Text, Textarea, TextInput } from '@mantine/core';
import type { ComponentType } from 'react';
import { call } from '../../api/call.js';
import { useSession } from '../../app/session.js';
import { type EntityForm, type Rules, useEntityForm } from '../../components/entity-form.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { StatusSelect } from '../../components/status-select.js';
import { words } from '../../strings/index.js';
import { ConnectorSelect } from './connector-select.js';
import type { Profile } from './profile-kind.js';
import { baseUrlRule, endpointPathRule, pathFrom, required } from './rules.js';

interface Shared {
  readonly name: string;
  readonly connectorId: string | null;
  readonly baseUrl: string;
  readonly endpointPath: string;
  readonly description: string;
  readonly status: string;
  readonly manual: boolean;
}

/** What the form of one protocol's profiles has of its own: `O` are the values of those fields. */
export interface ProfileFormKind<P extends Profile, O extends object> {
  readonly protocol: 'cmp' | 'scep';
  readonly words: { readonly add: string; readonly edit: string; readonly create: string; readonly name: string; readonly connector: string };
  readonly baseUrl: { readonly field: 'javaBaseUrl' | 'publicBaseUrl'; readonly label: string; readonly hint: string; of(profile: P): string | null };
  /** Undefined: of a new profile. */
  own(profile: P | undefined): O;
  readonly rules: Rules<O>;
  /** Own values as the API wants them. */
  body(own: O, profile: P | undefined): Readonly<Record<string, unknown>>;
  readonly Fields?: ComponentType<{ readonly entity: EntityForm<O>; readonly profile: P | undefined }>;
}

const { profiles } = words;
const rules: Rules<Shared> = { name: required, connectorId: required, baseUrl: baseUrlRule, endpointPath: endpointPathRule };

function sharedOf<P extends Profile>(kind: Pick<ProfileFormKind<P, object>, 'baseUrl'>, profile: P | undefined, deviceUrl: string): Shared {
  if (profile === undefined) return { name: '', connectorId: null, baseUrl: deviceUrl, endpointPath: '', description: '', status: 'active', manual: false };
  const { name, connectorId, endpointPath, description, status, policy } = profile;
  return { name, connectorId, baseUrl: kind.baseUrl.of(profile) ?? '', endpointPath, description, status, manual: policy.approval.mode === 'manual' };
}

/** What the form says, as the API wants it; an address that is our own anyway is not written down. */
function bodyOf(values: Shared, profile: Profile | undefined, field: string, deviceUrl: string): Record<string, unknown> {
  const { name, connectorId, baseUrl, endpointPath, description, status, manual } = values;
  const isNew = profile === undefined;
  const isOwn = baseUrl === '' || (isNew && baseUrl === deviceUrl);
  const wasManual = profile?.policy.approval.mode === 'manual';
  return {
    ...{ name, connectorId, description, status },
    ...(endpointPath === '' ? {} : { endpointPath }),
    ...(isOwn ? (isNew ? {} : { [field]: null }) : { [field]: baseUrl }),
    ...(manual === wasManual ? {} : { policy: { ...(isNew ? { version: 1 } : {}), approval: { mode: manual ? 'manual' : 'automatic' } } }),
  };
}

interface ProfileFormProps<P extends Profile, O extends object> extends ManagedFormProps<P> {
  readonly kind: ProfileFormKind<P, O>;
}

/** Add and edit a profile. */
export function ProfileForm<P extends Profile, O extends object>({ kind, item, onClose, onSaved, onReload }: ProfileFormProps<P, O>) {
  const { deviceUrl } = useSession();
  const { field } = kind.baseUrl;
  const path = `/${kind.protocol}-profiles`;
  const entity = useEntityForm<Shared & O, P>({
    initialValues: { ...sharedOf(kind, item, deviceUrl), ...kind.own(item) },
    rules: { ...rules, ...kind.rules } as Rules<Shared & O>,
    fields: { [field]: 'baseUrl' },
    save: (values) => {
      const body = { ...bodyOf(values, item, field, deviceUrl), ...kind.body(values, item) };
      if (item === undefined) return call<P>(path, { method: 'POST', body });
      return call<P>(`${path}/${item.id}`, { method: 'PATCH', body, version: item.version });
    },
    onSaved,
  });
  return (
    <ManagedDrawer words={kind.words} isSaved={item !== undefined} form={entity} {...{ onClose, onReload }}>
      <Fields kind={kind} entity={entity} profile={item} deviceUrl={deviceUrl} />
    </ManagedDrawer>
  );
}

interface FieldsProps<P extends Profile, O extends object> {
  readonly kind: ProfileFormKind<P, O>;
  readonly entity: EntityForm<Shared & O>;
  readonly profile: P | undefined;
  readonly deviceUrl: string;
}

function Fields<P extends Profile, O extends object>({ kind, entity, profile, deviceUrl }: FieldsProps<P, O>) {
  const { values, field, set } = entity as unknown as EntityForm<Shared>;
  const path = values.endpointPath === '' ? pathFrom(values.name) : values.endpointPath;
  const base = (values.baseUrl === '' ? deviceUrl : values.baseUrl).replace(/\/+$/, '');
  return (
    <>
      <TextInput label={kind.words.name} withAsterisk maxLength={100} data-autofocus {...field('name')} />
      <ConnectorSelect label={kind.words.connector} {...field('connectorId')} tenantId={profile?.tenantId} />
      {kind.Fields !== undefined && <kind.Fields entity={entity as unknown as EntityForm<O>} profile={profile} />}
      <TextInput label={kind.baseUrl.label} description={kind.baseUrl.hint} type="url" {...field('baseUrl')} />
      <TextInput label={profiles.endpointPath} description={profiles.endpointPathHint} placeholder={pathFrom(values.name)} {...field('endpointPath')} />
      {path !== '' && (
        <Text size="xs" c="dimmed" className="foreign">
          {profiles.devicesReach} <b>{`${base}/${kind.protocol}/${path}`}</b>
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
      <StatusSelect description={profiles.statusHint} {...field('status')} />
      <Checkbox
        label={profiles.approval}
        description={profiles.approvalHint}
        checked={values.manual}
        onChange={(event) => set('manual', event.currentTarget.checked)}
      />
    </>
  );
}
