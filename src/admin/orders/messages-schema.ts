import { z } from 'zod';
import { decodedSchema } from '../decode/schema.js';

export const orderMessagesSchema = z
  .object({
    items: z
      .array(
        z.object({
          what: z
            .enum(['request', 'certificate'])
            .describe('`request`: the PKCS#10 of the device, kept while the order is open; `certificate`: what it was given'),
          decoded: decodedSchema,
        }),
      )
      .describe('Only what is kept: envelopes, and the requests of orders that are over, are not'),
  })
  .meta({ id: 'OrderMessages', description: 'What was exchanged for an order, field by field, with the verdict of every check' });
