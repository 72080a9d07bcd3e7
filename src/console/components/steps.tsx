import { Alert, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import type { TestReport } from '../api/types.js';
import { Foreign } from './foreign.js';
import { plain, showDuration } from './format.js';

export type Step = TestReport['steps'][number];

/** The steps of a test or a probe, in the order in which they were taken. */
export function Steps({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <Stack gap={4}>
      {steps.map(({ name, ok, message, ms }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step may be taken twice, and the list never changes
        <Group key={`${place} ${name}`} gap="xs" wrap="nowrap" align="start">
          {ok ? <IconCheck size={16} color="var(--console-good)" aria-label="ok" /> : <IconX size={16} color="var(--console-bad)" aria-label="failed" />}
          <Text size="sm" fw={600} miw={110} maw="40%" className="foreign">
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

interface TestOutcomeProps {
  readonly ok: boolean;
  readonly title: string;
  readonly steps: readonly Step[];
}

/** What came of a test, and how it got there. */
export function TestOutcome({ ok, title, steps }: TestOutcomeProps) {
  return (
    <Alert color={ok ? 'green' : 'red'} title={title} role="status">
      <Steps steps={steps} />
    </Alert>
  );
}
