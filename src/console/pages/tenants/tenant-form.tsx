import { TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import type { Tenant } from '../../api/types.js';
import { useEntityForm } from '../../components/entity-form.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { StatusSelect } from '../../components/status-select.js';
import { words } from '../../strings/index.js';
import { pathFrom, required } from '../profiles/rules.js';

const { tenants } = words;

/** Add and edit a tenant. */
export function TenantForm({ item: tenant, onClose, onSaved, onReload }: ManagedFormProps<Tenant>) {
  const entity = useEntityForm({
    initialValues: { name: tenant?.name ?? '', slug: tenant?.slug ?? '', status: tenant?.status ?? 'active' },
    rules: { name: required },
    save: ({ slug, ...values }) => {
      const body = { ...values, ...(slug === '' ? {} : { slug }) };
      if (tenant === undefined) return call<Tenant>('/tenants', { method: 'POST', body });
      return call<Tenant>(`/tenants/${tenant.id}`, { method: 'PATCH', body, version: tenant.version });
    },
    onSaved,
  });
  return (
    <ManagedDrawer words={tenants} isSaved={tenant !== undefined} form={entity} {...{ onClose, onReload }}>
      <TextInput label={tenants.name} withAsterisk maxLength={100} data-autofocus {...entity.field('name')} />
      <TextInput label={tenants.slug} description={tenants.slugHint} placeholder={pathFrom(entity.values.name)} maxLength={64} {...entity.field('slug')} />
      <StatusSelect {...entity.field('status')} />
    </ManagedDrawer>
  );
}
