import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { sessionQuery } from '../../api/queries.js';
import { forgetToken, keepToken } from '../../api/token.js';
import type { Session } from '../../api/types.js';
import { useUrlState } from '../../app/url-state.js';
import { words } from '../../strings/index.js';

const { login } = words;

/** Where to go afterwards: a place of this console, never another site. */
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : '/dashboard';
}

/** Asks the server who the token is; keeps it only when it is somebody. Answers what went wrong. */
async function tryToken(token: string): Promise<string | undefined> {
  if (!/^gh_\S{29,}$/.test(token)) return login.malformed;
  keepToken(token);
  const session = await call<Session>('/session').catch(() => undefined);
  if (session?.authenticated === true) return undefined;
  forgetToken();
  return session === undefined ? login.unreachable : login.refused;
}

export function LoginPage() {
  const [token, setToken] = useState('');
  const [fault, setFault] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [{ next }] = useUrlState();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const wrong = await tryToken(token.trim());
    setBusy(false);
    setFault(wrong);
    if (wrong !== undefined) return;
    await queries.resetQueries({ queryKey: sessionQuery.queryKey });
    void navigate({ href: safeNext(next), replace: true });
  };
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper className="panel" p="xl" w={420} maw="100%">
        <form onSubmit={submit}>
          <Stack gap="md">
            <Group gap="sm">
              <img src="/favicon.svg" width={32} height={32} alt="" />
              <Title order={1}>{words.shell.product}</Title>
            </Group>
            <Text size="sm" c="dimmed">
              {login.text}
            </Text>
            {fault !== undefined && (
              <Alert color="red" role="alert">
                {fault}
              </Alert>
            )}
            <PasswordInput
              label={login.token}
              placeholder={login.placeholder}
              value={token}
              onChange={(event) => setToken(event.currentTarget.value)}
              autoComplete="current-password"
              data-autofocus
              autoFocus
            />
            <Button type="submit" loading={isBusy} disabled={token.trim() === ''} fullWidth>
              {login.submit}
            </Button>
            <Text size="xs" c="dimmed">
              {login.forgotten}
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
