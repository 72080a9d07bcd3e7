import { z } from 'zod';
import { idSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import type { RecordedAuditEvent } from '../ports.js';

const outcomes = ['success', 'failure'] as const;
const word = z.string().min(1).max(200);

export const auditEventSchema = z
  .object({
    id: z.string().describe('`<run of a node>:<number in it>`; numbers without a gap'),
    at: timeSchema,
    nodeId: z.string(),
    tenantId: z.string().nullable(),
    actor: z.string().describe('`token:<id>`, `device`, `worker:<name>`, ...'),
    action: z.string().describe('`order.issued`, `profile.updated`, ...'),
    object: z.string().describe('`order:<id>`, `profile:<id>`, ...'),
    outcome: z.enum(outcomes),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEvent', description: 'What happened, by whom, to what' });

export const auditEventPage = pageSchema(auditEventSchema).meta({ id: 'AuditEventPage' });

export const auditEventListQuery = listQuerySchema(
  ['at'],
  {
    tenantId: idSchema.optional(),
    actor: word.optional(),
    action: word.optional(),
    object: word.optional(),
    outcome: z.enum(outcomes).optional(),
  },
  '-at',
);

export function auditEventView({ at, details, ...event }: RecordedAuditEvent): z.output<typeof auditEventSchema> {
  const { id, nodeId, tenantId, actor, action, object, outcome } = event;
  return { id, at: at.toISOString(), nodeId, tenantId, actor, action, object, outcome, details: { ...details } };
}
