import { z } from 'zod';
import { shortNames } from '../pkix/index.js';
import type { Secret } from '../runtime/secret.js';

/** Challenge modes whose challenges are held against more than a stored one: derived from a secret, or judged by someone outside. */
export const checkKinds = ['hmac', 'webhook', 'intune'] as const;
export type CheckKind = (typeof checkKinds)[number];

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Challenges and secrets travel there: https, or a service on this machine. */
export function isServiceUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
  return isSafe && username === '' && password === '' && hash === '' && !text.includes('#');
}

const serviceUrl = z.string().trim().max(500).refine(isServiceUrl, 'Must be an https URL without credentials and fragment (http only on this machine)');
const baseUrl = serviceUrl.refine((text) => !text.includes('?'), 'Must be a URL without query');
const trustedCa = z.string().max(100_000).optional().describe("PEM of the CA that the server's TLS certificate must chain to; the system's list when absent");
const concurrency = z.int().min(1).max(256).default(16).describe('Calls under way at once, in each process');
const timeout = (milliseconds: number) =>
  z.int().min(100).max(30_000).default(milliseconds).describe('The longest a device waits for the answer, in milliseconds');

export const identitySources = [...Object.values(shortNames), 'dns', 'email'] as const;

export const hmacSettingsSchema = z.strictObject({
  identity: z
    .string()
    .refine((source) => identitySources.includes(source), `Must be one of ${identitySources.join(', ')}`)
    .default('CN')
    .describe('What of the request names the device: an attribute of its subject, its dns or its email name'),
  otherNames: z.enum(['refuse', 'policy']).default('refuse').describe('Alternative names that do not repeat the identity: refused, or as the policy allows'),
  uses: z.int().min(1).max(1_000_000).default(1).describe('How many orders one challenge is good for'),
  maxHours: z.int().min(1).max(8784).default(168).describe('The farthest ahead the expiry in a challenge may lie, in hours'),
});
export type HmacSettings = z.infer<typeof hmacSettingsSchema>;

export const webhookSettingsSchema = z.strictObject({
  url: serviceUrl.describe('Where requests are put; the answer is {"allow": true} or {"allow": false, "reason": "..."}'),
  whenUnavailable: z
    .enum(['refuse', 'hold'])
    .default('refuse')
    .describe('A request that could not be judged is refused (FAILURE), or waits for an administrator (PENDING); it is never let in'),
  timeoutMs: timeout(5_000),
  concurrency,
  trustedCa,
});
export type WebhookSettings = z.infer<typeof webhookSettingsSchema>;

const identifier = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, 'Must be letters, digits, dots, underscores and hyphens');

export const intuneSettingsSchema = z.strictObject({
  tenant: identifier.describe('Id or domain of the Microsoft Entra tenant'),
  clientId: identifier.describe('Application (client) id of the app registration'),
  loginUrl: baseUrl.default('https://login.microsoftonline.com').describe('Where access tokens come from'),
  graphUrl: baseUrl.default('https://graph.microsoft.com').describe('Where the address of the validation service is looked up'),
  resource: serviceUrl.default('https://api.manage.microsoft.com/').describe('The resource that access tokens are for'),
  serviceUrl: baseUrl.optional().describe('Address of the validation service; looked up when absent'),
  timeoutMs: timeout(10_000),
  concurrency,
  trustedCa,
});
export type IntuneSettings = z.infer<typeof intuneSettingsSchema>;

interface Checked<K extends CheckKind, S> {
  readonly kind: K;
  readonly settings: S;
  /** hmac: derives the challenges. webhook: signs the calls. intune: the client secret. */
  readonly secret: Secret;
  readonly secretUpdatedAt: Date;
}

export type HmacCheck = Checked<'hmac', HmacSettings>;
export type WebhookCheck = Checked<'webhook', WebhookSettings>;
export type IntuneCheck = Checked<'intune', IntuneSettings>;

/** How the challenges of a profile are held, in the modes of `checkKinds`. */
export type ChallengeCheck = HmacCheck | WebhookCheck | IntuneCheck;

export const settingsSchemas = { hmac: hmacSettingsSchema, webhook: webhookSettingsSchema, intune: intuneSettingsSchema } as const satisfies Record<
  CheckKind,
  z.ZodType
>;
