import { isIP } from 'node:net';
import { z } from 'zod';
import type { Secret } from '../runtime/secret.js';
import type { Status } from './profile.js';

export const connectorTypes = ['ejbca', 'crypto-engine', 'smtp'] as const;
export type ConnectorType = (typeof connectorTypes)[number];
export const issuingConnectorTypes = ['ejbca', 'crypto-engine'] as const satisfies readonly ConnectorType[];

export const connectorTiming = {
  timeoutMs: z.int().min(100).max(600_000).default(15_000).describe('One call, in milliseconds'),
  maxProcessingMs: z.int().min(0).max(3_600_000).default(60_000).describe('The longest the other side may still act after a timeout, in milliseconds'),
  concurrency: z.int().min(1).max(256).default(16).describe('Calls under way at once'),
};

/** What is done about certificates that the CA issued for us and this database does not know, as after a restored backup. */
export const unknownCertificatesSchema = z
  .enum(['ignore', 'report', 'revoke'])
  .optional()
  .describe('Certificates the CA issued that are not known here, as after a restored backup: report (default), revoke where they are certainly ours, ignore');

/** Configuration of a `crypto-engine` connector; `clientSecret` travels apart, as a secret. */
export const cryptoEngineConfigSchema = z
  .object({
    url: z.string().min(1).describe('Base URL of the Crypto Engine, or "embedded:" for the one inside Gatehouse'),
    clientId: z.string().max(200).default(''),
    caId: z.string().max(200).optional(),
    profileId: z.string().max(200).optional(),
    trustedCa: z.string().max(100_000).optional().describe("PEM of the CA that the server's TLS certificate must chain to"),
    dialect: z.enum(['crypto-engine-v1', 'vault']).default('crypto-engine-v1'),
    tokenUrl: z.string().max(500).optional().describe('Where access tokens are had; by default /oauth2/token behind the URL'),
    scope: z.string().max(500).optional().describe('Scopes to ask for, separated by spaces; by default those of Crypto Engine API v1'),
    audience: z.string().max(500).optional().describe('For token servers that want to be told whom the token is for'),
    clientAuth: z.enum(['basic', 'post']).optional().describe('How the client shows its secret to the token server: HTTP Basic (default), or in the form'),
    namespace: z.string().max(500).optional().describe('vault: the namespace of the secrets engine'),
    authPath: z.string().max(200).optional().describe('vault: where the AppRole method is mounted; "approle" by default'),
    signVerbatim: z.boolean().optional().describe('vault: take the whole subject from the PKCS#10 (sign-verbatim) and not only the common name (sign)'),
    unknownCertificates: unknownCertificatesSchema,
    searchCertificates: z
      .boolean()
      .optional()
      .describe('vault: after a lost answer, read the certificates of the secrets engine to see whether one was issued; for up to 5,000 of them'),
    ...connectorTiming,
  })
  .strict();
export type CryptoEngineConfig = z.infer<typeof cryptoEngineConfigSchema>;

/** How mails are kept from being read on their way. `starttls-if-offered` protects against listeners only, and never carries a password in clear. */
export const smtpTlsModes = ['implicit', 'starttls', 'starttls-if-offered', 'none'] as const;

const mailAddress =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** An address of RFC 5321 section 4.1.2 without quoted names and comments; names of domains in their ASCII form. */
export function isMailAddress(text: string): boolean {
  return mailAddress.test(text) && !/^\.|\.@|\.\./.test(text);
}

/** `ops@example.org` or `Gatehouse <ops@example.org>`. */
function isSender(text: string): boolean {
  const named = /^([^<>\p{Cc}\p{Cf}]*)<([^<>]+)>$/u.exec(text);
  return isMailAddress(named === null ? text : (named[2] as string).trim());
}

/** Configuration of an `smtp` connector; `password` travels apart, as a secret. */
export const smtpConfigSchema = z
  .object({
    server: z
      .string()
      .trim()
      .min(1)
      .max(253)
      .refine((text) => isIP(text) !== 0 || /^[A-Za-z0-9._-]+$/.test(text), 'Must be a host name or an address, without a port')
      .describe('Host name or address of the mail server'),
    port: z.int().min(1).max(65_535).default(587).describe('587 or 25 with STARTTLS, 465 with implicit TLS'),
    username: z
      .string()
      .max(254)
      .regex(/^\P{Cc}*$/u, 'Must not contain control characters')
      .default('')
      .describe('Empty: mails go without a login'),
    from: z
      .string()
      .trim()
      .max(320)
      .refine(isSender, 'Must be an address: "ops@example.org" or "Gatehouse <ops@example.org>"')
      .optional()
      .describe('Sender of the mails; may be left out where the user name is an address'),
    replyTo: z.string().trim().max(254).refine(isMailAddress, 'Must be a mail address').optional(),
    tls: z.enum(smtpTlsModes).optional().describe('By default "implicit" on port 465 and "starttls" (which then must succeed) on any other'),
    trustedCa: z.string().max(100_000).optional().describe("PEM of the CA that the server's TLS certificate must chain to"),
    ...connectorTiming,
    timeoutMs: z.int().min(100).max(600_000).default(30_000).describe('One mail, from the name to the last answer, in milliseconds'),
  })
  .strict()
  .refine(({ from, username }) => from !== undefined || isMailAddress(username), { path: ['from'], message: 'Required: the user name is no mail address' });
export type SmtpConfig = z.infer<typeof smtpConfigSchema>;

export interface Connector {
  readonly id: string;
  readonly tenantId: string;
  readonly type: ConnectorType;
  readonly name: string;
  readonly description: string;
  readonly status: Status;
  /** Without secrets; its schema is the one of `type`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Secret settings by name, such as `clientSecret`. */
  readonly secrets: Readonly<Record<string, { readonly value: Secret; readonly updatedAt: Date }>>;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly status: Status;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
