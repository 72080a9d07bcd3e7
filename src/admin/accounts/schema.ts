import { z } from 'zod';
import type { CsvColumns } from '../csv.js';
import { idSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import type { Account } from '../ports.js';

export const accountSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    profileId: z.string(),
    label: z.string().describe('The names it was authorised for'),
    createdAt: timeSchema,
    lastOrderAt: timeSchema.nullable(),
  })
  .meta({ id: 'Account', description: 'A device identity that a profile has seen' });

export const accountPage = pageSchema(accountSchema).meta({ id: 'AccountPage' });

export const accountListQuery = listQuerySchema(['createdAt', 'label'], { tenantId: idSchema.optional(), profileId: idSchema.optional() });

export function accountView({ createdAt, lastOrderAt, id, tenantId, profileId, label }: Account): z.output<typeof accountSchema> {
  return { id, tenantId, profileId, label, createdAt: createdAt.toISOString(), lastOrderAt: lastOrderAt?.toISOString() ?? null };
}

/** Columns of the CSV, in this order. */
export const accountColumns: CsvColumns<Account> = {
  id: ({ id }) => id,
  label: ({ label }) => label,
  tenantId: ({ tenantId }) => tenantId,
  profileId: ({ profileId }) => profileId,
  createdAt: ({ createdAt }) => createdAt.toISOString(),
  lastOrderAt: ({ lastOrderAt }) => lastOrderAt?.toISOString() ?? null,
};
