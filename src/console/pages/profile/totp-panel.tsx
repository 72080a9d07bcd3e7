import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import { Confirm } from '../../components/confirm.js';
import { Panel } from '../../components/panel.js';
import { words } from '../../strings/index.js';
import { profile } from '../../strings/people.js';
import { SecondFactor } from './second-factor.js';

const { login } = words;

interface TotpPanelProps {
  readonly hasTotp: boolean;
  readonly onSet: () => void;
  readonly onRemoved: () => void;
}

/** One's own second factor: set up, or done without. */
export function TotpPanel({ hasTotp, onSet, onRemoved }: TotpPanelProps) {
  const [doing, setDoing] = useState<'set-up' | 'removal'>();
  const setUp = (
    <Button size="xs" onClick={() => setDoing('set-up')}>
      {profile.totpSetUp}
    </Button>
  );
  const removal = (
    <Button size="xs" variant="default" c="var(--console-bad)" onClick={() => setDoing('removal')}>
      {profile.totpRemove}
    </Button>
  );
  const done = (tell: () => void) => (): void => {
    setDoing(undefined);
    tell();
  };
  return (
    <Panel title={profile.totp} actions={doing === undefined && (hasTotp ? removal : setUp)}>
      <Text size="sm">{hasTotp ? profile.totpOn : profile.totpOff}</Text>
      {doing === 'set-up' && <SecondFactor onDone={done(onSet)} />}
      <Removal opened={doing === 'removal'} onDone={done(onRemoved)} onClose={() => setDoing(undefined)} />
    </Panel>
  );
}

interface RemovalProps {
  readonly opened: boolean;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function Removal({ opened, onDone, onClose }: RemovalProps) {
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const empty = (): void => {
    setPassword('');
    setCode('');
    change.reset();
  };
  const change = useMutation({
    mutationFn: () => call<void>('/session/totp/remove', { method: 'POST', body: { password, code: code.replace(/\s/g, '') } }),
    onSuccess: () => {
      empty();
      onDone();
    },
  });
  const close = (): void => {
    empty();
    onClose();
  };
  return (
    <Confirm
      opened={opened}
      title={profile.totpRemoveTitle}
      text={profile.totpRemoveText}
      action={profile.totpRemove}
      isBusy={change.isPending}
      canAct={password !== '' && code.length >= 6}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={close}
    >
      <Stack gap="sm">
        <PasswordInput label={login.password} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <TextInput
          label={login.code}
          description={login.codeHint}
          autoComplete="one-time-code"
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
      </Stack>
    </Confirm>
  );
}
