import { Select, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import { useTenants } from '../../api/hooks.js';
import type { AuditSink } from '../../api/types.js';
import { useEntityForm } from '../../components/entity-form.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { SettingInputs } from '../../components/setting-inputs.js';
import { type SettingField, settingsOf, textsOf } from '../../components/settings.js';
import { StatusSelect } from '../../components/status-select.js';
import { words } from '../../strings/index.js';
import { settings } from '../../strings/settings.js';
import { required } from '../profiles/rules.js';

const text = settings.sinks;
const everyTenant = 'every';

type FieldName = keyof typeof text.fields;
const trustedCa: SettingField<FieldName> = { name: 'trustedCa', kind: 'pem', isFurther: true };

/** What each kind of copy is asked for. */
const fieldsOf = {
  syslog: [{ name: 'host', kind: 'text', isRequired: true }, { name: 'port', kind: 'number' }, trustedCa],
  webhook: [{ name: 'url', kind: 'text', isRequired: true }, { name: 'secret', kind: 'secret', isRequired: true }, trustedCa],
} as const satisfies Record<AuditSink['type'], readonly SettingField<FieldName>[]>;

const emptyTexts = { host: '', port: '', url: '', secret: '', trustedCa: '' };

/** Add and change where audit events are copied to. Its kind stays, and so does its beginning. */
export function SinkForm({ item: sink, onClose, onSaved, onReload }: ManagedFormProps<AuditSink>) {
  const { data } = useTenants();
  const entity = useEntityForm({
    initialValues: {
      ...emptyTexts,
      ...(sink && textsOf(fieldsOf[sink.type], sink.settings)),
      name: sink?.name ?? '',
      type: sink?.type ?? ('syslog' as AuditSink['type']),
      status: sink?.status ?? 'active',
      tenantId: sink?.tenantId ?? everyTenant,
      startAt: 'now',
    },
    rules: { name: required },
    save: ({ name, type, status, startAt, ...values }) => {
      const { secret, ...given } = settingsOf<FieldName>(fieldsOf[type], values, undefined);
      const tenantId = values.tenantId === everyTenant ? null : values.tenantId;
      const body = { name, status, tenantId, settings: given, ...(secret === undefined ? {} : { secret }) };
      if (sink === undefined) return call<AuditSink>('/audit-sinks', { method: 'POST', body: { ...body, type, startAt } });
      return call<AuditSink>(`/audit-sinks/${sink.id}`, { method: 'PATCH', body, version: sink.version });
    },
    onSaved,
  });
  const { values, field, set } = entity;
  const tenants = [{ value: everyTenant, label: words.shell.everyTenant }, ...(data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))];
  const optionsOf = (labels: Readonly<Record<string, string>>) => Object.entries(labels).map(([value, label]) => ({ value, label }));
  return (
    <ManagedDrawer words={text} isSaved={sink !== undefined} form={entity} {...{ onClose, onReload }}>
      <TextInput label={text.columns.name} withAsterisk maxLength={100} data-autofocus {...field('name')} />
      {sink === undefined && (
        <Select
          label={text.columns.type}
          description={text.typeHint}
          data={optionsOf(text.types)}
          allowDeselect={false}
          value={values.type}
          onChange={(type) => type !== null && set('type', type as AuditSink['type'])}
        />
      )}
      <Select label={text.columns.tenant} description={text.tenantHint} data={tenants} allowDeselect={false} searchable {...field('tenantId')} />
      {sink === undefined && <Select label={text.startAt} data={optionsOf(text.starts)} allowDeselect={false} {...field('startAt')} />}
      <StatusSelect {...field('status')} />
      <SettingInputs<FieldName>
        key={values.type}
        fields={fieldsOf[values.type]}
        labels={text.fields}
        hints={text.hints}
        saved={sink && { ...sink.settings, secret: sink.secret }}
        textOf={(name) => values[name]}
        errorOf={(name) => field(name).error}
        onChange={set}
      />
    </ManagedDrawer>
  );
}
