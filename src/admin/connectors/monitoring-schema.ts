import { z } from 'zod';
import { summaryWindows } from '../../enrolment/ports.js';
import type { CallFigures } from '../../tenancy/connector-call.js';
import { type ConnectorHealth, credentialKinds, daysLeft, type HealthChange, healthStates } from '../../tenancy/connector-health.js';
import { timeSchema } from '../field.js';

export const monitoringQuery = z.strictObject({
  window: z
    .enum(Object.keys(summaryWindows) as (keyof typeof summaryWindows)[])
    .default('24h')
    .describe('The time that the figures are about'),
});

export const connectorMonitoringSchema = z
  .object({
    state: z.enum(healthStates).describe('UNKNOWN: not probed yet, or inactive; DEGRADED: works, with worries; DOWN: three probes in a row failed'),
    since: timeSchema.nullable(),
    reason: z.string().describe('Why it is not UP; empty when it is'),
    checkedAt: timeSchema.nullable(),
    lastSuccessAt: timeSchema.nullable(),
    lastFailureAt: timeSchema.nullable(),
    failedProbes: z.int().describe('In a row, until now'),
    probeMs: z.int().nullable().describe('Duration of the last probe'),
    steps: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string(), ms: z.number() })).describe('Of the last probe'),
    credentials: z.array(z.object({ kind: z.enum(credentialKinds), subject: z.string(), notBefore: timeSchema, notAfter: timeSchema, daysLeft: z.int() })),
    calls: z
      .object({
        window: z.string(),
        total: z.int(),
        ok: z.int(),
        refused: z.int().describe('The other side said no to the request'),
        failed: z.int().describe('No useful answer'),
        successRate: z.number().nullable().describe('Per cent of ok among all; null when there were none'),
        p50Ms: z.int().nullable(),
        p95Ms: z.int().nullable().describe('19 of 20 calls were as fast as this, within a tenth'),
      })
      .describe('Calls for devices, without our own probes and tests'),
    history: z
      .array(z.object({ at: timeSchema, was: z.enum(healthStates), state: z.enum(healthStates), reason: z.string() }))
      .describe('Newest first, 100 at most'),
  })
  .meta({ id: 'ConnectorMonitoring', description: 'How a connector fares' });

type View = z.output<typeof connectorMonitoringSchema>;

export function monitoringView(health: ConnectorHealth | undefined, calls: CallFigures, window: string, history: readonly HealthChange[], now: Date): View {
  const { calls: total, ...figures } = calls;
  return {
    ...healthView(health, now),
    calls: { window, total, ...figures },
    history: history.map(({ at, was, state, reason }) => ({ at: at.toISOString(), was, state, reason })),
  };
}

const timeOf = (at: Date | null | undefined): string | null => at?.toISOString() ?? null;

function healthView(health: ConnectorHealth | undefined, now: Date): Omit<View, 'calls' | 'history'> {
  return {
    state: health?.state ?? 'UNKNOWN',
    since: timeOf(health?.since),
    reason: health?.reason ?? '',
    checkedAt: timeOf(health?.checkedAt),
    lastSuccessAt: timeOf(health?.lastSuccessAt),
    lastFailureAt: timeOf(health?.lastFailureAt),
    failedProbes: health?.failures ?? 0,
    probeMs: health?.probeMs ?? null,
    steps: [...(health?.steps ?? [])],
    credentials: (health?.credentials ?? []).map(({ kind, subject, notBefore, notAfter }) => {
      return { kind, subject, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString(), daysLeft: daysLeft({ notAfter }, now) };
    }),
  };
}
