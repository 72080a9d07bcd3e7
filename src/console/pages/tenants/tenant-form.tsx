import { Select, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import type { Tenant } from '../../api/types.js';
import { useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { words } from '../../strings/index.js';
import { pathFrom, required } from '../profiles/rules.js';

const { common, tenants } = words;

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
    <FormDrawer
      title={tenant === undefined ? tenants.add : tenants.edit}
      submitLabel={tenant === undefined ? tenants.create : common.save}
      opened
      isDirty={entity.isDirty}
      isBusy={entity.isBusy}
      error={entity.error}
      hasField={entity.hasField}
      onSubmit={entity.submit}
      onClose={onClose}
      onReload={onReload}
    >
      <TextInput label={tenants.name} withAsterisk maxLength={100} data-autofocus {...entity.field('name')} />
      <TextInput label={tenants.slug} description={tenants.slugHint} placeholder={pathFrom(entity.values.name)} maxLength={64} {...entity.field('slug')} />
      <Select
        label={common.status}
        data={[
          { value: 'active', label: common.active },
          { value: 'inactive', label: common.inactive },
        ]}
        allowDeselect={false}
        {...entity.field('status')}
      />
    </FormDrawer>
  );
}
