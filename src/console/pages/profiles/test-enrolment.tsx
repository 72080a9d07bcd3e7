import { Button, Group, Loader, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { TestEnrolmentReport } from '../../api/types.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { TestOutcome } from '../../components/steps.js';
import { testEnrolment as text } from '../../strings/test-enrolment.js';

/** @param path Of the profile: `/cmp-profiles/<id>`. */
export function TestEnrolment({ path }: { readonly path: string }) {
  const [subject, setSubject] = useState('');
  const [sans, setSans] = useState<string[]>([]);
  const name = subject.trim();
  const test = useChange(() =>
    call<TestEnrolmentReport>(`${path}/test-enrolment`, { method: 'POST', body: { sans, ...(name === '' ? {} : { subject: name }) } }),
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    test.mutate(undefined);
  };
  return (
    <Panel title={text.title}>
      <Text size="sm" c="dimmed">
        {text.text}
      </Text>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Group align="start" grow>
            <TextInput
              label={text.subject}
              description={text.subjectHint}
              placeholder={text.subjectExample}
              maxLength={500}
              value={subject}
              onChange={(event) => setSubject(event.currentTarget.value)}
            />
            <TagsInput label={text.sans} description={text.sansHint} acceptValueOnBlur maxTags={20} value={sans} onChange={setSans} />
          </Group>
          <Group>
            <Button type="submit" leftSection={<IconPlayerPlay size={16} aria-hidden />} loading={test.isPending}>
              {text.start}
            </Button>
            {test.isPending && (
              <Group gap="xs" role="status">
                <Loader size="xs" aria-hidden />
                <Text size="sm">{text.running}</Text>
              </Group>
            )}
          </Group>
        </Stack>
      </form>
      {test.isError && <ProblemAlert error={test.error} />}
      {test.data !== undefined && !test.isPending && <Report report={test.data} />}
    </Panel>
  );
}

function Report({ report: { ok, outcome, orderId, steps } }: { readonly report: TestEnrolmentReport }) {
  return (
    <Stack gap="xs" align="start">
      <div style={{ width: '100%' }}>
        <TestOutcome ok={ok} title={text.outcomes[outcome]} steps={steps.map(({ detail, ...step }) => ({ ...step, message: detail }))} />
      </div>
      {orderId !== null && (
        <Button component={Link} to={`/orders/${orderId}`} variant="light" size="xs">
          {text.toOrder}
        </Button>
      )}
    </Stack>
  );
}
