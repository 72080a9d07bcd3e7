import { Alert, Anchor, Button, Group, Skeleton, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { oneQuery } from '../../api/queries.js';
import type { CmpSummary, ScepSummary } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { useUrlState } from '../../app/url-state.js';
import { asWindow, type Card, Cards, WindowPicker } from '../../components/cards.js';
import { EmptyState } from '../../components/empty-state.js';
import { plain, showDuration, showNumber, showPercent, showTime } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { OrderTable } from '../../components/order-table.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { words } from '../../strings/index.js';
import { type Attention, useAttention } from './attention.js';

const { cards, dashboard, orders, shell } = words;

function cardsOf(protocol: string, summary: CmpSummary | ScepSummary | undefined): readonly Card[] {
  const value = (show: (summary: CmpSummary | ScepSummary) => string): string | undefined => (summary === undefined ? undefined : show(summary));
  return [
    { label: `${protocol}: ${cards.totalOrders}`, meaning: cards.meanings.totalOrders, value: value((s) => showNumber(s.totalOrders)) },
    { label: `${protocol}: ${cards.successRate}`, meaning: cards.meanings.successRate, value: value((s) => showPercent(s.successRate)) },
    { label: `${protocol}: ${cards.average}`, meaning: cards.meanings.average, value: value((s) => showDuration(s.averageProcessingMs)) },
  ];
}

export function DashboardPage() {
  const [url, change] = useUrlState();
  const { tenantId } = useTenant();
  const window = asWindow(url.window);
  const cmp = useQuery(oneQuery<CmpSummary>('/cmp-profiles/summary', { window, tenantId }, 15_000));
  const scep = useQuery(oneQuery<ScepSummary>('/scep-profiles/summary', { window, tenantId }, 15_000));
  const attention = useAttention();
  const state = useListState({ filters: [], sort: '-createdAt', limit: 10 });
  const toProfiles = (
    <Button component={Link} to="/cmp-server" variant="light">
      {orders.emptyAction}
    </Button>
  );
  return (
    <Stack gap="md">
      <PageHead title={dashboard.title} text={dashboard.text}>
        <WindowPicker value={window} onChange={(chosen) => change({ window: chosen })} readAt={Math.min(cmp.dataUpdatedAt, scep.dataUpdatedAt)} />
      </PageHead>
      <AttentionPanel attention={attention} />
      <Cards cards={[...cardsOf(orders.protocols.cmp, cmp.data), ...cardsOf(orders.protocols.scep, scep.data)]} />
      <Group justify="space-between">
        <Text component="h2" fw={650} m={0}>
          {dashboard.recent}
        </Text>
        <Anchor component={Link} to="/orders" size="sm">
          {dashboard.allOrders}
        </Anchor>
      </Group>
      <OrderTable state={state} empty={<EmptyState title={orders.emptyTitle} text={orders.emptyText} action={toProfiles} />} />
    </Stack>
  );
}

/** What needs somebody, or that nothing does, and when that was checked. */
function AttentionPanel({ attention: { concerns, isPending, hasFailed, checkedAt } }: { readonly attention: Attention }) {
  if (isPending) return <Skeleton h={74} aria-label={shell.product} />;
  const isClear = concerns.length === 0 && !hasFailed;
  const checked = checkedAt > 0 && (
    <Text size="xs" c="dimmed">
      {dashboard.checked(showTime(new Date(checkedAt).toISOString()))}
    </Text>
  );
  return (
    <Panel title={isClear ? dashboard.allClear : dashboard.attention} actions={checked}>
      {hasFailed && <Alert color="orange">{dashboard.notSeen}</Alert>}
      {isClear ? (
        <Line icon="clear">{dashboard.allClearText}</Line>
      ) : (
        concerns.map(({ text, to, isGrave }) => (
          <Line key={text} icon={isGrave ? 'grave' : 'mild'}>
            <Anchor component={Link} to={to} size="sm" className="foreign">
              {plain(text)}
            </Anchor>
          </Line>
        ))
      )}
    </Panel>
  );
}

const colours = { clear: 'green', mild: 'orange', grave: 'red' } as const;

function Line({ icon, children }: { readonly icon: keyof typeof colours; readonly children: React.ReactNode }) {
  const Icon = icon === 'clear' ? IconCircleCheck : IconAlertTriangle;
  return (
    <Group gap="sm" wrap="nowrap">
      <ThemeIcon variant="light" color={colours[icon]} size="sm" aria-hidden>
        <Icon size={15} />
      </ThemeIcon>
      <Text size="sm" component="div">
        {children}
      </Text>
    </Group>
  );
}
