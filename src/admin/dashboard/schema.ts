import { z } from 'zod';
import { protocols } from '../../tenancy/profile.js';
import { idSchema, timeSchema } from '../field.js';
import { attentionKinds, type Dashboard } from '../ports/dashboard.js';

export const dashboardQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(90).default(14).describe('How far back orders are counted, today included'),
  tenantId: idSchema.optional(),
});

export const dashboardSchema = z
  .object({
    days: z
      .array(z.object({ day: z.string().describe('UTC'), protocol: z.enum(protocols), issued: z.int(), refused: z.int(), open: z.int() }))
      .describe('Orders by the day they were received on and by what became of them; days without orders are left out'),
    latency: z
      .object({ p50Ms: z.int().nullable(), p95Ms: z.int().nullable(), orders: z.int().describe('Over how many of the newest orders') })
      .describe('Received to final answer, manual waiting excluded'),
    expiring: z
      .object({ within7Days: z.int(), within30Days: z.int(), within90Days: z.int() })
      .describe('Valid certificates that expire soon; each count includes the one before'),
    attention: z
      .array(z.object({ kind: z.enum(attentionKinds), count: z.int(), since: timeSchema.nullable().describe('The oldest of them') }))
      .describe('What someone should look at; failures are those of the last 30 days'),
  })
  .meta({ id: 'Dashboard', description: 'How the installation, or one tenant, fares' });

export function dashboardView({ days, latency, expiring, attention }: Dashboard): z.output<typeof dashboardSchema> {
  const shown = attention.map(({ kind, count, since }) => ({ kind, count, since: since?.toISOString() ?? null }));
  return { days: [...days], latency: { ...latency }, expiring: { ...expiring }, attention: shown };
}

export const emptyDashboard: Dashboard = {
  days: [],
  latency: { p50Ms: null, p95Ms: null, orders: 0 },
  expiring: { within7Days: 0, within30Days: 0, within90Days: 0 },
  attention: [],
};
