import type { ConnectorTester, ConnectorUnderTest } from './admin/index.js';
import type { MailParts } from './compose-mail.js';
import type { IssuerRegistry } from './connectors/issuers.js';
import { createRecorder, createTests, loggedMailer, type Recorder, type TypeTesters } from './connectors/monitoring/index.js';
import type { Clock } from './runtime/clock.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import type { Connector } from './tenancy/connector.js';
import type { Probe } from './tenancy/connector-health.js';
import { systemContext } from './tenancy/context.js';
import { forgetConnectorCallsJob } from './workers/forget-connector-calls.js';
import type { Job } from './workers/loop.js';
import { type ProbeDeps, probeConnectorsJob } from './workers/probe-connectors.js';

export interface MonitoringParts {
  readonly store: Pick<Store, 'connectors' | 'connectorLog' | 'connectorHealth'>;
  readonly testers: TypeTesters;
  /** Hears of connectors that go down and come back; it may hear the same again and again. */
  readonly tell?: ProbeDeps['tell'];
  readonly callDays: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Monitoring {
  readonly tester: ConnectorTester;
  readonly jobs: readonly Job[];
}

/** Who writes the calls of each connector down. */
export function recorders(store: Pick<Store, 'connectorLog'>, clock: Clock): (connector: Connector) => Recorder {
  return (connector) => createRecorder(connector, store.connectorLog, clock);
}

/** Connectors are tested when asked, probed by themselves, and both leave a trace in their log. */
export function monitorConnectors({ store, testers, tell, callDays, clock, log }: MonitoringParts): Monitoring {
  const tests = createTests(testers);
  const recorderOf = recorders(store, clock);

  async function test(asked: ConnectorUnderTest, to?: string) {
    const { saved } = asked;
    const connector = { type: asked.type, config: asked.config, secrets: asSecrets(asked) };
    if (saved === undefined) return tests.test(connector, to);
    const record = recorderOf({ ...saved, secrets: connector.secrets } as Connector);
    return record({ operation: 'test', requestId: '' }, () => tests.test(connector, to), meaningOf);
  }

  const probe = (connector: Connector): Promise<Probe> =>
    recorderOf(connector)({ operation: 'probe', requestId: '', only: 'failed' }, () => tests.probe(connector), meaningOf);

  return {
    tester: { test, choices: (asked) => tests.choices({ type: asked.type, config: asked.config, secrets: asSecrets(asked) }) },
    jobs: [probeConnectorsJob({ ...store, probe, clock, log, ...(tell !== undefined && { tell }) }), forgetConnectorCallsJob({ ...store, log }, callDays)],
  };
}

/** What mails leave in the log of their connector, and what is known of the ends of connectors' credentials. */
export function watchedMail(store: Pick<Store, 'connectorLog' | 'connectorHealth'>, clock: Clock): Pick<MailParts, 'logged' | 'livesOf'> {
  const recorderOf = recorders(store, clock);
  return {
    logged: (mailer, connector) => loggedMailer(mailer, recorderOf(connector)),
    livesOf: async (connectorId) => (await store.connectorHealth.find(systemContext('worker:expiry'), connectorId))?.credentials ?? [],
  };
}

/** As the connectors read them. */
function asSecrets({ secrets }: ConnectorUnderTest): Connector['secrets'] {
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, { value, updatedAt: new Date(0) }]));
}

function meaningOf({ ok, steps }: Pick<Probe, 'ok' | 'steps'>) {
  if (ok) return { outcome: 'passed', result: 'ok', detail: steps.map(({ name, ms }) => `${name} ${ms} ms`).join(', ') } as const;
  const failed = steps.find((step) => !step.ok);
  return { outcome: 'error', result: 'failed', detail: failed === undefined ? '' : `${failed.name}: ${failed.message}` } as const;
}

/** Issuing CA first, root last; none where the connector issues nothing. */
export function chainsOf(issuers: Pick<IssuerRegistry, 'forConnector'>): (connectorId: string) => Promise<readonly Buffer[]> {
  return async (connectorId) => (await (await issuers.forConnector(connectorId))?.chain()) ?? [];
}
