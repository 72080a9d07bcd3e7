import { z } from 'zod';
import { problemSchema } from './openapi.js';

export const bulkAnswerSchema = z
  .object({
    done: z.int().describe('How many of them it was done for'),
    failed: z.int(),
    items: z.array(z.object({ id: z.string(), ok: z.boolean(), problem: problemSchema.optional().describe('Why it was not done for this one') })),
  })
  .meta({ id: 'BulkAnswer', description: 'What became of each, in the sequence they were named; 200 also when it was done for none' });
