import { Badge } from '@mantine/core';
import type { Connector, Order } from '../api/types.js';
import { words } from '../strings/index.js';

export function StatusBadge({ status }: { readonly status: 'active' | 'inactive' }) {
  return <Badge color={status === 'active' ? 'green' : 'gray'}>{words.common[status]}</Badge>;
}

const healthColours = { UP: 'green', DEGRADED: 'yellow', DOWN: 'red', UNKNOWN: 'gray' } as const satisfies Record<Connector['health'], string>;

export function HealthBadge({ health }: { readonly health: Connector['health'] }) {
  return <Badge color={healthColours[health]}>{words.connectors.healths[health]}</Badge>;
}

const stateColours = {
  AWAITING_APPROVAL: 'violet',
  ACCEPTED: 'blue',
  ISSUING: 'blue',
  UNCERTAIN: 'orange',
  CA_PENDING: 'blue',
  STUCK: 'red',
  ISSUED: 'green',
  DELIVERED: 'green',
  CONFIRMED: 'green',
  REVOKE_WANTED: 'orange',
  REVOKED: 'gray',
  REJECTED: 'red',
  FAILED: 'red',
  EXPIRED: 'gray',
} as const satisfies Record<Order['state'], string>;

export function OrderStateBadge({ state }: { readonly state: Order['state'] }) {
  return <Badge color={stateColours[state]}>{words.orders.states[state]}</Badge>;
}
