import { Button, Stack, Text } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { User } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { StatusBadge } from '../../components/badges.js';
import { Facts } from '../../components/facts.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { TenantNames } from '../../components/tenant-names.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { users } from '../../strings/people.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { CredentialActions } from './credential-actions.js';
import { useMayManage } from './may-manage.js';
import { UserForm } from './user-form.js';
import { RoleMarks, TotpMark } from './user-marks.js';
import { UserSessions } from './user-sessions.js';

const { common } = words;

/** One user: rights, credentials, sessions. */
export function UserDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<User>(`/users/${id}`));
  return <Whole result={result}>{(user) => <Detail user={user} reload={() => void result.refetch()} />}</Whole>;
}

function Detail({ user, reload }: { readonly user: User; readonly reload: () => void }) {
  const [isEditing, setEditing] = useState(false);
  const navigate = useNavigate();
  const isMine = useMayManage()(user);
  const deletion = useDeletion('/users', users.deleteText, users.deleted, () => navigate({ to: '/users' }));
  const close = (): void => setEditing(false);
  const saved = ({ username }: User): void => {
    announce(users.saved(username));
    close();
  };
  const reloaded = (): void => {
    close();
    reload();
  };
  return (
    <Stack gap="md">
      <PageHead title={user.username} text={user.displayName} mark={<StatusBadge status={user.status} />}>
        {isMine && (
          <>
            <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(true)}>
              {common.edit}
            </Button>
            <Button
              variant="default"
              c="var(--console-bad)"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() => deletion.ask({ id: user.id, name: user.username, version: user.version })}
            >
              {common.remove}
            </Button>
          </>
        )}
      </PageHead>
      <Panel title={users.details} actions={isMine && <CredentialActions user={user} />}>
        <UserFacts user={user} />
      </Panel>
      {isMine ? <UserSessions user={user} /> : <Text size="sm">{users.mightier}</Text>}
      {isEditing && <UserForm key={user.version} user={user} onClose={close} onSaved={saved} onReload={reloaded} />}
      {deletion.dialog}
    </Stack>
  );
}

function UserFacts({ user }: { readonly user: User }) {
  return (
    <Facts
      facts={[
        { label: users.displayName, value: user.displayName === '' ? common.none : user.displayName },
        { label: users.email, value: user.email ?? common.none },
        { label: users.columns.roles, value: <RoleMarks roles={user.roles} /> },
        { label: users.columns.tenants, value: <TenantNames ids={user.tenantIds} wrap /> },
        { label: users.origin, value: user.isProvided ? users.byProvider : users.byPassword },
        { label: users.columns.totp, value: <TotpMark hasTotp={user.hasTotp} /> },
        user.mustChangePassword && { label: words.login.password, value: users.mustChange },
        { label: users.columns.lastLogin, value: user.lastLoginAt === null ? common.never : <Moment at={user.lastLoginAt} exact /> },
        { label: words.profiles.createdAt, value: <Moment at={user.createdAt} exact /> },
        { label: words.profiles.changed, value: <Moment at={user.updatedAt} exact /> },
      ]}
    />
  );
}
