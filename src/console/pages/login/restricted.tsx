import { Center, Paper, Stack, Text, Title } from '@mantine/core';
import type { KnownSession } from '../../api/types.js';
import { words } from '../../strings/index.js';
import { PasswordChange } from '../profile/password-change.js';
import { SecondFactor } from '../profile/second-factor.js';

const { login } = words;

interface RestrictedProps {
  readonly restriction: NonNullable<KnownSession['restriction']>;
  readonly onDone: () => void;
}

/** What has to be done before the session is good for anything else. */
export function Restricted({ restriction, onDone }: RestrictedProps) {
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper className="panel" p="xl" w={520} maw="100%">
        <Stack gap="md">
          <Title order={1}>{login.restrictions[restriction]}</Title>
          {restriction === 'enrol-totp' && <Text size="sm">{login.totpNeeded}</Text>}
          {restriction === 'change-password' ? <PasswordChange onDone={onDone} /> : <SecondFactor onDone={onDone} />}
        </Stack>
      </Paper>
    </Center>
  );
}
