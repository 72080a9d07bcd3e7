import type { Context, SystemContext } from './context.js';

export const healthStates = ['UNKNOWN', 'UP', 'DEGRADED', 'DOWN'] as const;
export type HealthState = (typeof healthStates)[number];

export const credentialKinds = ['client-certificate', 'ca-certificate', 'token'] as const;

/** Something that ends by itself and stops the connector when it does. */
export interface CredentialLife {
  readonly kind: (typeof credentialKinds)[number];
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface ProbeStep {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly ms: number;
}

/** What a probe found out. */
export interface Probe {
  readonly ok: boolean;
  readonly steps: readonly ProbeStep[];
  readonly credentials: readonly CredentialLife[];
  readonly ms: number;
}

export interface ConnectorHealth {
  readonly connectorId: string;
  readonly tenantId: string;
  readonly state: HealthState;
  readonly since: Date;
  /** Why it is not UP, in words; empty when it is. */
  readonly reason: string;
  /** Probes that failed one after the other until now. */
  readonly failures: number;
  readonly checkedAt: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly lastFailureAt: Date | null;
  /** Duration of the last probe. */
  readonly probeMs: number | null;
  readonly steps: readonly ProbeStep[];
  readonly credentials: readonly CredentialLife[];
}

export interface HealthChange {
  readonly id: string;
  readonly at: Date;
  readonly was: HealthState;
  readonly state: HealthState;
  readonly reason: string;
}

/** A connector whose turn has come; the fence must be shown with the result. */
export interface DueProbe {
  readonly health: ConnectorHealth;
  readonly fence: number;
}

export interface ConnectorHealthStore {
  /** Takes connectors whose next probe is due, so that no other process takes them until `leaseMs` is over. */
  claimDue(context: SystemContext, limit: number, leaseMs: number): Promise<readonly DueProbe[]>;
  /** The result of a probe, and the change of state with it; false when the lease went to someone else meanwhile. */
  record(context: SystemContext, due: DueProbe, probe: Probe, verdict: HealthVerdict, nextInMs: number): Promise<boolean>;
  find(context: Context, connectorId: string): Promise<ConnectorHealth | undefined>;
  /** States by connector; those never probed are left out. */
  states(context: Context, connectorIds: readonly string[]): Promise<ReadonlyMap<string, HealthState>>;
  /** Newest first. */
  history(context: Context, connectorId: string, limit: number): Promise<readonly HealthChange[]>;
  /** Forgets changes older than `days`. Returns how many. */
  forget(context: SystemContext, days: number): Promise<number>;
}

export interface HealthVerdict {
  readonly state: HealthState;
  readonly failures: number;
  readonly reason: string;
}

/** Probes that must fail in a row before a connector counts as down: one lost packet is no outage. */
const failuresUntilDown = 3;
const warnDays = 14;
const dayMs = 86_400_000;
/** Of the newest calls of devices: fewer say nothing, and one in ten that fails is felt. */
const fewCalls = 5;
const badShare = 0.1;

/**
 * The state after a probe. A failed probe degrades, the third in a row is DOWN, one that succeeds ends it. With a probe that
 * succeeded the connector is still DEGRADED while calls fail or a credential is about to end.
 */
export function judgeHealth(
  before: Pick<ConnectorHealth, 'state' | 'failures'>,
  probe: Probe,
  recent: { readonly calls: number; readonly failed: number },
  now: Date,
): HealthVerdict {
  if (!probe.ok) {
    const failures = before.failures + 1;
    const isDown = failures >= failuresUntilDown || before.state === 'DOWN';
    return { state: isDown ? 'DOWN' : 'DEGRADED', failures, reason: failureOf(probe) };
  }
  const worries = [...endingCredentials(probe.credentials, now), ...failingCalls(recent)];
  return { state: worries.length === 0 ? 'UP' : 'DEGRADED', failures: 0, reason: worries.join(' ') };
}

function failureOf({ steps }: Probe): string {
  const failed = steps.find(({ ok }) => !ok);
  return failed === undefined ? 'The probe failed.' : `${failed.name}: ${failed.message}`;
}

function endingCredentials(credentials: readonly CredentialLife[], now: Date): readonly string[] {
  return credentials
    .map((credential) => ({ ...credential, days: daysLeft(credential, now) }))
    .filter(({ days }) => days < warnDays)
    .map(({ kind, subject, days }) => {
      const what = `${kind.replace('-', ' ')} ${subject}`.trim();
      return days < 0 ? `The ${what} has expired.` : `The ${what} expires in ${days} days.`;
    });
}

function failingCalls({ calls, failed }: { readonly calls: number; readonly failed: number }): readonly string[] {
  return calls >= fewCalls && failed / calls > badShare ? [`${failed} of the last ${calls} calls failed.`] : [];
}

/** Whole days until a credential ends; negative once it has. */
export function daysLeft({ notAfter }: Pick<CredentialLife, 'notAfter'>, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / dayMs);
}
