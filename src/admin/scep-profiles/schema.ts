import { z } from 'zod';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import { policySchema } from '../../tenancy/policy.js';
import { presetNames, withPreset } from '../../tenancy/presets.js';
import { challengeModes } from '../../tenancy/profile.js';
import { warningsOf } from '../../tenancy/profile-warnings.js';
import { baseUrlSchema, secretState, secretStateSchema } from '../field.js';
import { pageSchema } from '../list.js';
import { averageSchema, newProfileShape, previousSchema, profilePatchShape, profileShape, successRateSchema } from '../profiles/field.js';
import type { RowOf } from '../profiles/find.js';
import { endpointUrl, patchable, profileView } from '../profiles/view.js';
import { shownCertificate, shownCertificateSchema } from '../ra-keys/schema.js';
import { checkFields, checkPatchShape, checkView, checkViewShape, patchableCheck } from './challenge-check.js';

const publicBaseUrl = baseUrlSchema.describe('Public base URL, where a proxy stands in front; else the address devices reach the server by');
/** RFC 2985 section 5.4.1 limits challengePassword to 255 characters; devices type it, so it stays printable. */
const challengePassword = z
  .string()
  .regex(/^[\x20-\x7e]{4,255}$/, 'Must be 4 to 255 ASCII characters')
  .describe('Write-only. Given: every device uses it (mode static). Absent: each device gets its own (mode one-time)');
const challengeMode = z
  .enum(challengeModes)
  .describe(
    'Follows from challengePassword when absent. hmac, webhook and intune have settings of that name. DANGEROUS: none lets anyone ask, and must be said aloud',
  );

/** What PATCH leads to; the challenge itself is never part of the stored document. */
export const newScepProfileSchema = z.strictObject({
  ...newProfileShape,
  publicBaseUrl: publicBaseUrl.optional(),
  challengeMode: challengeMode.optional(),
  challengePassword: challengePassword.optional(),
  hmac: checkFields.hmac.optional(),
  webhook: checkFields.webhook.optional(),
  intune: checkFields.intune.optional(),
});

export const scepProfileCreationSchema = newScepProfileSchema
  .extend({
    preset: z.enum(presetNames).default('generic').describe('The clients it is for: fills what policy.scep leaves open'),
    legacyAlgorithms: z.boolean().default(false).describe('Adds SHA-1 and 3DES to what is accepted, for clients that know nothing else; the audit records it'),
  })
  .meta({ id: 'NewScepProfile', description: 'A SCEP profile to create' });

/** The same, with the defaults of the preset that the body names. */
export function creationSchemaFor(body: unknown): z.ZodType {
  const preset = presetNames.find((name) => name === (body as { preset?: unknown } | null | undefined)?.preset);
  if (preset === undefined) return scepProfileCreationSchema;
  return scepProfileCreationSchema.extend({ policy: z.preprocess((given) => withPreset(given, preset), policySchema) });
}

export const scepProfilePatchSchema = z
  .strictObject({
    ...profilePatchShape,
    publicBaseUrl: publicBaseUrl.nullable().optional(),
    challengeMode: challengeMode.nullable().optional(),
    challengePassword: challengePassword.nullable().optional(),
    ...checkPatchShape,
  })
  .meta({ id: 'ScepProfilePatch', description: 'Merge patch (RFC 7396) of a SCEP profile; a challenge left out is kept, null clears it' });

export const scepProfileSchema = z
  .object({
    ...profileShape,
    publicBaseUrl: z.string().nullable(),
    serverUrl: z.string().describe('Where devices send their messages'),
    challengeMode,
    challengePassword: secretStateSchema,
    published: z
      .object({ ra: z.array(shownCertificateSchema), ca: z.array(shownCertificateSchema) })
      .describe('The certificates that GetCACert shows; empty while the profile is inactive or new'),
    ...checkViewShape,
    warnings: z.array(z.string()).describe('What an operator should know of how open this profile is'),
  })
  .meta({ id: 'ScepProfile', description: 'A SCEP endpoint' });

export const scepProfilePage = pageSchema(scepProfileSchema).meta({ id: 'ScepProfilePage' });

const figures = {
  totalOrders: z.int(),
  successRate: successRateSchema,
  activeFailedOrders: z.int().describe('Failed or rejected, and not acknowledged'),
  averageProcessingMs: averageSchema,
  activeAccounts: z.int().describe('Accounts with an order in the window'),
};

export const scepSummarySchema = z
  .object({ ...figures, previous: previousSchema('ScepFigures', figures) })
  .meta({ id: 'ScepSummary', description: 'The cards of the SCEP page' });

export function scepProfileView(row: RowOf<'scep'>, deviceUrl: string, endpoint: ScepEndpoint | undefined): z.output<typeof scepProfileSchema> {
  return {
    ...profileView(row),
    publicBaseUrl: row.publicBaseUrl,
    serverUrl: endpointUrl(row.publicBaseUrl ?? deviceUrl, 'scep', row.endpointPath),
    challengeMode: row.challengeMode,
    challengePassword: secretState(row.challengeMac === null ? null : row.challengeUpdatedAt),
    published: published(endpoint),
    ...checkView(row.challengeCheck),
    warnings: [...warningsOf(row)],
  };
}

function published(endpoint: ScepEndpoint | undefined) {
  const ra = endpoint?.raKeys.filter((key) => key.state === 'active') ?? [];
  return { ra: ra.map((key) => shownCertificate(key.certificate)), ca: (endpoint?.caChain ?? []).map(shownCertificate) };
}

export function patchableScep(row: RowOf<'scep'>): Record<string, unknown> {
  return { ...patchable(row), ...patchableCheck(row.challengeCheck), ...(row.publicBaseUrl === null ? {} : { publicBaseUrl: row.publicBaseUrl }) };
}
