import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { oneQuery } from '../../api/queries.js';
import type { ConnectorMonitoring } from '../../api/types.js';
import { useUrlState } from '../../app/url-state.js';
import { HealthBadge } from '../../components/badges.js';
import { asWindow, WindowPicker } from '../../components/cards.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { showDuration, showNumber, showPercent } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { Panel } from '../../components/panel.js';
import { Steps } from '../../components/steps.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';

const { common } = words;
const { monitoring } = words.connectors;

const moment = (at: string | null) => (at === null ? common.never : <Moment at={at} />);

/** How a connector does: its state, the last probe, the calls for devices, and what runs out. */
export function MonitoringTab({ id }: { readonly id: string }) {
  const [url, change] = useUrlState();
  const window = asWindow(url.window ?? '24h');
  const result = useQuery(oneQuery<ConnectorMonitoring>(`/connectors/${id}/monitoring`, { window }, 10_000));
  return (
    <Stack gap="md">
      <Group justify="end">
        <WindowPicker value={window} onChange={(chosen) => change({ window: chosen })} readAt={result.dataUpdatedAt} />
      </Group>
      <Whole result={result}>{(value) => <Figures value={value} />}</Whole>
    </Stack>
  );
}

function Figures({ value }: { readonly value: ConnectorMonitoring }) {
  const { calls } = value;
  return (
    <>
      <Panel title={monitoring.state}>
        <Facts
          facts={[
            { label: monitoring.state, value: <HealthBadge health={value.state} /> },
            value.reason !== '' && { label: monitoring.reason, value: <Foreign text={value.reason} wrap /> },
            { label: monitoring.since, value: moment(value.since) },
            { label: monitoring.checked, value: moment(value.checkedAt) },
            { label: monitoring.lastSuccess, value: moment(value.lastSuccessAt) },
            { label: monitoring.lastFailure, value: moment(value.lastFailureAt) },
            { label: monitoring.probe, value: showDuration(value.probeMs) },
          ]}
        />
      </Panel>
      <Panel title={monitoring.steps}>
        {value.steps.length === 0 ? (
          <Text size="sm" c="dimmed">
            {monitoring.notProbed}
          </Text>
        ) : (
          <Steps steps={value.steps} />
        )}
      </Panel>
      <Panel title={monitoring.calls}>
        <Facts
          facts={[
            { label: monitoring.calls, value: showNumber(calls.total) },
            { label: monitoring.successRate, value: showPercent(calls.successRate) },
            { label: monitoring.refused, value: showNumber(calls.refused) },
            { label: monitoring.failed, value: showNumber(calls.failed) },
            { label: monitoring.p50, value: showDuration(calls.p50Ms) },
            { label: monitoring.p95, value: showDuration(calls.p95Ms) },
          ]}
        />
      </Panel>
      {value.credentials.length > 0 && (
        <Panel title={monitoring.credentials}>
          {value.credentials.map(({ subject, kind, daysLeft }) => (
            <Group key={kind + subject} justify="space-between">
              <Foreign text={subject} wrap />
              <Badge color={daysLeft < 30 ? 'red' : 'gray'}>{monitoring.daysLeft(daysLeft)}</Badge>
            </Group>
          ))}
        </Panel>
      )}
      <Panel title={monitoring.history}>
        {value.history.length === 0 && (
          <Text size="sm" c="dimmed">
            {monitoring.noHistory}
          </Text>
        )}
        {value.history.map(({ at, state, reason }) => (
          <Group key={at} gap="sm">
            <HealthBadge health={state} />
            <Moment at={at} exact />
            <Foreign text={reason} wrap />
          </Group>
        ))}
      </Panel>
    </>
  );
}
