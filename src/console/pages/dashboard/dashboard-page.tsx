import { Anchor, Button, Group, SimpleGrid, Skeleton, Stack, Text, ThemeIcon } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { oneQuery } from '../../api/queries.js';
import type { CmpSummary, Dashboard, ScepSummary } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { useUrlState } from '../../app/url-state.js';
import { asWindow, Cards, WindowPicker } from '../../components/cards.js';
import { EmptyState } from '../../components/empty-state.js';
import { Facts } from '../../components/facts.js';
import { cardsOf, type Figure } from '../../components/figures.js';
import { showDuration, showNumber, showTime } from '../../components/format.js';
import { useListState } from '../../components/list-state.js';
import { OrderTable } from '../../components/order-table.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { averageTime, successRate, totalOrders } from '../profiles/figures.js';
import type { Summary } from '../profiles/profile-kind.js';
import { concernsOf } from './attention.js';
import { daysOf } from './days.js';

const OrdersChart = lazy(() => import('./orders-chart.js'));
const { cards, dashboard, orders } = words;
const everyMs = 15_000;
const chartDays = { '24h': 7, '7d': 7, '30d': 30 } as const;

const figures: readonly Figure<Summary>[] = [totalOrders, successRate, averageTime(cards.average)];
const named = (protocol: string): readonly Figure<Summary>[] => figures.map((figure) => ({ ...figure, label: `${protocol}: ${figure.label}` }));
const [ofCmp, ofScep] = [named(orders.protocols.cmp), named(orders.protocols.scep)];

/** How enrolment goes, and what needs somebody; it follows the orders as they come. */
export function DashboardPage() {
  const [url, change] = useUrlState();
  const { tenantId } = useTenant();
  const window = asWindow(url.window);
  const days = chartDays[window];
  const cmp = useQuery(oneQuery<CmpSummary>('/cmp-profiles/summary', { window, tenantId }, everyMs));
  const scep = useQuery(oneQuery<ScepSummary>('/scep-profiles/summary', { window, tenantId }, everyMs));
  const whole = useQuery(oneQuery<Dashboard>('/dashboard', { days, tenantId }, everyMs));
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
      <Attention result={whole} />
      <Cards cards={[...cardsOf<Summary>(ofCmp, cmp.data), ...cardsOf<Summary>(ofScep, scep.data)]} />
      <Whole result={whole}>{(read) => <Figures read={read} days={days} />}</Whole>
      <Group justify="space-between">
        <Text component="h2" fw={650} m={0}>
          {dashboard.recent}
        </Text>
        <Anchor component={Link} to="/orders" size="sm">
          {dashboard.allOrders}
        </Anchor>
      </Group>
      <OrderTable isGlance state={state} empty={<EmptyState title={orders.emptyTitle} text={orders.emptyText} action={toProfiles} />} />
    </Stack>
  );
}

const within = [
  ['7', (expiring: Dashboard['expiring']) => expiring.within7Days],
  ['30', (expiring: Dashboard['expiring']) => expiring.within30Days],
  ['90', (expiring: Dashboard['expiring']) => expiring.within90Days],
] as const;

function Figures({ read: { days: found, latency, expiring }, days }: { readonly read: Dashboard; readonly days: number }) {
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
      <Panel title={dashboard.chart.title(days)}>
        <Suspense fallback={<Skeleton h={170} />}>
          <OrdersChart days={daysOf(found, days, Date.now())} />
        </Suspense>
      </Panel>
      <Stack gap="md">
        <Panel title={dashboard.latency}>
          <Facts
            facts={[
              { label: dashboard.p50, value: showDuration(latency.p50Ms) },
              { label: dashboard.p95, value: showDuration(latency.p95Ms) },
              { label: dashboard.measured, value: showNumber(latency.orders) },
            ]}
          />
        </Panel>
        <Panel title={dashboard.expiringTitle}>
          <Facts
            facts={within.map(([days, count]) => ({
              label: dashboard.within(days),
              value: (
                <Anchor component={Link} to="/certificates" search={{ within: days } as never} size="sm">
                  {showNumber(count(expiring))}
                </Anchor>
              ),
            }))}
          />
        </Panel>
      </Stack>
    </SimpleGrid>
  );
}

/** What needs somebody, or that nothing does, and when that was checked. */
function Attention({ result }: { readonly result: UseQueryResult<Dashboard, Error> }) {
  const { data, isError, dataUpdatedAt } = result;
  if (data === undefined) return isError ? null : <Skeleton h={74} />;
  const concerns = concernsOf(data);
  const checked = (
    <Text size="xs" c="dimmed">
      {dashboard.checked(showTime(new Date(dataUpdatedAt).toISOString()))}
    </Text>
  );
  return (
    <Panel title={concerns.length === 0 ? dashboard.allClear : dashboard.attention} actions={checked}>
      {isError && <Line icon="mild">{dashboard.notSeen}</Line>}
      {concerns.length === 0 && <Line icon="clear">{dashboard.allClearText}</Line>}
      {concerns.map(({ text, since, to, search, isGrave }) => (
        <Line key={text} icon={isGrave ? 'grave' : 'mild'}>
          <Anchor component={Link} to={to} search={search as never} size="sm">
            {text}
          </Anchor>{' '}
          {since !== '' && (
            <Text span size="xs" c="dimmed">
              {dashboard.oldest(since)}
            </Text>
          )}
        </Line>
      ))}
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
