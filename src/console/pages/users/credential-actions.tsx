import { Button, Group } from '@mantine/core';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { User } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { Confirm } from '../../components/confirm.js';
import { useSecretShown } from '../../components/secret-shown.js';
import { users } from '../../strings/people.js';
import { passwordShown } from './users-tab.js';

type Asked = 'reset' | 'totp';

/** What an administrator does when somebody lost a password or a phone. */
export function CredentialActions({ user }: { readonly user: User }) {
  const [asked, setAsked] = useState<Asked>();
  const secret = useSecretShown();
  const close = (): void => setAsked(undefined);
  const reset = useChange(() => call<{ readonly password: string }>(`/users/${user.id}/reset-password`, { method: 'POST' }));
  const removal = useChange(() => call<void>(`/users/${user.id}/remove-totp`, { method: 'POST' }));
  const doReset = (): void =>
    reset.mutate(undefined, {
      onSuccess: ({ password }) => {
        close();
        secret.show(passwordShown(user.username, password));
      },
    });
  const doRemove = (): void =>
    removal.mutate(undefined, {
      onSuccess: () => {
        close();
        announce(users.totpRemoved(user.username));
      },
    });
  return (
    <Group gap="xs">
      {!user.isProvided && (
        <Button size="xs" variant="default" onClick={() => setAsked('reset')}>
          {users.reset}
        </Button>
      )}
      {user.hasTotp && (
        <Button size="xs" variant="default" onClick={() => setAsked('totp')}>
          {users.removeTotp}
        </Button>
      )}
      <Confirm
        opened={asked === 'reset'}
        title={users.resetTitle}
        text={users.resetText}
        action={users.reset}
        isBusy={reset.isPending}
        error={reset.error}
        onConfirm={doReset}
        onClose={close}
      />
      <Confirm
        opened={asked === 'totp'}
        title={users.removeTotpTitle}
        text={users.removeTotpText}
        action={users.removeTotp}
        isBusy={removal.isPending}
        error={removal.error}
        onConfirm={doRemove}
        onClose={close}
      />
      {secret.dialog}
    </Group>
  );
}
