import { z } from 'zod';
import { cryptoEngineConfigSchema, smtpConfigSchema } from '../../tenancy/connector.js';
import { ejbcaConfigSchema } from '../../tenancy/ejbca-config.js';
import { descriptionSchema, idSchema, lineSchema, nameSchema, statusSchema } from '../field.js';

/** Fields of every connector, whatever its type. */
const common = {
  name: nameSchema,
  tenantId: idSchema.optional().describe('Only for callers that see every tenant; may be left out while there is one'),
  description: descriptionSchema.default(''),
  status: statusSchema.default('active'),
};

const isEngineUrl = (text: string): boolean => text === 'embedded:' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol));

const cryptoEngineSettings = cryptoEngineConfigSchema
  .extend({
    url: lineSchema(500)
      .refine(isEngineUrl, 'Must be an http or https URL, or "embedded:"')
      .describe('Base URL of the Crypto Engine, or "embedded:" for the one inside Gatehouse'),
    clientSecret: z.string().min(1).max(1000).optional().describe('Write-only'),
  })
  .meta({ id: 'CryptoEngineConfig', description: 'Settings of a Crypto Engine' });

const smtpSettings = smtpConfigSchema
  .safeExtend({ password: z.string().min(1).max(1000).optional().describe('Write-only') })
  .meta({ id: 'SmtpConfig', description: 'Settings of a mail server' });

const isUrlOf = (text: string, pattern: RegExp): boolean => URL.canParse(text) && pattern.test(new URL(text).protocol) && new URL(text).username === '';

const ejbcaSettings = ejbcaConfigSchema
  .extend({
    connectorUrl: lineSchema(500)
      .refine((text) => isUrlOf(text, /^https:$/), 'Must be an https URL: EJBCA knows its clients by their TLS certificates')
      .describe('Where EJBCA asks for client certificates: https://ejbca.example:8443'),
    caUrl: lineSchema(500)
      .refine((text) => text === '' || isUrlOf(text, /^https?:$/), 'Must be an http or https URL')
      .optional()
      .describe("EJBCA's public distribution point for chain and CRL, such as http://ejbca.example:8080"),
    pfx: z.base64().min(1).max(90_000).optional().describe('Write-only: PKCS#12 in base64, at most 64 KiB, with the certificate that EJBCA knows us by'),
    pfxPassword: z.string().max(1000).optional().describe('Write-only; used once to open the PFX and then forgotten'),
  })
  .meta({ id: 'EjbcaConfig', description: 'Settings of an EJBCA' });

/** What can be configured: one row per type, with the settings that are secrets. */
export const connectorKinds = {
  'crypto-engine': {
    body: z.strictObject({ type: z.literal('crypto-engine'), ...common, config: cryptoEngineSettings }),
    probe: z.strictObject({
      type: z.literal('crypto-engine'),
      ...common,
      name: nameSchema.optional(),
      config: cryptoEngineSettings,
      to: lineSchema(254).optional(),
    }),
    secrets: ['clientSecret'],
  },
  ejbca: {
    body: z.strictObject({ type: z.literal('ejbca'), ...common, config: ejbcaSettings }),
    probe: z.strictObject({ type: z.literal('ejbca'), ...common, name: nameSchema.optional(), config: ejbcaSettings, to: lineSchema(254).optional() }),
    secrets: ['pfx', 'pfxPassword'],
  },
  smtp: {
    body: z.strictObject({ type: z.literal('smtp'), ...common, config: smtpSettings }),
    probe: z.strictObject({ type: z.literal('smtp'), ...common, name: nameSchema.optional(), config: smtpSettings, to: lineSchema(254).optional() }),
    secrets: ['password'],
  },
} as const;

export type ConnectorKind = keyof typeof connectorKinds;
export const connectorKindNames = Object.keys(connectorKinds) as ConnectorKind[];

/** For a type that is missing or not offered: says so, beside the faults of the common fields. */
const otherKind = z.strictObject({
  type: z.enum(connectorKindNames, { error: `Must be one of: ${connectorKindNames.join(', ')}` }),
  ...common,
  config: z.looseObject({}),
});
const otherProbe = otherKind.extend({ name: nameSchema.optional(), to: z.string().optional() });

export function kindOf(type: unknown): (typeof connectorKinds)[ConnectorKind] | undefined {
  return connectorKindNames.includes(type as ConnectorKind) ? connectorKinds[type as ConnectorKind] : undefined;
}

const typeOf = (body: unknown): unknown => (body as { type?: unknown } | null | undefined)?.type;

/** The schema for a new connector of the type that the body names. */
export function connectorBodySchema(body: unknown): z.ZodType {
  return kindOf(typeOf(body))?.body ?? otherKind;
}

/** The schema for a test of a connector that is not saved. */
export function connectorProbeSchema(body: unknown): z.ZodType {
  return kindOf(typeOf(body))?.probe ?? otherProbe;
}
