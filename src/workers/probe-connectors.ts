import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Connector } from '../tenancy/connector.js';
import type { ConnectorLogReader } from '../tenancy/connector-call.js';
import { type ConnectorHealthStore, type DueProbe, type HealthVerdict, judgeHealth, type Probe } from '../tenancy/connector-health.js';
import { systemContext } from '../tenancy/context.js';
import type { ConnectorStore } from '../tenancy/ports.js';
import type { Job } from './loop.js';

export interface ProbeDeps {
  readonly connectors: Pick<ConnectorStore, 'find'>;
  readonly connectorHealth: Pick<ConnectorHealthStore, 'claimDue' | 'record'>;
  readonly connectorLog: Pick<ConnectorLogReader, 'recent'>;
  /** Asks the connector how it is; never rejects, and is over well before the lease. */
  probe(connector: Connector): Promise<Probe>;
  /** Told again and again, so that nothing is lost when a process dies in between; whoever listens knows what it was told before. */
  readonly tell?: (connector: Connector, state: 'up' | 'down', reason: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const context = systemContext('worker:probe');
const leaseMs = 60_000;
const everyMs = 60_000;
/** Connectors that were set up together are not asked together for ever. */
const spread = 0.2;
const atOnce = 8;
const recentSeconds = 600;

/** Asks every active connector about once a minute how it is; of all processes of the installation one at a time. */
export function probeConnectorsJob(deps: ProbeDeps): Job {
  return {
    name: 'probe-connectors',
    everyMs: 5_000,
    async run(stopping) {
      const due = await deps.connectorHealth.claimDue(context, atOnce, leaseMs);
      await Promise.all(due.map((claimed) => probeOne(claimed, deps, stopping)));
    },
  };
}

async function probeOne(due: DueProbe, deps: ProbeDeps, stopping: AbortSignal | undefined): Promise<void> {
  const connector = await deps.connectors.find(context, due.health.connectorId);
  if (connector === undefined) return;
  const probe = await unlessStopped(deps.probe(connector), stopping);
  if (probe === undefined) return;
  const kept = probe.ok ? probe : { ...probe, credentials: due.health.credentials };
  const recent = await deps.connectorLog.recent(context, connector.id, recentSeconds);
  const verdict = judgeHealth(due.health, kept, recent, deps.clock.now());
  const nextInMs = Math.round(everyMs * (1 - spread + Math.random() * 2 * spread));
  if (await deps.connectorHealth.record(context, due, kept, verdict, nextInMs)) await report(connector, due, verdict, deps);
}

/** A node that stops waits for no hanging CA: when the lease is over another node asks again. */
function unlessStopped<T>(work: Promise<T>, stopping: AbortSignal | undefined): Promise<T | undefined> {
  if (stopping === undefined) return work;
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(undefined);
    if (stopping.aborted) giveUp();
    stopping.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => stopping.removeEventListener('abort', giveUp));
  });
}

async function report(connector: Connector, { health }: DueProbe, { state, reason, failures }: HealthVerdict, { tell, log }: ProbeDeps): Promise<void> {
  if (state !== health.state) {
    const facts = { connectorId: connector.id, was: health.state, state, reason };
    if (state === 'UP') log.info(facts, 'a connector is up');
    else log.warn(facts, 'a connector is not as it should be');
  }
  // Degraded by failed probes is not yet an outage, and no end of one.
  if (state === 'DOWN') await tell?.(connector, 'down', reason);
  else if (failures === 0) await tell?.(connector, 'up', reason);
}
