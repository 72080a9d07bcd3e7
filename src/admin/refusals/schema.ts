import { z } from 'zod';
import { refusalReasons } from '../../enrolment/refusal.js';
import type { CsvColumns } from '../csv.js';
import { idSchema, instantSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import type { FoldedRefusal } from '../ports.js';

export const refusalSchema = z
  .object({
    id: z.string(),
    reason: z.enum(refusalReasons),
    tenantId: z.string().nullable().describe('null where the request named no known profile'),
    profileId: z.string().nullable(),
    source: z.string().describe("The client's address"),
    clientFamily: z.string(),
    detail: z.string().describe('Of the last one'),
    count: z.int(),
    firstSeen: timeSchema,
    lastSeen: timeSchema,
  })
  .meta({ id: 'Refusal', description: 'Requests that never became an order, folded by reason, profile and source' });

export const refusalPage = pageSchema(refusalSchema).meta({ id: 'RefusalPage' });

export const refusalListQuery = listQuerySchema(
  ['lastSeen', 'firstSeen', 'count'],
  {
    tenantId: idSchema.optional(),
    reason: z.enum(refusalReasons).optional(),
    profileId: idSchema.optional(),
    source: z.string().min(1).max(64).optional(),
    since: instantSchema.optional().describe('Last seen at this time or later'),
  },
  '-lastSeen',
);

export function refusalView(refusal: FoldedRefusal): z.output<typeof refusalSchema> {
  const { id, reason, tenantId, profileId, source, clientFamily, detail, count, firstSeen, lastSeen } = refusal;
  return { id, reason, tenantId, profileId, source, clientFamily, detail, count, firstSeen: firstSeen.toISOString(), lastSeen: lastSeen.toISOString() };
}

/** Columns of the CSV, in this order. */
export const refusalColumns: CsvColumns<FoldedRefusal> = {
  reason: ({ reason }) => reason,
  tenantId: ({ tenantId }) => tenantId,
  profileId: ({ profileId }) => profileId,
  source: ({ source }) => source,
  clientFamily: ({ clientFamily }) => clientFamily,
  count: ({ count }) => count,
  firstSeen: ({ firstSeen }) => firstSeen.toISOString(),
  lastSeen: ({ lastSeen }) => lastSeen.toISOString(),
  detail: ({ detail }) => detail,
};
