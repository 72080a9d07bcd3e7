import { Button, Center, Code, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { sessionQuery } from '../../api/queries.js';
import type { KnownSession } from '../../api/types.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';

const { login } = words;

/** What has to be done before the session is good for anything else. */
export function Restricted({ restriction }: { readonly restriction: NonNullable<KnownSession['restriction']> }) {
  const queries = useQueryClient();
  const done = (): void => void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper className="panel" p="xl" w={460} maw="100%">
        <Stack gap="md">
          <Title order={1}>{login.restrictions[restriction]}</Title>
          {restriction === 'change-password' ? <PasswordChange onDone={done} /> : <SecondFactor onDone={done} />}
        </Stack>
      </Paper>
    </Center>
  );
}

function PasswordChange({ onDone }: { readonly onDone: () => void }) {
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const change = useMutation({ mutationFn: () => call('/session/password', { method: 'POST', body: { currentPassword, newPassword } }), onSuccess: onDone });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {change.isError && <ProblemAlert error={change.error} />}
        <PasswordInput
          label={login.currentPassword}
          autoComplete="current-password"
          value={currentPassword}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput label={login.newPassword} autoComplete="new-password" value={newPassword} onChange={(event) => setNew(event.currentTarget.value)} />
        <Button type="submit" loading={change.isPending} disabled={currentPassword === '' || newPassword === ''}>
          {login.changePassword}
        </Button>
      </Stack>
    </form>
  );
}

interface Proposal {
  readonly secret: string;
  readonly otpauthUri: string;
}

function SecondFactor({ onDone }: { readonly onDone: () => void }) {
  const [code, setCode] = useState('');
  const [password, setPassword] = useState('');
  const proposal = useMutation({ mutationFn: () => call<Proposal>('/session/totp', { method: 'POST', body: { password } }) });
  const confirmation = useMutation({
    mutationFn: () => call<{ readonly backupCodes: readonly string[] }>('/session/totp/confirm', { method: 'POST', body: { code } }),
  });
  if (confirmation.data !== undefined) {
    return (
      <Stack gap="sm">
        <Text size="sm">{login.backupText}</Text>
        <Code block aria-label={login.backupCodes}>
          {confirmation.data.backupCodes.join('\n')}
        </Code>
        <Button onClick={onDone}>{login.goOn}</Button>
      </Stack>
    );
  }
  const error = proposal.error ?? confirmation.error;
  return (
    <Stack gap="sm">
      <Text size="sm">{login.totpText}</Text>
      {error !== null && <ProblemAlert error={error} />}
      {proposal.data === undefined ? (
        <>
          <PasswordInput label={login.password} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          <Button loading={proposal.isPending} disabled={password === ''} onClick={() => proposal.mutate()}>
            {login.totpStart}
          </Button>
        </>
      ) : (
        <>
          <CopiedUrl url={proposal.data.secret} what={login.totpSecret} />
          <CopiedUrl url={proposal.data.otpauthUri} what={login.totpUri} />
          <TextInput label={login.code} autoComplete="one-time-code" value={code} onChange={(event) => setCode(event.currentTarget.value)} />
          <Button loading={confirmation.isPending} disabled={code.length < 6} onClick={() => confirmation.mutate()}>
            {login.totpConfirm}
          </Button>
        </>
      )}
    </Stack>
  );
}
