import type { ChainState } from './audit/chain.js';
import type { Figure } from './runtime/metrics.js';
import type { WatchFigures } from './store/watch-figures.js';
import { healthStates } from './tenancy/connector-health.js';

/** The figures that alerts are made of (deploy/prometheus/gatehouse.rules.yml). */
export function watchedFigures(watch: WatchFigures, chain: ChainState): readonly Figure[] {
  const { stuckSeconds, waitingSeconds, notFetched, silentDevices, givenUpRevocations, connectors, credentialSeconds, sinks } = watch;
  const states = healthStates.map((state) => ({ labels: { state }, value: connectors.find((item) => item.state === state)?.count ?? 0 }));
  return [
    level('gatehouse_orders_stuck_seconds', 'Age of the oldest order that waits for an operator; 0 where none does', stuckSeconds),
    level('gatehouse_orders_waiting_seconds', 'Age of the oldest order that waits for its CA; 0 where none does', waitingSeconds),
    level(
      'gatehouse_orders_not_fetched',
      'Certificates issued ten to seventy minutes ago that no device has fetched, of the orders looked at',
      notFetched.orders,
    ),
    level('gatehouse_orders_not_fetched_of', 'Orders that were looked at for gatehouse_orders_not_fetched, 10,000 at most', notFetched.of),
    level('gatehouse_silent_devices', 'Valid certificates that end within seven days and were not renewed, counted to 10,000', silentDevices),
    level('gatehouse_revocations_given_up', 'Revocations that the CA did not take and that wait for an operator', givenUpRevocations),
    { ...level('gatehouse_connectors', 'Active connectors by what their last probes found', 0), values: states },
    ...(credentialSeconds === null
      ? []
      : [level('gatehouse_connector_credential_seconds_left', 'Seconds until the first credential of an active connector ends', credentialSeconds)]),
    level('gatehouse_audit_unsealed_events', 'Audit events that are committed and not yet in the chain', chain.unsealed),
    level('gatehouse_audit_events', 'Audit events in the chain', chain.sealed),
    level('gatehouse_audit_unsigned_seconds', 'How long the oldest audit event without a checkpoint has been in the chain', chain.unsignedSeconds),
    level('gatehouse_audit_sinks_failing', 'Active audit sinks that did not take their last batch', sinks.failing),
    level('gatehouse_audit_sink_events_behind', 'Audit events that the slowest active sink lacks', sinks.behind),
  ];
}

function level(name: string, help: string, value: number): Figure {
  return { name, help, type: 'gauge', aggregator: 'max', values: [{ labels: {}, value }] };
}
