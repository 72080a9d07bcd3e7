import { z } from 'zod';
import { ipName, nameFromText } from '../../pkix/index.js';
import { sanTypes } from '../../tenancy/policy.js';
import { lineSchema, timeSchema, timeTextSchema } from '../field.js';

const subject = lineSchema(500)
  .min(1)
  .refine((text) => nameFromText(text).ok, 'Must be a name like CN=device-1,O=Example')
  .describe('The subject this challenge is for, as RFC 4514 text; * in a value stands for any text. Absent: any');

/** `kind:value`, the value as certificates show it. */
const san = lineSchema(300)
  .refine(isSan, `Must be one of ${sanTypes.join(', ')}, a colon and the name, like dns:device.example`)
  .transform((text) => (text.startsWith('ip:') ? `ip:${ipName(text.slice(3)).text}` : text));

function isSan(text: string): boolean {
  const [, kind = '', value = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  if (!(sanTypes as readonly string[]).includes(kind) || value.trim() !== value) return false;
  return kind !== 'ip' || isAddress(value);
}

function isAddress(text: string): boolean {
  try {
    return ipName(text).text !== '';
  } catch {
    return false;
  }
}

export const mintChallengeSchema = z
  .strictObject({
    subject: subject.optional(),
    sans: z
      .array(san)
      .max(100)
      .optional()
      .describe('The alternative names this challenge is for, like dns:device.example. Absent: none but the common name of a given subject; any without one'),
    deviceId: lineSchema(200)
      .min(1)
      .optional()
      .describe('The device as its management system knows it; orders are counted to it. In mode hmac required, as the request of the device will name it'),
    expiresAt: timeTextSchema.optional().describe('At most a year ahead; a day when absent'),
    uses: z.int().min(1).max(1_000_000).default(1).describe('How many orders it is good for'),
  })
  .meta({ id: 'MintChallenge', description: 'What a challenge is for' });

export const mintedChallengeSchema = z
  .object({ challenge: z.string(), expiresAt: timeSchema })
  .meta({ id: 'MintedChallenge', description: 'A challenge; it is shown here only' });
