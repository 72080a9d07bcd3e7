import { z } from 'zod';
import { summaryWindows } from '../../enrolment/ports.js';
import { policySchema } from '../../tenancy/policy.js';
import { endpointPathPattern } from '../../tenancy/profile.js';
import { descriptionSchema, idSchema, lineSchema, nameSchema, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema } from '../list.js';

const endpointPathSchema = z
  .string()
  .regex(endpointPathPattern, 'Must be 1 to 64 letters, digits, dots, underscores and hyphens')
  .refine((path) => !/^\.+$/.test(path), 'Must not consist of dots')
  .describe('Last segment of the URL, unique per protocol; made from the name when absent');

const ownPaths = /^\/(?:scep|cmp|pki|\.well-known\/cmp|\.well-known\/est|healthz|readyz)(?:\/|$)/i;
const isForeign = (path: string): boolean => !ownPaths.test(path) || /^\/(?:scep|cmp)\/?$/i.test(path);

const legacyPathSchema = z
  .string()
  .max(256)
  .regex(/^\/[^\s?#%\\]+$/, 'Must be an absolute path without query')
  .refine(isForeign, 'This path is served already')
  .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), 'Must not contain "." or ".." segments');

const settingSchema = lineSchema(200).min(1).optional();
const overridesSchema = z
  .strictObject({
    caName: settingSchema,
    endEntityProfile: settingSchema,
    certificateProfile: settingSchema,
    caId: settingSchema,
    profileId: settingSchema,
  })
  .meta({ id: 'IssuingOverrides', description: "Settings that replace the connector's" });

/** Fields of new profiles of both protocols. */
export const newProfileShape = {
  name: nameSchema,
  connectorId: idSchema.describe('An issuing connector of the same tenant'),
  tenantId: idSchema.optional().describe("The connector's tenant; may be left out"),
  endpointPath: endpointPathSchema.optional(),
  description: descriptionSchema.default(''),
  status: statusSchema.default('active'),
  legacyPaths: z.array(legacyPathSchema).max(20).default([]).describe('Further absolute paths served as the same endpoint'),
  overrides: overridesSchema.prefault({}),
  policy: policySchema.prefault({}),
};

/** The same fields in a merge patch: null gives the default again. */
export const profilePatchShape = {
  name: nameSchema.optional(),
  connectorId: idSchema.optional(),
  endpointPath: endpointPathSchema.optional(),
  description: descriptionSchema.nullable().optional(),
  status: statusSchema.nullable().optional(),
  legacyPaths: z.array(legacyPathSchema).max(20).nullable().optional(),
  overrides: z.record(z.string(), z.string().nullable()).nullable().optional().describe('Merge patch of the overrides'),
  policy: z.record(z.string(), z.unknown()).nullable().optional().describe('Merge patch of the policy'),
};

/** What reading a profile of either protocol shows. */
export const profileShape = {
  id: z.string(),
  name: z.string(),
  tenantId: z.string(),
  tenant: z.string().describe('Name of the tenant'),
  connectorId: z.string(),
  connector: z.string().describe('Name of the connector'),
  endpointPath: z.string(),
  description: z.string(),
  status: statusSchema,
  legacyPaths: z.array(z.string()),
  overrides: overridesSchema,
  policy: policySchema,
  orders: z.object({ success: z.int(), failed: z.int(), total: z.int() }),
  version: z.int(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
};

const rateSchema = z.coerce.number().min(0).max(100);

export const profileListQuery = listQuerySchema(['createdAt', 'updatedAt', 'name', 'status', 'endpointPath', 'tenant', 'connector', 'orders', 'successRate'], {
  status: statusSchema.optional(),
  tenantId: idSchema.optional(),
  connectorId: idSchema.optional(),
  minSuccessRate: rateSchema.optional().describe('Per cent of issued among issued, failed and rejected'),
  maxSuccessRate: rateSchema.optional(),
});

const windows = Object.keys(summaryWindows) as (keyof typeof summaryWindows)[];

export const profileSummaryQuery = z.strictObject({
  window: z.enum(windows).default('30d').describe('How far back the cards count'),
  tenantId: idSchema.optional(),
});

export const successRateSchema = z.number().nullable().describe('Per cent: issued / (issued + failed + rejected), open orders excluded; null when none');
/** The figures of the window before, under the same names. */
export function previousSchema<S extends z.ZodRawShape>(id: string, shape: S) {
  return z.object(shape).meta({ id, description: 'The same figures of the window before, to tell the trend' });
}

export const averageSchema = z.number().nullable().describe('Received to final answer, manual waiting excluded; null when none');
