import { Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { lazy } from 'react';
import { useProfiles } from '../../api/hooks.js';
import { oneQuery } from '../../api/queries.js';
import type { NotificationRule } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { StatusBadge } from '../../components/badges.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { ManagedDetail } from '../../components/managed-detail.js';
import { Moment } from '../../components/moment.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { rules } from '../../strings/notifications.js';
import { ConnectorLink } from '../profiles/connector-link.js';
import { useDeletion } from '../profiles/use-deletion.js';
import { MailTable } from './mail-table.js';
import { TestMail } from './test-mail.js';

const path = '/notification-rules';
const Form = lazy(async () => ({ default: (await import('./rule-form.js')).RuleForm }));

/** One notification rule: what it tells whom, a test mail, its mails. */
export function RuleDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<NotificationRule>(`${path}/${id}`));
  return <Whole result={result}>{(rule) => <Detail rule={rule} reload={() => void result.refetch()} />}</Whole>;
}

function Detail({ rule, reload }: { readonly rule: NotificationRule; readonly reload: () => void }) {
  const navigate = useNavigate();
  const may = useMay();
  const { tabs } = rules;
  const mails = { value: 'mails', label: tabs.mails, render: () => <MailTable ruleId={rule.id} /> };
  return (
    <ManagedDetail
      {...{ path, place: '/notifications', writes: 'notification-rule:write', item: rule, reload, saved: rules.saved, form: Form }}
      marks={<StatusBadge status={rule.status} />}
      deletion={useDeletion(path, rules.deleteText, rules.deleted, () => navigate({ to: '/notifications' }))}
      tabs={[{ value: 'overview', label: tabs.overview, render: () => <Overview rule={rule} /> }, ...(may('mail:read') ? [mails] : [])]}
    />
  );
}

function Overview({ rule }: { readonly rule: NotificationRule }) {
  const may = useMay();
  const { data } = useProfiles(rule.tenantId);
  const names = rule.profileIds.map((id) => data?.find((profile) => profile.id === id)?.name ?? id);
  const { weekday, hour } = rule.digest;
  return (
    <Stack gap="md">
      <Panel title={rules.details}>
        <Facts
          facts={[
            { label: rules.events, value: rule.events.map((kind) => rules.kinds[kind]).join(' · ') },
            { label: rules.recipients, value: <Recipients addresses={rule.recipients} /> },
            { label: rules.connector, value: <ConnectorLink id={rule.connectorId} /> },
            { label: rules.columns.tenant, value: rule.tenant },
            { label: rules.profiles, value: names.length === 0 ? rules.allProfiles : names.join(', ') },
            { label: rules.expiryDays, value: rule.expiryDays.length === 0 ? words.common.none : rule.expiryDays.join(', ') },
            { label: rules.minutes, value: String(rule.minutesBetweenMails) },
            rule.events.includes('weekly-digest') && { label: rules.kinds['weekly-digest'], value: rules.everyWeek(rules.weekdays[weekday] ?? '', hour) },
            { label: words.profiles.createdAt, value: <Moment at={rule.createdAt} exact /> },
            { label: words.profiles.changed, value: <Moment at={rule.updatedAt} exact /> },
          ]}
        />
      </Panel>
      {may('notification-rule:test') && (
        <Panel title={rules.test}>
          <Text size="sm" c="dimmed">
            {rules.testText}
          </Text>
          <TestMail path={`${path}/${rule.id}/test`} />
        </Panel>
      )}
    </Stack>
  );
}

function Recipients({ addresses }: { readonly addresses: readonly string[] }) {
  return (
    <Group gap="xs">
      {addresses.map((address) => (
        <Foreign key={address} text={address} wrap />
      ))}
    </Group>
  );
}
