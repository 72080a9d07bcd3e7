import { Stack } from '@mantine/core';
import { useMay } from '../../app/session.js';
import { PageHead } from '../../components/page-head.js';
import { PageTabs } from '../../components/page-tabs.js';
import { settings as text } from '../../strings/settings.js';
import { AccessTab } from './access-tab.js';
import { SinksTab } from './sinks-tab.js';
import { SwitchesTab } from './switches-tab.js';

/** What an administrator or an auditor looks through now and then. */
export function SettingsPage() {
  const may = useMay();
  const sinks = { value: 'sinks', label: text.tabs.sinks, render: () => <SinksTab /> };
  return (
    <Stack gap="md">
      <PageHead title={text.title} text={text.text} />
      <PageTabs
        label={text.title}
        tabs={[
          { value: 'switches', label: text.tabs.switches, render: () => <SwitchesTab /> },
          { value: 'access', label: text.tabs.access, render: () => <AccessTab /> },
          ...(may('audit-sink:read') ? [sinks] : []),
        ]}
      />
    </Stack>
  );
}
