import { Alert, Anchor, Button, Center, Divider, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { ApiProblem, call } from '../../api/call.js';
import { sessionQuery } from '../../api/queries.js';
import { forgetToken, keepToken } from '../../api/token.js';
import type { Session } from '../../api/types.js';
import { useUrlState } from '../../app/url-state.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';

const { login, shell } = words;

/** Where to go afterwards: a place of this console, never another site. */
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : '/';
}

/** Asks the server who the token is; keeps it only when it is somebody. */
async function signInByToken(token: string): Promise<void> {
  if (!/^gh_\S{29,}$/.test(token)) throw new Error(login.malformed);
  keepToken(token);
  const session = await call<Session>('/session').catch((error: unknown) => {
    forgetToken();
    throw error;
  });
  if (session.authenticated) return;
  forgetToken();
  throw new Error(login.refused);
}

function useArrival(): () => Promise<void> {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [{ next }] = useUrlState();
  return async () => {
    await queries.resetQueries({ queryKey: sessionQuery.queryKey });
    void navigate({ href: safeNext(next), replace: true });
  };
}

export function LoginPage() {
  const [byToken, setByToken] = useState(false);
  const { data } = useQuery(sessionQuery);
  const [{ ended }] = useUrlState();
  useDocumentTitle(`${login.title} · ${shell.product}`);
  const provider = data?.authenticated === false ? data.provider : null;
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper className="panel" p="xl" w={420} maw="100%">
        <Stack gap="md">
          <Group gap="sm">
            <img src="/favicon.svg" width={32} height={32} alt="" />
            <Title order={1}>{shell.product}</Title>
          </Group>
          {ended === 'idle' && <Alert>{login.idle}</Alert>}
          {byToken ? <TokenForm /> : <PasswordForm />}
          {provider !== null && (
            <>
              <Divider />
              <Button component="a" href={provider.startUrl} variant="default" fullWidth>
                {login.providerButton(provider.name)}
              </Button>
            </>
          )}
          <Anchor component="button" type="button" size="sm" onClick={() => setByToken(!byToken)}>
            {byToken ? login.withPassword : login.withToken}
          </Anchor>
        </Stack>
      </Paper>
    </Center>
  );
}

function PasswordForm() {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const arrive = useArrival();
  const signIn = useMutation({
    mutationFn: () => call<Session>('/session', { method: 'POST', body: { username, password, ...(code === '' ? {} : { code }) } }),
    onSuccess: arrive,
  });
  const needsCode = signIn.error instanceof ApiProblem && signIn.error.code === 'code-required';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    forgetToken();
    signIn.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {signIn.isError && !needsCode && <ProblemAlert error={signIn.error} />}
        <TextInput label={login.username} autoComplete="username" autoFocus value={username} onChange={(event) => setUsername(event.currentTarget.value)} />
        <PasswordInput label={login.password} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        {(needsCode || code !== '') && (
          <TextInput
            label={login.code}
            description={login.codeHint}
            autoComplete="one-time-code"
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        )}
        <Button type="submit" loading={signIn.isPending} disabled={username === '' || password === ''} fullWidth>
          {login.submit}
        </Button>
        <Text size="xs" c="dimmed">
          {login.firstTime}
        </Text>
      </Stack>
    </form>
  );
}

function TokenForm() {
  const [token, setToken] = useState('');
  const arrive = useArrival();
  const signIn = useMutation({ mutationFn: () => signInByToken(token.trim()), onSuccess: arrive });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {signIn.isError && <ProblemAlert error={signIn.error} />}
        <PasswordInput
          label={login.token}
          placeholder={login.placeholder}
          autoComplete="off"
          autoFocus
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
        />
        <Button type="submit" loading={signIn.isPending} disabled={token.trim() === ''} fullWidth>
          {login.submit}
        </Button>
        <Text size="xs" c="dimmed">
          {login.forgotten}
        </Text>
      </Stack>
    </form>
  );
}
