import { z } from 'zod';
import { roles } from '../../tenancy/role.js';
import { idSchema, timeSchema } from '../field.js';

const remarks = ['never-used', 'unused', 'no-second-factor', 'never-expires', 'administers', 'every-tenant'] as const;
export type Remark = (typeof remarks)[number];

const accessEntrySchema = z
  .object({
    kind: z.enum(['user', 'token']),
    id: idSchema,
    name: z.string(),
    roles: z.array(z.enum(roles)),
    tenantIds: z.array(idSchema).nullable().describe('null: every tenant'),
    permissions: z.array(z.string()).describe('Everything the holder may do'),
    status: z.enum(['active', 'inactive', 'expired']),
    lastUsedAt: timeSchema.nullable().describe('Last login, or last use of the token (exact to a minute); null: never'),
    createdAt: timeSchema,
    createdBy: z.string().nullable(),
    expiresAt: timeSchema.nullable(),
    remarks: z.array(z.enum(remarks)).describe('What a reviewer should look at; unused: for 90 days. Empty for what lets nobody in'),
  })
  .meta({ id: 'AccessEntry', description: 'Somebody, or a program, that may use the API' });
export type AccessEntry = z.output<typeof accessEntrySchema>;

export const accessReviewSchema = z
  .object({ at: timeSchema, items: z.array(accessEntrySchema) })
  .meta({ id: 'AccessReview', description: 'Who may do what, and when they last did' });

const switchEntrySchema = z
  .object({
    kind: z.enum(['installation', 'connector', 'scep-profile', 'cmp-profile']),
    id: idSchema.nullable(),
    name: z.string().nullable(),
    tenantId: idSchema.nullable(),
    setting: z.string().describe('Where it is set'),
    value: z.string(),
    danger: z.string().describe('What it allows'),
  })
  .meta({ id: 'DangerousSwitch', description: 'A setting in force that is allowed and weakens something' });
export type SwitchEntry = z.output<typeof switchEntrySchema>;

export const switchReportSchema = z
  .object({ at: timeSchema, items: z.array(switchEntrySchema) })
  .meta({ id: 'SwitchReport', description: 'Dangerous settings in force: of this node (for callers of every tenant), of active connectors and profiles' });
