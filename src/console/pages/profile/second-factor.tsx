import { Alert, Button, Code, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { call } from '../../api/call.js';
import type { TotpProposal } from '../../api/types.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { Copy } from '../../components/copy.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { QrCode } from '../../components/qr-code.js';
import { words } from '../../strings/index.js';

const { common, login } = words;

/** Sets up a second factor: password, picture and secret, a code that proves it works, backup codes. */
export function SecondFactor({ onDone }: { readonly onDone: () => void }) {
  const [proposal, setProposal] = useState<TotpProposal>();
  const [backupCodes, setBackupCodes] = useState<readonly string[]>();
  if (backupCodes !== undefined) return <BackupCodes codes={backupCodes} onDone={onDone} />;
  if (proposal !== undefined) return <Confirmation proposal={proposal} onConfirmed={setBackupCodes} />;
  return <Beginning onProposed={setProposal} />;
}

interface StepProps {
  readonly error: Error | null;
  readonly action: string;
  readonly isBusy: boolean;
  readonly canGoOn: boolean;
  readonly onGoOn: () => void;
  readonly children: ReactNode;
}

function Step({ error, action, isBusy, canGoOn, onGoOn, children }: StepProps) {
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (canGoOn) onGoOn();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {error !== null && <ProblemAlert error={error} />}
        {children}
        <Group justify="end">
          <Button type="submit" loading={isBusy} disabled={!canGoOn}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Beginning({ onProposed }: { readonly onProposed: (proposal: TotpProposal) => void }) {
  const [password, setPassword] = useState('');
  const change = useMutation({ mutationFn: () => call<TotpProposal>('/session/totp', { method: 'POST', body: { password } }), onSuccess: onProposed });
  return (
    <Step error={change.error} action={login.totpStart} isBusy={change.isPending} canGoOn={password !== ''} onGoOn={() => change.mutate()}>
      <PasswordInput label={login.password} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
    </Step>
  );
}

interface ConfirmationProps {
  readonly proposal: TotpProposal;
  readonly onConfirmed: (backupCodes: readonly string[]) => void;
}

function Confirmation({ proposal, onConfirmed }: ConfirmationProps) {
  const [code, setCode] = useState('');
  const change = useMutation({
    mutationFn: () => call<{ readonly backupCodes: readonly string[] }>('/session/totp/confirm', { method: 'POST', body: { code: code.replace(/\s/g, '') } }),
    onSuccess: (answer) => onConfirmed(answer.backupCodes),
  });
  const canGoOn = /^\d{6}$/.test(code.replace(/\s/g, ''));
  return (
    <Step error={change.error} action={login.totpConfirm} isBusy={change.isPending} canGoOn={canGoOn} onGoOn={() => change.mutate()}>
      <Text size="sm">{login.totpText}</Text>
      <Group gap="md" align="start">
        <QrCode text={proposal.otpauthUri} label={login.totpPicture} />
        <Stack gap="xs" flex="1 1 200px">
          <Text size="sm" fw={600}>
            {login.totpSecret}
          </Text>
          <CopiedUrl url={proposal.secret} what={login.totpSecret} />
          <Text size="sm" fw={600}>
            {login.totpUri}
          </Text>
          <CopiedUrl url={proposal.otpauthUri} what={login.totpUri} />
        </Stack>
      </Group>
      <TextInput label={login.code} inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(event) => setCode(event.currentTarget.value)} />
    </Step>
  );
}

function BackupCodes({ codes, onDone }: { readonly codes: readonly string[]; readonly onDone: () => void }) {
  const text = codes.join('\n');
  return (
    <Stack gap="sm">
      <Alert color="orange">{common.shownOnce}</Alert>
      <Text size="sm">{login.backupText}</Text>
      <Group gap="xs" align="start" wrap="nowrap">
        <Code block flex={1} aria-label={login.backupCodes}>
          {text}
        </Code>
        <Copy text={text} what={login.backupCodes} />
      </Group>
      <Group justify="end">
        <Button onClick={onDone}>{login.goOn}</Button>
      </Group>
    </Stack>
  );
}
