import { Alert, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconCheck, IconPlugConnected, IconX } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import type { TestReport } from '../../api/types.js';
import { Foreign } from '../../components/foreign.js';
import { plain, showDuration } from '../../components/format.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { words } from '../../strings/index.js';

const { connectors } = words;

interface ConnectionTestProps {
  /** Where to send it, and with what; undefined while the form is not complete. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly isMail: boolean;
  readonly note?: string;
}

/** Tries the connection step by step, and says of each what came of it. */
export function ConnectionTest({ path, body, isMail, note }: ConnectionTestProps) {
  const [to, setTo] = useState('');
  const test = useMutation({
    mutationFn: () => call<TestReport>(path, { method: 'POST', body: { ...body, ...(isMail && to.trim() !== '' ? { to: to.trim() } : {}) } }),
  });
  return (
    <Stack gap="xs">
      <Group align="end" gap="sm">
        {isMail && (
          <TextInput
            size="xs"
            flex={1}
            type="email"
            label={connectors.testTo}
            description={connectors.testToHint}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
        )}
        <Button variant="default" size="xs" leftSection={<IconPlugConnected size={15} aria-hidden />} loading={test.isPending} onClick={() => test.mutate()}>
          {connectors.test}
        </Button>
      </Group>
      {note !== undefined && (
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      )}
      {test.isError && <ProblemAlert error={test.error} />}
      {test.data !== undefined && <Report report={test.data} />}
    </Stack>
  );
}

function Report({ report: { ok, steps } }: { readonly report: TestReport }) {
  return (
    <Alert color={ok ? 'green' : 'red'} title={ok ? connectors.testOk : connectors.testFailed} role="status">
      <Steps steps={steps} />
    </Alert>
  );
}

/** The steps of a test or a probe. */
export function Steps({ steps }: { readonly steps: TestReport['steps'] }) {
  return (
    <Stack gap={4}>
      {steps.map(({ name, ok, message, ms }) => (
        <Group key={name} gap="xs" wrap="nowrap" align="start">
          {ok ? <IconCheck size={16} color="var(--console-good)" aria-label="ok" /> : <IconX size={16} color="var(--console-bad)" aria-label="failed" />}
          <Text size="sm" fw={600} w={110} style={{ flexShrink: 0 }}>
            {plain(name)}
          </Text>
          <Text size="sm" component="div" flex={1}>
            <Foreign text={message} wrap />
          </Text>
          <Text size="xs" c="dimmed">
            {showDuration(ms)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
