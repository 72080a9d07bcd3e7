import { Button, Stack } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { PageHead } from '../../components/page-head.js';
import { mails, rules } from '../../strings/notifications.js';
import { MailTable } from './mail-table.js';

/** The mails of all rules. */
export function MailsPage() {
  return (
    <Stack gap="md">
      <PageHead title={mails.title} text={mails.text}>
        <Button variant="default" component={Link} to="/notifications">
          {rules.list}
        </Button>
      </PageHead>
      <MailTable />
    </Stack>
  );
}
