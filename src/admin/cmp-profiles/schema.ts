import { z } from 'zod';
import type { SharedSecret } from '../../tenancy/credentials.js';
import { baseUrlSchema, timeSchema } from '../field.js';
import { pageSchema } from '../list.js';
import { averageSchema, newProfileShape, previousSchema, profilePatchShape, profileShape, successRateSchema } from '../profiles/field.js';
import type { RowOf } from '../profiles/find.js';
import { endpointUrl, patchable, profileView } from '../profiles/view.js';

const javaBaseUrl = baseUrlSchema.describe('Public base URL of the CMP server; where absent, the address devices reach the server by');
const isDefault = z.boolean().describe('Serves /.well-known/cmp without a name');

export const referenceSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/, 'Must be 1 to 64 visible ASCII characters');
const secretSchema = z.string().regex(/^[\x20-\x7e]{8,128}$/, 'Must be 8 to 128 ASCII characters');

/** What PATCH leads to; creation adds the credentials. */
export const cmpProfileSettings = z.strictObject({ ...newProfileShape, javaBaseUrl: javaBaseUrl.optional(), isDefault: isDefault.default(false) });

export const newCmpProfileSchema = cmpProfileSettings
  .extend({
    credentials: z
      .strictObject({ reference: referenceSchema.optional(), secret: secretSchema.optional() })
      .prefault({})
      .describe('The shared secret of the devices and its reference; what is left out is generated and shown once'),
  })
  .meta({ id: 'NewCmpProfile', description: 'A CMP profile to create' });

export const cmpProfilePatchSchema = z
  .strictObject({ ...profilePatchShape, javaBaseUrl: javaBaseUrl.nullable().optional(), isDefault: isDefault.nullable().optional() })
  .meta({ id: 'CmpProfilePatch', description: 'Merge patch (RFC 7396) of a CMP profile' });

const credentialsSchema = z
  .object({
    reference: z.string(),
    secret: z.string().optional().describe('Only in the answer that generated it'),
    set: z.literal(true),
    updatedAt: timeSchema,
  })
  .meta({ id: 'CmpCredentials', description: 'The shared secret in use; it is never read back' });

export const cmpProfileSchema = z
  .object({
    ...profileShape,
    javaBaseUrl: z.string().nullable(),
    cmpUrl: z.string().describe('Where devices send their messages'),
    isDefault: z.boolean(),
    credentials: credentialsSchema.nullable().optional().describe('Not in lists'),
  })
  .meta({ id: 'CmpProfile', description: 'A CMP endpoint' });

export const cmpProfilePage = pageSchema(cmpProfileSchema).meta({ id: 'CmpProfilePage' });

const figures = {
  totalOrders: z.int(),
  successRate: successRateSchema,
  failedOrders: z.int(),
  averageProcessingMs: averageSchema,
  activeAccounts: z.int().describe('Accounts with an order in the window'),
};

export const cmpSummarySchema = z
  .object({
    ...figures,
    activeOrders: z.int().describe('Orders that are not in a final state'),
    previous: previousSchema('CmpFigures', figures),
  })
  .meta({ id: 'CmpSummary', description: 'The cards of the CMP page' });

export const rotateSecretSchema = z
  .strictObject({ graceSeconds: z.int().min(0).max(2_592_000).optional().describe('How long the old secret still works; a day when absent') })
  .nullish()
  .meta({ id: 'RotateSecret', description: 'How to rotate' });

export const rotatedSecretSchema = z
  .object({ reference: z.string(), secret: z.string(), previousValidUntil: timeSchema })
  .meta({ id: 'RotatedSecret', description: 'The new credentials; the secret is shown here only' });

export type CmpCredentials = z.output<typeof credentialsSchema>;

/** The newest active secret, or null when the profile has none. */
export function credentialsView(secrets: readonly SharedSecret[]): CmpCredentials | null {
  const active = secrets.filter((secret) => secret.status === 'active').sort((left, right) => right.createdAt.getTime() - left.createdAt.getTime());
  const newest = active[0];
  return newest === undefined ? null : { reference: newest.reference, set: true, updatedAt: newest.createdAt.toISOString() };
}

export function cmpProfileView(row: RowOf<'cmp'>, deviceUrl: string) {
  const cmpUrl = endpointUrl(row.javaBaseUrl ?? deviceUrl, 'cmp', row.endpointPath);
  return { ...profileView(row), javaBaseUrl: row.javaBaseUrl, cmpUrl, isDefault: row.isDefault };
}

export function patchableCmp(row: RowOf<'cmp'>): Record<string, unknown> {
  return { ...patchable(row), isDefault: row.isDefault, ...(row.javaBaseUrl === null ? {} : { javaBaseUrl: row.javaBaseUrl }) };
}
