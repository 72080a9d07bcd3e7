import { z } from 'zod';
import type { Secret } from '../runtime/secret.js';
import type { Status } from './profile.js';

export const connectorTypes = ['ejbca', 'crypto-engine', 'smtp'] as const;
export type ConnectorType = (typeof connectorTypes)[number];
export const issuingConnectorTypes = ['ejbca', 'crypto-engine'] as const satisfies readonly ConnectorType[];

const timing = {
  timeoutMs: z.int().min(100).max(600_000).default(15_000).describe('One call, in milliseconds'),
  maxProcessingMs: z.int().min(0).max(3_600_000).default(60_000).describe('The longest the other side may still act after a timeout, in milliseconds'),
  concurrency: z.int().min(1).max(256).default(16).describe('Calls under way at once'),
};

/** Configuration of a `crypto-engine` connector; `clientSecret` travels apart, as a secret. */
export const cryptoEngineConfigSchema = z
  .object({
    url: z.string().min(1).describe('Base URL of the Crypto Engine, or "embedded:" for the one inside Gatehouse'),
    clientId: z.string().max(200).default(''),
    caId: z.string().max(200).optional(),
    profileId: z.string().max(200).optional(),
    trustedCa: z.string().max(100_000).optional().describe("PEM of the CA that the server's TLS certificate must chain to"),
    dialect: z.enum(['crypto-engine-v1', 'vault']).default('crypto-engine-v1'),
    ...timing,
  })
  .strict();
export type CryptoEngineConfig = z.infer<typeof cryptoEngineConfigSchema>;

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
