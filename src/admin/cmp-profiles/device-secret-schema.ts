import { z } from 'zod';
import type { DeviceSecret } from '../../tenancy/device-secret.js';
import { idSchema, lineSchema, timeSchema, timeTextSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';
import { mintChallengeSchema } from '../scep-profiles/challenge-schema.js';
import { referenceSchema } from './schema.js';

export const deviceSecretParams = z.strictObject({ id: idSchema.describe('Id of the profile'), secretId: idSchema.describe('Id of the secret') });

const { subject, sans, uses } = mintChallengeSchema.shape;

export const mintDeviceSecretSchema = z
  .strictObject({
    reference: referenceSchema.optional().describe('What the device names the secret by (senderKID, `-ref`); generated when absent'),
    subject,
    sans,
    label: lineSchema(200).min(1).optional().describe('What operators call the device'),
    expiresAt: timeTextSchema.optional().describe('At most ten years ahead; a week when absent'),
    uses,
  })
  .prefault({})
  .meta({ id: 'MintDeviceSecret', description: 'A shared secret for one device; by default for one certificate' });

export const mintedDeviceSecretSchema = z
  .object({ id: z.string(), reference: z.string(), secret: z.string(), expiresAt: timeSchema })
  .meta({ id: 'MintedDeviceSecret', description: 'Reference and secret of a device; the secret is shown here only' });

export const deviceSecretSchema = z
  .object({
    id: z.string(),
    reference: z.string(),
    label: z.string().nullable(),
    subject: z.string().nullable(),
    sans: z.array(z.string()).nullable(),
    uses: z.int(),
    used: z.int(),
    expiresAt: timeSchema.nullable(),
    isExpired: z.boolean(),
    createdAt: timeSchema,
  })
  .meta({ id: 'DeviceSecret', description: 'A shared secret of one device, without the secret' });

export const deviceSecretPage = pageSchema(deviceSecretSchema).meta({ id: 'DeviceSecretPage' });
export const deviceSecretListQuery = listQuerySchema(['createdAt'], {});

export function deviceSecretView(secret: DeviceSecret): z.output<typeof deviceSecretSchema> {
  const { id, reference, label, subject, sans, maxUses, used, expiresAt, isExpired, createdAt } = secret;
  const named = { id, reference, label, subject, sans: sans === null ? null : [...sans], uses: maxUses, used };
  return { ...named, expiresAt: expiresAt?.toISOString() ?? null, isExpired, createdAt: createdAt.toISOString() };
}
