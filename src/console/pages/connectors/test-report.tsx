import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.js';
import type { TestReport } from '../../api/types.js';
import type { FormState } from '../../components/entity-form.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { TestOutcome } from '../../components/steps.js';
import { words } from '../../strings/index.js';

const { connectors } = words;

interface ConnectionTestProps {
  /** Where to send it, and with what; undefined while the form is not complete. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly isMail: boolean;
  readonly note?: string;
  /** Where what is typed stands, when it is not saved yet. */
  readonly form?: Pick<FormState, 'hasField' | 'mark'>;
}

/** Tries the connection step by step, and says of each what came of it. */
export function ConnectionTest({ path, body, isMail, note, form }: ConnectionTestProps) {
  const [to, setTo] = useState('');
  const test = useMutation({
    mutationFn: () => call<TestReport>(path, { method: 'POST', body: { ...body, ...(isMail && to.trim() !== '' ? { to: to.trim() } : {}) } }),
    onError: (error) => form?.mark(error),
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
      {test.isError && <ProblemAlert error={test.error} {...(form === undefined ? {} : { shownElsewhere: form.hasField })} />}
      {test.data !== undefined && <TestOutcome ok={test.data.ok} title={test.data.ok ? connectors.testOk : connectors.testFailed} steps={test.data.steps} />}
    </Stack>
  );
}
