import { Alert, Anchor, Grid, Group, Stack, Text, Timeline } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useProfiles } from '../../api/hooks.js';
import { listQuery, oneQuery } from '../../api/queries.js';
import type { ConnectorCall, Order, OrderMessages, Timeline as OrderTimeline } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { OrderStateBadge } from '../../components/badges.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { plain, showDuration } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { FieldTree, VerdictBadge } from '../decoder/field-tree.js';
import { ConnectorLink } from '../profiles/connector-link.js';
import { Decisions } from './decisions.js';

const { common, connectors, orders } = words;
const everyMs = 3_000;

/** One order, from its first byte to the final answer; it follows the order while it moves. */
export function OrderDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<Order>(`/orders/${id}`, {}, everyMs));
  const timeline = useQuery(oneQuery<OrderTimeline>(`/orders/${id}/timeline`, {}, everyMs));
  return (
    <Whole result={result}>
      {(order) => (
        <Stack gap="md">
          <PageHead title={order.subject === '' ? orders.noSubject : order.subject} mark={<OrderStateBadge state={order.state} />}>
            <Decisions order={order} />
          </PageHead>
          {(order.failReason ?? order.failInfo) !== null && (
            <Alert color="red" title={order.failInfo ?? orders.failReason}>
              <Foreign text={order.failReason ?? ''} wrap />
            </Alert>
          )}
          <Grid>
            <Grid.Col span={{ base: 12, lg: 7 }}>
              <Stack gap="md">
                <Details order={order} />
                <Messages order={order} />
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 5 }}>
              <Stack gap="md">
                <Panel title={orders.timeline}>
                  <Whole result={timeline}>{({ items }) => <Steps items={items} />}</Whole>
                </Panel>
                <Calls order={order} />
              </Stack>
            </Grid.Col>
          </Grid>
        </Stack>
      )}
    </Whole>
  );
}

function Details({ order }: { readonly order: Order }) {
  const { data } = useProfiles();
  const profile = data?.find(({ id }) => id === order.profileId);
  const place = order.protocol === 'cmp' ? 'cmp-server' : 'scep-server';
  return (
    <Panel title={orders.details}>
      <Facts
        facts={[
          { label: orders.columns.operation, value: `${orders.operations[order.operation]} (${orders.protocols[order.protocol]})` },
          {
            label: orders.columns.profile,
            value: (
              <Anchor component={Link} to={`/${place}/${order.profileId}`} size="sm">
                <Foreign text={profile?.name ?? order.profileId} wrap />
              </Anchor>
            ),
          },
          { label: words.profiles.connector, value: <ConnectorLink id={order.connectorId} /> },
          { label: orders.transaction, value: <Foreign text={order.transactionId} wrap /> },
          { label: orders.credential, value: <Foreign text={order.credential} wrap /> },
          { label: orders.client, value: <Foreign text={`${order.clientFamily} · ${order.clientIp}`} wrap /> },
          { label: orders.key, value: order.keyType },
          { label: orders.digest, value: order.digest === '' ? common.none : order.digest },
          order.cipher !== '' && { label: orders.cipher, value: order.cipher },
          { label: orders.columns.attempts, value: order.attempts },
          order.certificateId !== null && {
            label: orders.certificate,
            value: (
              <Anchor component={Link} to={`/certificates/${order.certificateId}`} size="sm">
                {common.view}
              </Anchor>
            ),
          },
          { label: orders.columns.created, value: <Moment at={order.createdAt} exact /> },
          { label: orders.columns.finished, value: order.finishedAt === null ? common.none : <Moment at={order.finishedAt} exact /> },
          order.acknowledgedAt !== null && { label: orders.acknowledged, value: <Moment at={order.acknowledgedAt} exact /> },
        ]}
      />
    </Panel>
  );
}

/** What was exchanged, field by field; it is read again when the order moves. */
function Messages({ order }: { readonly order: Order }) {
  const result = useQuery({ ...oneQuery<OrderMessages>(`/orders/${order.id}/messages`, {}), queryKey: [`/orders/${order.id}/messages`, order.state] });
  return (
    <Panel title={orders.messages}>
      <Whole result={result}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {orders.noMessages}
            </Text>
          ) : (
            items.map(({ what, decoded }) => (
              <div key={what}>
                <Group justify="space-between" mb={4}>
                  <Text size="sm" fw={650} component="h3" m={0}>
                    {orders.messageKinds[what]}
                  </Text>
                  <VerdictBadge decoded={decoded} />
                </Group>
                <FieldTree fields={decoded.fields} />
              </div>
            ))
          )
        }
      </Whole>
    </Panel>
  );
}

function Steps({ items }: OrderTimeline) {
  return (
    <Timeline active={items.length} bulletSize={14} lineWidth={2}>
      {items.map(({ at, state, actor, detail }) => (
        <Timeline.Item key={`${at}${state}${detail}`} title={orders.states[state]}>
          {detail !== '' && (
            <Text size="sm" className="foreign">
              {plain(detail)}
            </Text>
          )}
          <Text size="xs" c="dimmed" className="foreign">
            <Moment at={at} exact /> {orders.actor} {plain(actor)}
          </Text>
        </Timeline.Item>
      ))}
    </Timeline>
  );
}

/** What was said to the CA for this order. */
function Calls({ order }: { readonly order: Order }) {
  const may = useMay();
  const canRead = may('connector:read');
  const result = useQuery({
    ...listQuery<ConnectorCall>(`/connectors/${order.connectorId}/logs`, { orderId: order.id, limit: 50 }, everyMs),
    enabled: canRead,
  });
  if (!canRead || result.data === undefined || result.data.items.length === 0) return null;
  return (
    <Panel title={connectors.logs.list}>
      <Facts
        facts={result.data.items.map(({ at, operation, outcome, durationMs, detail }) => ({
          label: `${operation}: ${outcome}`,
          value: (
            <div>
              <Foreign text={detail} wrap />
              <Text size="xs" c="dimmed">
                <Moment at={at} exact /> · {showDuration(durationMs)}
              </Text>
            </div>
          ),
        }))}
      />
    </Panel>
  );
}
