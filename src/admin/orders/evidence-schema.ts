import { z } from 'zod';
import { auditEventSchema, inclusionProofSchema } from '../audit-events/schema.js';
import { certificateSchema } from '../certificates/schema.js';
import { timeSchema } from '../field.js';
import { orderSchema, timelineSchema } from './schema.js';

export const evidenceSchema = z
  .object({
    format: z.literal('gatehouse-evidence-v1'),
    madeAt: timeSchema,
    order: orderSchema,
    timeline: timelineSchema.shape.items,
    certificate: z
      .object({ ...certificateSchema.shape, pem: z.string(), chain: z.array(z.string()).describe('PEM of its CAs, the issuing one first') })
      .nullable()
      .describe('Null where none was issued'),
    events: z
      .array(z.object({ ...auditEventSchema.shape, proof: inclusionProofSchema.nullable() }))
      .describe('Everything the audit trail has of the order, oldest first; the first tells of the message: digests, signer, algorithms'),
    key: z.string().describe('Public key of the checkpoints; compare it with the one kept elsewhere'),
  })
  .meta({ id: 'OrderEvidence', description: 'Everything that proves what became of an order, verifiable without the server' });
