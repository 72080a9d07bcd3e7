import { MultiSelect, Select, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import { useTenants } from '../../api/hooks.js';
import type { CreatedToken, Permission, Role } from '../../api/types.js';
import { useSession } from '../../app/session.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import { FormDrawer } from '../../components/form-drawer.js';
import { tokens, users } from '../../strings/people.js';
import { required } from '../profiles/rules.js';
import { useGrantableRoles } from './may-manage.js';

interface Values {
  readonly name: string;
  readonly role: Role;
  readonly tenantId: string;
  readonly permissions: readonly Permission[];
  readonly expiresInDays: string;
}

const everyTenant = 'every';

interface TokenFormProps {
  readonly onClose: () => void;
  readonly onSaved: (token: CreatedToken) => void;
}

/** Add a token: its role, where, of that role what, and for how long. */
export function TokenForm({ onClose, onSaved }: TokenFormProps) {
  const { tenantId } = useSession();
  const isBound = tenantId !== null;
  const entity = useEntityForm<Values, CreatedToken>({
    initialValues: { name: '', role: 'viewer', tenantId: everyTenant, permissions: [], expiresInDays: '90' },
    rules: { name: required },
    save: ({ name, role, permissions, ...values }) => {
      const tenancy = isBound ? {} : { tenantId: values.tenantId === everyTenant ? null : values.tenantId };
      const scope = permissions.length === 0 ? {} : { permissions };
      const expiresInDays = values.expiresInDays === 'never' ? null : Number(values.expiresInDays);
      return call<CreatedToken>('/tokens', { method: 'POST', body: { name, role, ...tenancy, ...scope, expiresInDays } });
    },
    onSaved,
  });
  return (
    <FormDrawer title={tokens.add} submitLabel={tokens.create} form={entity} onClose={onClose}>
      <Fields entity={entity} isBound={isBound} />
    </FormDrawer>
  );
}

function Fields({ entity: { field }, isBound }: { readonly entity: EntityForm<Values>; readonly isBound: boolean }) {
  const session = useSession();
  const grantable = useGrantableRoles();
  const { data } = useTenants();
  const permissions = field('permissions');
  const places = [{ value: everyTenant, label: tokens.everyTenant }, ...(data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))];
  return (
    <>
      <TextInput label={tokens.name} description={tokens.nameHint} withAsterisk maxLength={100} data-autofocus autoComplete="off" {...field('name')} />
      <Select label={tokens.role} data={grantable.map((role) => ({ value: role, label: users.roles[role] }))} allowDeselect={false} {...field('role')} />
      {!isBound && <Select label={tokens.tenant} data={places} allowDeselect={false} searchable {...field('tenantId')} />}
      <MultiSelect
        label={tokens.permissions}
        description={tokens.permissionsHint}
        data={session.permissions}
        searchable
        clearable
        value={[...permissions.value]}
        error={permissions.error}
        onChange={(chosen) => permissions.onChange(chosen as Permission[])}
      />
      <Select
        label={tokens.expires}
        data={Object.entries(tokens.expiries).map(([value, label]) => ({ value, label }))}
        allowDeselect={false}
        {...field('expiresInDays')}
      />
    </>
  );
}
