import { isIP } from 'node:net';
import { z } from 'zod';
import { logLevels } from '../runtime/log.js';
import { isRoleMapping, parseMapping } from '../tenancy/claim-mapping.js';
import { roles as userRoles } from '../tenancy/role.js';

export const modes = ['dev', 'production'] as const;
export const roles = ['device', 'admin', 'worker'] as const;
export type NodeRole = (typeof roles)[number];
/** Kinds of CA keys of the embedded engine; those of ML-DSA are an experiment. */
export const engineKeys = ['P-256', 'RSA-2048', 'RSA-3072', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const;

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080')
  .transform((text) => ({ host: text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, ''), port: Number(text.slice(text.lastIndexOf(':') + 1)) }))
  .refine(({ port }) => port <= 65_535, 'has a port above 65535');
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).transform((text) => text.replace(/\/+$/, ''));
const list = z.string().transform((text) => text.split(/[\s,]+/).filter((item) => item !== ''));
const proxyNames = ['loopback', 'linklocal', 'uniquelocal'];
const isProxy = (item: string) => proxyNames.includes(item) || (isIP(item.split('/')[0] ?? '') !== 0 && isNetwork(item));
const masterKey = z
  .string()
  .transform((text) => Buffer.from(text.trim(), 'base64'))
  .refine((key) => key.length === 32, 'must be 32 bytes in base64 (openssl rand -base64 32)');

/** True for what is no address at all, such as a host name; false for an address with a prefix that it cannot have. */
function isNetwork(item: string): boolean {
  const [address = '', prefix, ...more] = item.split('/');
  const family = isIP(address);
  if (family === 0 || prefix === undefined) return true;
  return more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

/** Every setting by the variable it stands in: its form, and its default. */
export const settingsSchema = z.object({
  GATEHOUSE_MODE: z.enum(modes, 'must be dev or production').default('dev'),
  GATEHOUSE_DATA_DIR: z.string().min(1).default('./data'),
  GATEHOUSE_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a postgresql:// URL')
    .optional(),
  GATEHOUSE_MASTER_KEY: masterKey.optional(),
  GATEHOUSE_OTHER_MASTER_KEY: masterKey.optional(),
  GATEHOUSE_DEVICE_URL: url.optional(),
  GATEHOUSE_ADMIN_URL: url.optional(),
  GATEHOUSE_LISTEN: address.prefault('127.0.0.1:8080'),
  GATEHOUSE_ADMIN_LISTEN: address.prefault('127.0.0.1:8081'),
  GATEHOUSE_TLS_CERT_FILE: z.string().optional(),
  GATEHOUSE_TLS_KEY_FILE: z.string().optional(),
  GATEHOUSE_ADMIN_TLS_CERT_FILE: z.string().optional(),
  GATEHOUSE_ADMIN_TLS_KEY_FILE: z.string().optional(),
  GATEHOUSE_TRUSTED_PROXIES: list
    .refine((items) => items.every(isProxy), `must be a list of addresses, networks such as 10.0.0.0/8, or ${proxyNames.join(', ')}`)
    .prefault(''),
  GATEHOUSE_ROLES: list.prefault(roles.join(',')).pipe(z.array(z.enum(roles, `must be a list of ${roles.join(', ')}`)).min(1)),
  GATEHOUSE_PROCESSES: z.coerce.number('must be a number').int().min(1).max(256).optional(),
  GATEHOUSE_ADMIN_TOKEN: z
    .string()
    .regex(/^gh_\S{29,}$/, 'must start with gh_ and have at least 32 characters')
    .optional(),
  GATEHOUSE_CONNECTOR_ALLOW: list.refine((items) => items.every(isNetwork), 'has a network with a prefix length that its address cannot have').prefault(''),
  GATEHOUSE_LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
  GATEHOUSE_SESSION_IDLE_MINUTES: z.coerce.number('must be a number of minutes').int('must be whole minutes').min(1).max(1440).default(30),
  GATEHOUSE_SESSION_HOURS: z.coerce.number('must be a number of hours').int('must be whole hours').min(1).max(720).default(12),
  GATEHOUSE_REQUIRE_TOTP: list.prefault('').pipe(z.array(z.enum(userRoles, `must be a list of ${userRoles.join(', ')}`))),
  GATEHOUSE_OIDC_ISSUER: z
    .string()
    .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be the URL of an OpenID Connect provider')
    .optional(),
  GATEHOUSE_OIDC_NAME: z.string().max(60).default('single sign-on'),
  GATEHOUSE_OIDC_CLIENT_ID: z.string().optional(),
  GATEHOUSE_OIDC_CLIENT_SECRET: z.string().optional(),
  GATEHOUSE_OIDC_SCOPES: list.prefault('profile email'),
  GATEHOUSE_OIDC_CLAIM: z.string().min(1).default('groups'),
  GATEHOUSE_OIDC_ROLES: z
    .string()
    .default('')
    .transform((text) => parseMapping(text) ?? new Map([['', ['']]]))
    .refine(isRoleMapping, `must be a list such as admins=admin; staff=viewer, with roles of ${userRoles.join(', ')}`),
  GATEHOUSE_OIDC_TENANTS: z
    .string()
    .default('')
    .transform((text) => parseMapping(text) ?? new Map([['', ['']]]))
    .refine((mapping) => ![...mapping.keys()].includes(''), 'must be a list such as staff=default; admins=* with slugs of tenants, or * for every tenant'),
  GATEHOUSE_REFUSAL_DAYS: z.coerce.number('must be a number of days').int('must be whole days').min(1).max(36_500).default(90),
  GATEHOUSE_CONNECTOR_LOG_DAYS: z.coerce.number('must be a number of days').int('must be whole days').min(1).max(36_500).default(90),
  GATEHOUSE_AUDIT_CHECKPOINT_DIR: z.string().min(1).optional(),
  GATEHOUSE_ENGINE_KEY: z.enum(engineKeys, `must be one of ${engineKeys.join(', ')}`).default('P-256'),
});
export type Settings = z.infer<typeof settingsSchema>;
