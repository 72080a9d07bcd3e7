import { MultiSelect, PasswordInput, Switch, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import { useTenants } from '../../api/hooks.js';
import type { CreatedUser, Role, User } from '../../api/types.js';
import { useSession } from '../../app/session.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { StatusSelect } from '../../components/status-select.js';
import { users } from '../../strings/people.js';
import { useGrantableRoles } from './may-manage.js';

interface Values {
  readonly username: string;
  readonly displayName: string;
  readonly email: string;
  readonly roles: readonly Role[];
  /** null: every tenant. */
  readonly tenantIds: readonly string[] | null;
  readonly status: string;
  readonly password: string;
}

interface UserFormProps {
  /** Absent: a new one. */
  readonly user?: User | undefined;
  readonly onClose: () => void;
  readonly onSaved: (user: CreatedUser) => void;
  readonly onReload: () => void;
}

const usernameRule = (text: string): string | null => (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/.test(text.trim()) ? null : users.usernameWrong);
const rolesRule = (held: readonly Role[]): string | null => (held.length === 0 ? users.rolesMissing : null);

const tenantsRule = (ids: readonly string[] | null): string | null => (ids?.length === 0 ? users.tenantsMissing : null);

function initialValues(user: User | undefined): Values {
  const { username = '', displayName = '', email = null, roles = [], tenantIds = null, status = 'active' } = user ?? {};
  return { username, displayName, email: email ?? '', roles, tenantIds, status, password: '' };
}

/** Add and edit a user. Who is bound to a tenant makes users of that tenant, and is asked for none. */
export function UserForm({ user, onClose, onSaved, onReload }: UserFormProps) {
  const { tenantId } = useSession();
  const isBound = tenantId !== null;
  const entity = useEntityForm<Values, CreatedUser>({
    initialValues: initialValues(user),
    rules: { roles: rolesRule, tenantIds: tenantsRule, ...(user === undefined ? { username: usernameRule } : {}) },
    save: ({ username, email, tenantIds, password, ...values }) => {
      const tenancy = isBound ? {} : { tenantIds };
      const mail = email.trim();
      if (user !== undefined) {
        const { roles, ...plain } = values;
        const rights = user.isProvided ? {} : { roles, ...tenancy };
        const body = { ...plain, ...rights, email: mail === '' ? null : mail };
        return call<User>(`/users/${user.id}`, { method: 'PATCH', body, version: user.version });
      }
      const optional = { ...(mail === '' ? {} : { email: mail }), ...(password === '' ? {} : { password }) };
      return call<CreatedUser>('/users', { method: 'POST', body: { username: username.trim(), ...values, ...tenancy, ...optional } });
    },
    onSaved,
  });
  return (
    <ManagedDrawer words={users} isSaved={user !== undefined} form={entity} {...{ onClose, onReload }}>
      <Fields entity={entity} user={user} isBound={isBound} />
    </ManagedDrawer>
  );
}

interface FieldsProps {
  readonly entity: EntityForm<Values>;
  readonly user: User | undefined;
  readonly isBound: boolean;
}

/** Roles and tenants of those who come from the identity provider are decided there. */
function Fields({ entity, user, isBound }: FieldsProps) {
  const grantable = useGrantableRoles();
  const { field } = entity;
  const isProvided = user?.isProvided === true;
  const roles = field('roles');
  return (
    <>
      {user === undefined && (
        <TextInput
          label={users.username}
          description={users.usernameHint}
          withAsterisk
          maxLength={128}
          data-autofocus
          autoComplete="off"
          {...field('username')}
        />
      )}
      <TextInput label={users.displayName} maxLength={100} autoComplete="off" {...field('displayName')} />
      <TextInput label={users.email} type="email" maxLength={254} autoComplete="off" {...field('email')} />
      <MultiSelect
        label={users.rolesLabel}
        description={isProvided ? users.providedHint : users.rolesHint}
        data={grantable.map((role) => ({ value: role, label: users.roles[role] }))}
        withAsterisk
        disabled={isProvided}
        value={[...roles.value]}
        error={roles.error}
        onChange={(chosen) => roles.onChange(chosen as Role[])}
      />
      {!isBound && !isProvided && <TenantFields entity={entity} />}
      <StatusSelect {...field('status')} />
      {user === undefined && <PasswordInput label={users.password} description={users.passwordHint} autoComplete="new-password" {...field('password')} />}
    </>
  );
}

function TenantFields({ entity: { field, set } }: { readonly entity: EntityForm<Values> }) {
  const { data } = useTenants();
  const tenants = field('tenantIds');
  return (
    <>
      <Switch label={users.everyTenant} checked={tenants.value === null} onChange={(event) => set('tenantIds', event.currentTarget.checked ? null : [])} />
      {tenants.value !== null && (
        <MultiSelect
          label={users.tenants}
          data={(data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          withAsterisk
          searchable
          value={[...tenants.value]}
          error={tenants.error}
          onChange={(chosen) => tenants.onChange(chosen)}
        />
      )}
    </>
  );
}
