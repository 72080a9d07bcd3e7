import { z } from 'zod';
import { type AuditSink, sinkTypes } from '../../audit/sink.js';
import { idSchema, nameSchema, secretState, secretStateSchema, statusSchema, timeSchema } from '../field.js';
import { listQuerySchema, pageSchema } from '../list.js';

const trustedCa = z
  .string()
  .max(50_000)
  .regex(/-----BEGIN CERTIFICATE-----/, 'Must be certificates in PEM')
  .optional()
  .describe("PEM of the CAs that the server's certificate must chain to; the system's list when absent");

const syslogSettings = z.strictObject({
  host: z
    .string()
    .trim()
    .min(1)
    .max(253)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'Must be a host name or an address'),
  port: z.int().min(1).max(65_535).default(6514),
  trustedCa,
});

const webhookSettings = z.strictObject({
  url: z
    .string()
    .max(1_000)
    .refine(
      (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).username === '',
      'Must be an http or https URL without credentials',
    ),
  trustedCa,
});

const secret = z.string().min(16, 'Must have at least 16 characters').max(200).describe('Signs the requests of a webhook (HMAC-SHA-256); write-only');
const tenantId = idSchema.nullable().describe('Only events of this tenant; null: all events, and the checkpoints');
const startAt = z.enum(['now', 'beginning']).default('now').describe('Whether what happened before is delivered too');

const common = { name: nameSchema, status: statusSchema.default('active'), tenantId: tenantId.default(null), startAt };

export const newSinkSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ ...common, type: z.literal('syslog').describe('RFC 5424 over TLS (RFC 5425)'), settings: syslogSettings }),
    z.strictObject({ ...common, type: z.literal('webhook').describe('Signed POST of newline-delimited JSON'), settings: webhookSettings, secret }),
  ])
  .meta({ id: 'NewAuditSink', description: 'Where audit events are to be copied to' });

const settings = z
  .object({ host: z.string().optional(), port: z.int().optional(), url: z.string().optional(), trustedCa: z.string().optional() })
  .describe('As the type has them');

export const sinkPatchSchema = z
  .strictObject({
    name: nameSchema.optional(),
    status: statusSchema.optional(),
    tenantId: tenantId.optional(),
    settings: z.record(z.string(), z.unknown()).optional().describe('All settings of the type; replaces the present ones'),
    secret: secret.optional(),
  })
  .meta({ id: 'AuditSinkPatch', description: 'Change of an audit sink; what is left out stays' });

export const settingsOf = { syslog: syslogSettings, webhook: webhookSettings } as const;

export const sinkSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.enum(sinkTypes),
    status: statusSchema,
    tenantId: z.string().nullable(),
    settings,
    secret: secretStateSchema,
    position: z.int().describe('The other side has every event up to this number of the chain'),
    lastError: z.string().nullable().describe('Why it did not take the last batch; null once it did'),
    deliveredAt: timeSchema.nullable(),
    version: z.int(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'AuditSink', description: 'Where audit events are copied to, in their order, at least once' });

export const sinkPage = pageSchema(sinkSchema).meta({ id: 'AuditSinkPage' });

export const sinkListQuery = listQuerySchema(['createdAt', 'updatedAt', 'name'], {
  tenantId: idSchema.optional(),
  status: statusSchema.optional(),
  type: z.enum(sinkTypes).optional(),
});

export function sinkView({ settings: given, secretUpdatedAt, deliveredAt, createdAt, updatedAt, ...sink }: AuditSink): z.output<typeof sinkSchema> {
  const times = { deliveredAt: deliveredAt?.toISOString() ?? null, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
  return { ...sink, settings: { ...given }, secret: secretState(secretUpdatedAt), ...times };
}
