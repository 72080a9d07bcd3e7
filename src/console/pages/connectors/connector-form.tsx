import { Divider, Select, Textarea, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import { useTenants } from '../../api/hooks.js';
import type { Connector } from '../../api/types.js';
import { useMay, useSession } from '../../app/session.js';
import { useTenant } from '../../app/tenant.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { SettingInputs } from '../../components/setting-inputs.js';
import { settingsOf, textsOf } from '../../components/settings.js';
import { StatusSelect } from '../../components/status-select.js';
import { words } from '../../strings/index.js';
import { required } from '../profiles/rules.js';
import { type ConnectorType, connectorFields, type FieldName } from './connector-fields.js';
import { ConnectionTest } from './test-report.js';

const { connectors } = words;

type Values = {
  readonly type: ConnectorType;
  readonly name: string;
  readonly tenantId: string | null;
  readonly description: string;
  readonly status: string;
} & { readonly [K in FieldName]: string };

const fieldNames = Object.keys(connectors.fields) as FieldName[];
const emptyTexts = Object.fromEntries(fieldNames.map((name) => [name, ''])) as Record<FieldName, string>;

function initialValues(connector: Connector | undefined, tenantId: string | null): Values {
  if (connector === undefined) return { ...emptyTexts, type: 'ejbca', name: '', tenantId, description: '', status: 'active' };
  const { type, name, description, status, config } = connector;
  return { ...emptyTexts, ...textsOf(connectorFields[type], config), type, name, tenantId: connector.tenantId, description, status };
}

function bodyOf(values: Values, connector: Connector | undefined): Record<string, unknown> {
  const { type, name, tenantId, description, status } = values;
  const fields = connectorFields[type];
  const config = settingsOf(fields, values, connector && textsOf(fields, connector.config));
  if (connector === undefined) return { type, name, ...(tenantId === null ? {} : { tenantId }), description, status, config };
  return { name, description, status, config };
}

/** Add and edit a connector; what is asked for follows from its type. */
export function ConnectorForm({ item: connector, onClose, onSaved, onReload }: ManagedFormProps<Connector>) {
  const session = useSession();
  const { tenantId } = useTenant();
  const may = useMay();
  const entity = useEntityForm<Values, Connector>({
    initialValues: initialValues(connector, session.tenantId ?? tenantId ?? null),
    rules: { name: required },
    save: (values) => {
      const body = bodyOf(values, connector);
      if (connector === undefined) return call<Connector>('/connectors', { method: 'POST', body });
      return call<Connector>(`/connectors/${connector.id}`, { method: 'PATCH', body, version: connector.version });
    },
    onSaved,
  });
  const { type } = entity.values;
  const probe = { ...bodyOf(entity.values, undefined), name: entity.values.name.trim() === '' ? connectors.types[type] : entity.values.name };
  return (
    <ManagedDrawer words={connectors} isSaved={connector !== undefined} form={entity} {...{ onClose, onReload }}>
      <General entity={entity} isNew={connector === undefined} />
      <Divider label={connectors.types[type]} labelPosition="left" />
      <Settings entity={entity} connector={connector} />
      {connector === undefined && may('connector:write') && <ConnectionTest path="/connectors/test" body={probe} isMail={type === 'smtp'} form={entity} />}
    </ManagedDrawer>
  );
}

function General({ entity: { values, field, set }, isNew }: { readonly entity: EntityForm<Values>; readonly isNew: boolean }) {
  const session = useSession();
  const { data } = useTenants();
  const tenants = (data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  const types = Object.entries(connectors.types).map(([value, label]) => ({ value, label }));
  return (
    <>
      <Select
        label={connectors.type}
        description={isNew ? connectors.typeHint : undefined}
        data={types}
        value={values.type}
        onChange={(value) => value !== null && set('type', value as ConnectorType)}
        allowDeselect={false}
        disabled={!isNew}
      />
      <TextInput label={connectors.name} withAsterisk maxLength={100} data-autofocus {...field('name')} />
      {session.tenantId === null && (
        <Select
          label={connectors.tenant}
          description={isNew ? connectors.tenantHint : undefined}
          data={tenants}
          disabled={!isNew}
          searchable
          allowDeselect={false}
          {...field('tenantId')}
        />
      )}
      <Textarea label={connectors.description} autosize minRows={2} maxRows={5} maxLength={1000} {...field('description')} />
      <StatusSelect {...field('status')} />
    </>
  );
}

function Settings({ entity: { values, field, set }, connector }: { readonly entity: EntityForm<Values>; readonly connector: Connector | undefined }) {
  return (
    <SettingInputs<FieldName>
      key={values.type}
      fields={connectorFields[values.type]}
      labels={connectors.fields}
      hints={connectors.hints}
      saved={connector?.config}
      textOf={(name) => values[name]}
      errorOf={(name) => field(name).error}
      onChange={(name, value) => set(name, value)}
    />
  );
}
