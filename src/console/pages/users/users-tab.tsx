import { Anchor, Group, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { listQuery } from '../../api/queries.js';
import type { CreatedUser, User } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { StatusBadge } from '../../components/badges.js';
import { type Column, DataTable } from '../../components/data-table.js';
import { EmptyState } from '../../components/empty-state.js';
import { FilterBar } from '../../components/filter-bar.js';
import { Foreign } from '../../components/foreign.js';
import { useListState } from '../../components/list-state.js';
import { Moment } from '../../components/moment.js';
import { RowActions } from '../../components/row-actions.js';
import { type ShownSecret, useSecretShown } from '../../components/secret-shown.js';
import { TenantNames } from '../../components/tenant-names.js';
import { words } from '../../strings/index.js';
import { users } from '../../strings/people.js';
import { statusFilter } from '../profiles/profile-filters.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { rolesInOrder, useMayManage } from './may-manage.js';
import { UserForm } from './user-form.js';
import { RoleMarks, TotpMark } from './user-marks.js';

const { common } = words;
const { columns } = users;
const roleFilter = { name: 'role', label: users.role, options: rolesInOrder.map((role) => ({ value: role, label: role })) };

interface Writers {
  mayManage(user: User): boolean;
  edit(user: User): void;
  remove(user: User): void;
}

function columnsFor({ mayManage, edit, remove }: Writers): readonly Column<User>[] {
  return [
    {
      label: columns.username,
      sort: 'username',
      room: 'rest',
      render: ({ id, username, displayName }) => (
        <Group gap={6} wrap="nowrap">
          <Anchor component={Link} to={`/users/${id}`} size="sm" fw={600}>
            <Foreign text={username} />
          </Anchor>
          {displayName !== '' && <Foreign text={displayName} />}
        </Group>
      ),
    },
    { label: columns.roles, render: ({ roles }) => <RoleMarks roles={roles} /> },
    { label: columns.tenants, room: 'narrow', render: ({ tenantIds }) => <TenantNames ids={tenantIds} /> },
    { label: columns.totp, render: ({ hasTotp }) => <TotpMark hasTotp={hasTotp} /> },
    { label: columns.status, render: ({ status }) => <StatusBadge status={status} /> },
    { label: columns.lastLogin, sort: 'lastLoginAt', render: ({ lastLoginAt }) => (lastLoginAt === null ? common.never : <Moment at={lastLoginAt} />) },
    {
      label: common.actions,
      align: 'right',
      render: (user) => {
        const isMine = mayManage(user);
        return (
          <RowActions
            name={user.username}
            to={`/users/${user.id}`}
            onEdit={isMine ? () => edit(user) : undefined}
            onDelete={isMine ? () => remove(user) : undefined}
          />
        );
      },
    },
  ];
}

export interface TabProps {
  readonly addButton: ReactNode;
  readonly isAdding: boolean;
  readonly onClose: () => void;
}

/** Users: list, and the forms for new and changed ones. */
export function UsersTab({ addButton, isAdding, onClose }: TabProps) {
  const state = useListState({ filters: ['status', 'role'], sort: 'username' });
  const result = useQuery(listQuery<User>('/users', state.query, 15_000));
  const [edited, setEdited] = useState<User>();
  const [highlighted, setHighlighted] = useState<string>();
  const secret = useSecretShown();
  const mayManage = useMayManage();
  const deletion = useDeletion('/users', users.deleteText, users.deleted);
  const close = (): void => {
    setEdited(undefined);
    onClose();
  };
  const saved = ({ id, username, password }: CreatedUser): void => {
    announce(edited === undefined ? users.created(username) : users.saved(username));
    if (password !== undefined) secret.show(passwordShown(username, password));
    setHighlighted(id);
    close();
  };
  const remove = ({ id, username, version }: User): void => deletion.ask({ id, name: username, version });
  return (
    <Stack gap="md">
      <FilterBar state={state} placeholder={users.searchBy} filters={[roleFilter, statusFilter]} />
      <DataTable
        label={users.list}
        columns={columnsFor({ mayManage, edit: setEdited, remove })}
        result={result}
        state={state}
        highlighted={highlighted}
        empty={<EmptyState title={users.emptyTitle} text={users.emptyText} action={addButton} />}
      />
      {(isAdding || edited !== undefined) && <UserForm key={edited?.id ?? 'new'} user={edited} onClose={close} onSaved={saved} onReload={close} />}
      {secret.dialog}
      {deletion.dialog}
    </Stack>
  );
}

/** What the administrator reads once and hands over. */
export function passwordShown(username: string, password: string): ShownSecret {
  const rows = [
    { label: users.username, value: username },
    { label: words.login.password, value: password },
  ];
  return { title: users.passwordTitle, rows, note: users.passwordNote };
}
