import { z } from 'zod';
import type { InclusionProof } from '../../audit/chain.js';
import { idSchema, timeSchema, timeTextSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import type { RecordedAuditEvent } from '../ports.js';

const outcomes = ['success', 'failure'] as const;
const word = z.string().min(1).max(200);

const eventFields = {
  id: z.string().describe('`<run of a node>:<number in it>`; numbers without a gap'),
  at: timeSchema,
  nodeId: z.string(),
  tenantId: z.string().nullable(),
  actor: z.string().describe('`token:<id>`, `device`, `worker:<name>`, ...'),
  action: z.string().describe('`order.issued`, `profile.updated`, ...'),
  object: z.string().describe('`order:<id>`, `profile:<id>`, ...'),
  outcome: z.enum(outcomes),
  details: z.record(z.string(), z.unknown()),
};

export const auditEventSchema = z.object(eventFields).meta({ id: 'AuditEvent', description: 'What happened, by whom, to what' });

export const auditEventPage = pageSchema(auditEventSchema).meta({ id: 'AuditEventPage' });

export const inclusionProofSchema = z
  .object({
    seq: z.int().describe('Number in the chain over all nodes, from 1'),
    event: z.string().describe("The event's very bytes: what is hashed"),
    path: z.array(z.string()).describe('Audit path (RFC 9162 section 2.1.3) from the event up, base64'),
    size: z.int().describe('Events that the checkpoint covers'),
    checkpoint: z.string().describe('A signed note (C2SP tlog-checkpoint)'),
  })
  .meta({ id: 'AuditInclusionProof', description: 'That an event is among those a signed checkpoint covers' });

export const auditEventDetailSchema = z
  .object({ ...eventFields, proof: inclusionProofSchema.nullable().describe('Null until the next checkpoint, at most about a minute') })
  .meta({ id: 'AuditEventDetail', description: 'An event with the proof that a checkpoint covers it' });

export const auditEventParams = z.strictObject({
  id: z
    .string()
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{1,15}$/, 'Must be the id of an audit event')
    .describe('Id of the event'),
});

export const auditEventListQuery = listQuerySchema(
  ['at'],
  {
    tenantId: idSchema.optional(),
    actor: word.optional(),
    action: word.optional(),
    object: word.optional(),
    outcome: z.enum(outcomes).optional(),
    since: timeTextSchema.optional().describe('Events from this moment on'),
    until: timeTextSchema.optional().describe('Events before this moment'),
  },
  '-at',
);

export const checkpointListQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('Only checkpoints of more events than this'),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Checkpoints in one answer'),
});

export const checkpointListSchema = z
  .object({
    key: z.string().describe('Public key of the checkpoints: `<origin>+<key id>+<base64>`'),
    items: z.array(z.object({ size: z.int(), note: z.string(), signedAt: timeSchema })),
    state: z
      .object({
        sealed: z.int().describe('Events in the chain'),
        unsealed: z.int().describe('Events that are committed and not yet in the chain'),
        signed: z.int().describe('Events that the newest checkpoint covers'),
        unsignedSeconds: z.number().describe('How long the oldest event that no checkpoint covers has been in the chain'),
      })
      .describe('How far the chain is'),
  })
  .meta({ id: 'AuditCheckpoints', description: 'The signed states of the audit trail, ascending' });

export function auditEventView({ at, details, ...event }: RecordedAuditEvent): z.output<typeof auditEventSchema> {
  const { id, nodeId, tenantId, actor, action, object, outcome } = event;
  return { id, at: at.toISOString(), nodeId, tenantId, actor, action, object, outcome, details: { ...details } };
}

export function proofView({ seq, event, path, size, note }: InclusionProof): z.output<typeof inclusionProofSchema> {
  return { seq, event, path: path.map((hash) => hash.toString('base64')), size, checkpoint: note };
}
