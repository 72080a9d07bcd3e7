import { Button, Group, Stack, TextInput } from '@mantine/core';
import { IconMail } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import type { TestReport } from '../../api/types.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { TestOutcome } from '../../components/steps.js';
import { rules } from '../../strings/notifications.js';

/** Sends a mail as the rule would, and tells what the mail server said at each step. */
export function TestMail({ path }: { readonly path: string }) {
  const [to, setTo] = useState('');
  const address = to.trim();
  const test = useMutation({ mutationFn: () => call<TestReport>(path, { method: 'POST', body: address === '' ? {} : { to: address } }) });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    test.mutate();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="xs">
        <Group align="end" gap="sm">
          <TextInput
            size="xs"
            flex="1 1 220px"
            type="email"
            label={rules.testTo}
            description={rules.testToHint}
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" size="xs" leftSection={<IconMail size={15} aria-hidden />} loading={test.isPending}>
            {rules.testSend}
          </Button>
        </Group>
        {test.isError && <ProblemAlert error={test.error} />}
        {test.data !== undefined && <TestOutcome ok={test.data.ok} title={test.data.ok ? rules.testOk : rules.testFailed} steps={test.data.steps} />}
      </Stack>
    </form>
  );
}
