import { Button, Group, PasswordInput, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/call.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';

const { login } = words;

/** What the server found wrong with one field. */
export function faultOf(error: Error | null, path: string): string | undefined {
  return error instanceof ApiProblem ? error.errors.find((fault) => fault.path === path)?.message : undefined;
}

const isBesideItsField = (path: string): boolean => path === 'currentPassword' || path === 'newPassword';

/** A new password of one's own: the old one once, the new one twice, since nobody sees what is typed. */
export function PasswordChange({ onDone }: { readonly onDone: () => void }) {
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const [repeated, setRepeated] = useState('');
  const change = useMutation({
    mutationFn: () => call('/session/password', { method: 'POST', body: { currentPassword, newPassword } }),
    onSuccess: () => {
      for (const clear of [setCurrent, setNew, setRepeated]) clear('');
      onDone();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  const differs = repeated !== '' && !newPassword.startsWith(repeated);
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {change.isError && <ProblemAlert error={change.error} shownElsewhere={isBesideItsField} />}
        <PasswordInput
          label={login.currentPassword}
          autoComplete="current-password"
          value={currentPassword}
          error={faultOf(change.error, 'currentPassword')}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label={login.newPassword}
          description={login.newPasswordHint}
          autoComplete="new-password"
          value={newPassword}
          error={faultOf(change.error, 'newPassword')}
          onChange={(event) => setNew(event.currentTarget.value)}
        />
        <PasswordInput
          label={login.repeatPassword}
          autoComplete="new-password"
          value={repeated}
          error={differs && login.notTheSame}
          onChange={(event) => setRepeated(event.currentTarget.value)}
        />
        <Group justify="end">
          <Button type="submit" loading={change.isPending} disabled={currentPassword === '' || newPassword === '' || repeated !== newPassword}>
            {login.changePassword}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
