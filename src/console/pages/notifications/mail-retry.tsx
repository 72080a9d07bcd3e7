import { Button, Stack } from '@mantine/core';
import { call } from '../../api/call.js';
import { useChange } from '../../api/hooks.js';
import type { WholeMail } from '../../api/types.js';
import { announce } from '../../app/announce.js';
import { useMay } from '../../app/session.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { mails } from '../../strings/notifications.js';

/** Sends a mail again that was given up. */
export function MailRetry({ id }: { readonly id: string }) {
  const may = useMay();
  const change = useChange(
    () => call<WholeMail>(`/mails/${id}/retry`, { method: 'POST' }),
    () => announce(mails.retried),
  );
  if (!may('mail:retry')) return null;
  return (
    <Stack gap="xs">
      {change.isError && <ProblemAlert error={change.error} />}
      <Button loading={change.isPending} onClick={() => change.mutate(undefined)}>
        {mails.retry}
      </Button>
    </Stack>
  );
}
