import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { logLevels } from './runtime/log.js';
import { fail, ok, type Result } from './runtime/result.js';
import { Secret } from './runtime/secret.js';
import { type ClaimMapping, isRoleMapping, parseMapping } from './tenancy/claim-mapping.js';
import { type Role, roles as userRoles } from './tenancy/role.js';

export const modes = ['dev', 'production'] as const;
export const roles = ['device', 'admin', 'worker'] as const;
export type NodeRole = (typeof roles)[number];
/** Kinds of CA keys of the embedded engine; those of ML-DSA are an experiment. */
const engineKeys = ['P-256', 'RSA-2048', 'RSA-3072', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const;

export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

export interface Config {
  readonly mode: (typeof modes)[number];
  /** Absolute path. */
  readonly dataDir: string;
  /** Absent: the embedded database in `dataDir`. */
  readonly databaseUrl?: Secret;
  /** Absent in dev mode: `<dataDir>/master.key` is made. 32 bytes. */
  readonly masterKey?: Secret<Buffer>;
  /** While one master key follows another: what it sealed is opened too. */
  readonly otherMasterKey?: Secret<Buffer>;
  readonly deviceUrl: string;
  readonly adminUrl: string;
  readonly listen: Listener;
  readonly adminListen: Listener;
  readonly trustedProxies: readonly string[];
  readonly roles: readonly NodeRole[];
  readonly processes: number;
  readonly adminToken?: Secret;
  readonly connectorAllow: readonly string[];
  readonly logLevel: (typeof logLevels)[number];
  /** A session of the console ends after so many minutes without a request. */
  readonly sessionIdleMinutes: number;
  /** A session of the console ends after so many hours in any case. */
  readonly sessionHours: number;
  /** Roles that must have a second factor. */
  readonly totpRoles: readonly Role[];
  /** Absent: people sign in by password only. */
  readonly oidc?: OidcConfig;
  /** How many days a refusal is kept that does not come again. */
  readonly refusalDays: number;
  /** How many days calls of connectors are kept. */
  readonly connectorLogDays: number;
  /** Where the checkpoints of the audit trail are copied to; absolute path. */
  readonly auditCheckpointDir?: string;
  /** Key type of the embedded engine's CAs, chosen when they are made. */
  readonly engineKey: (typeof engineKeys)[number];
}

/** An OpenID Connect provider that people sign in at. */
export interface OidcConfig {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scopes: readonly string[];
  readonly claim: string;
  readonly roles: ClaimMapping<Role>;
  readonly tenants: ClaimMapping<string>;
}

export interface ConfigFault {
  readonly variable: string;
  readonly message: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

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

const environmentSchema = z.object({
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
type Parsed = z.infer<typeof environmentSchema>;

const secretVariables = [
  'GATEHOUSE_DATABASE_URL',
  'GATEHOUSE_MASTER_KEY',
  'GATEHOUSE_OTHER_MASTER_KEY',
  'GATEHOUSE_ADMIN_TOKEN',
  'GATEHOUSE_OIDC_CLIENT_SECRET',
] as const;

/** The environment as a typed configuration, or every fault in it. `NAME_FILE` gives a secret by file. */
export function parseConfig(environment: Environment = process.env): Result<Config, readonly ConfigFault[]> {
  const { values, faults } = withSecretFiles(environment);
  const { data, issues } = parseEach(values);
  const faulty = new Set([...faults, ...issues].map(({ variable }) => variable.replace(/_FILE$/, '')));
  const more = [...tlsFaults(data), ...otherKeyFaults(data), ...productionFaults(data), ...oidcFaults(data)].filter(({ variable }) => !faulty.has(variable));
  const all = [...faults, ...issues, ...more];
  return all.length > 0 ? fail(all) : ok(toConfig(data));
}

/** Set by others: the tests' own setting, and what container platforms announce of a service that is called gatehouse. */
const notOurs = /^GATEHOUSE_(REQUIRE_CLIENTS|(.*_)?(PORT(_.*)?|SERVICE_HOST))$/;

/** Variables that look like settings and are none: most often a slip of the pen, and the setting that was meant has its default. */
export function unknownSettings(environment: Environment = process.env): readonly string[] {
  const known = new Set([...Object.keys(environmentSchema.shape), ...secretVariables.map((name) => `${name}_FILE`)]);
  const given = Object.keys(environment).filter((name) => name.startsWith('GATEHOUSE_') && environment[name] !== '');
  return given.filter((name) => !known.has(name) && !notOurs.test(name)).sort();
}

/** The settings, with the default in the place of each that is malformed, so that the checks across settings can be made too. */
function parseEach(values: Environment): { data: Parsed; issues: readonly ConfigFault[] } {
  const parsed = environmentSchema.safeParse(values);
  if (parsed.success) return { data: parsed.data, issues: [] };
  const issues = parsed.error.issues.map((issue) => ({ variable: String(issue.path[0]), message: issue.message }));
  const rest = Object.entries(values).filter(([name]) => !issues.some(({ variable }) => variable === name));
  return { data: environmentSchema.parse(Object.fromEntries(rest)), issues };
}

function withSecretFiles(environment: Environment): { values: Record<string, string | undefined>; faults: ConfigFault[] } {
  const values: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(environment)) values[name] = value === '' ? undefined : value;
  const faults: ConfigFault[] = [];
  for (const name of secretVariables) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) faults.push({ variable: name, message: `is set together with ${name}_FILE; set one of them` });
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch {
      faults.push({ variable: `${name}_FILE`, message: `names a file that cannot be read: ${file}` });
    }
  }
  return { values, faults };
}

function tlsFaults(parsed: Parsed): ConfigFault[] {
  const pairs = [
    ['GATEHOUSE_TLS_CERT_FILE', 'GATEHOUSE_TLS_KEY_FILE'],
    ['GATEHOUSE_ADMIN_TLS_CERT_FILE', 'GATEHOUSE_ADMIN_TLS_KEY_FILE'],
  ] as const;
  const faults: ConfigFault[] = [];
  for (const [cert, key] of pairs) {
    if ((parsed[cert] === undefined) !== (parsed[key] === undefined)) faults.push({ variable: cert, message: `and ${key} belong together; set both` });
    const texts = [cert, key].map((name) => {
      const file = parsed[name];
      const text = file === undefined ? undefined : readIfReadable(file);
      if (file !== undefined && text === undefined) faults.push({ variable: name, message: `names a file that cannot be read: ${file}` });
      return text;
    });
    const reason = pairFault(texts[0], texts[1]);
    if (reason !== undefined) faults.push({ variable: cert, message: `and ${key} are no certificate with its key: ${reason}` });
  }
  return faults;
}

function readIfReadable(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Why a TLS listener would not take these two; undefined when it would, or when one of them is missing. */
function pairFault(cert: Buffer | undefined, key: Buffer | undefined): string | undefined {
  if (cert === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function otherKeyFaults({ GATEHOUSE_MASTER_KEY: key, GATEHOUSE_OTHER_MASTER_KEY: other, GATEHOUSE_DATABASE_URL: databaseUrl }: Parsed): ConfigFault[] {
  if (other === undefined) return [];
  const variable = 'GATEHOUSE_OTHER_MASTER_KEY';
  if (key === undefined || databaseUrl === undefined)
    return [{ variable, message: 'needs GATEHOUSE_MASTER_KEY and GATEHOUSE_DATABASE_URL: the embedded database is stopped to change its key' }];
  return key.equals(other) ? [{ variable, message: 'is GATEHOUSE_MASTER_KEY again' }] : [];
}

function productionFaults(parsed: Parsed): ConfigFault[] {
  if (parsed.GATEHOUSE_MODE === 'dev') {
    const isMany = (parsed.GATEHOUSE_PROCESSES ?? 1) > 1 && parsed.GATEHOUSE_DATABASE_URL === undefined;
    return isMany ? [{ variable: 'GATEHOUSE_PROCESSES', message: 'must be 1 with the embedded database; set GATEHOUSE_DATABASE_URL for more' }] : [];
  }
  const faults: ConfigFault[] = [];
  if (parsed.GATEHOUSE_DATABASE_URL === undefined) {
    faults.push({ variable: 'GATEHOUSE_DATABASE_URL', message: 'is required in production: the embedded database does not survive a power cut' });
  }
  if (parsed.GATEHOUSE_MASTER_KEY === undefined) {
    faults.push({ variable: 'GATEHOUSE_MASTER_KEY', message: 'is required in production (openssl rand -base64 32)' });
  }
  if (parsed.GATEHOUSE_ADMIN_URL === undefined || !parsed.GATEHOUSE_ADMIN_URL.startsWith('https:')) {
    faults.push({ variable: 'GATEHOUSE_ADMIN_URL', message: 'is required in production and must be https' });
  }
  if (parsed.GATEHOUSE_DEVICE_URL === undefined) {
    faults.push({ variable: 'GATEHOUSE_DEVICE_URL', message: 'is required in production: the URL under which devices reach this server (http is fine)' });
  }
  return faults;
}

function oidcFaults(parsed: Parsed): ConfigFault[] {
  const issuer = parsed.GATEHOUSE_OIDC_ISSUER;
  if (issuer === undefined) return [];
  const faults: ConfigFault[] = [];
  if (parsed.GATEHOUSE_MODE === 'production' && !issuer.startsWith('https:'))
    faults.push({ variable: 'GATEHOUSE_OIDC_ISSUER', message: 'must be https in production' });
  for (const name of ['GATEHOUSE_OIDC_CLIENT_ID', 'GATEHOUSE_OIDC_CLIENT_SECRET'] as const) {
    if (parsed[name] === undefined) faults.push({ variable: name, message: 'is required with GATEHOUSE_OIDC_ISSUER' });
  }
  for (const name of ['GATEHOUSE_OIDC_ROLES', 'GATEHOUSE_OIDC_TENANTS'] as const) {
    if (parsed[name].size === 0) faults.push({ variable: name, message: 'is required with GATEHOUSE_OIDC_ISSUER: nobody could sign in' });
  }
  return faults;
}

function oidcOf(parsed: Parsed): OidcConfig | undefined {
  const { GATEHOUSE_OIDC_ISSUER: issuer, GATEHOUSE_OIDC_CLIENT_ID: clientId, GATEHOUSE_OIDC_CLIENT_SECRET: secret } = parsed;
  if (issuer === undefined || clientId === undefined || secret === undefined) return undefined;
  return {
    name: parsed.GATEHOUSE_OIDC_NAME,
    issuer,
    clientId,
    clientSecret: new Secret(secret),
    scopes: parsed.GATEHOUSE_OIDC_SCOPES,
    claim: parsed.GATEHOUSE_OIDC_CLAIM,
    roles: parsed.GATEHOUSE_OIDC_ROLES,
    tenants: parsed.GATEHOUSE_OIDC_TENANTS,
  };
}

function toConfig(parsed: Parsed): Config {
  const oidc = oidcOf(parsed);
  const listen = listener(parsed.GATEHOUSE_LISTEN, parsed.GATEHOUSE_TLS_CERT_FILE, parsed.GATEHOUSE_TLS_KEY_FILE);
  const adminListen = listener(parsed.GATEHOUSE_ADMIN_LISTEN, parsed.GATEHOUSE_ADMIN_TLS_CERT_FILE, parsed.GATEHOUSE_ADMIN_TLS_KEY_FILE);
  const {
    GATEHOUSE_DATABASE_URL: databaseUrl,
    GATEHOUSE_MASTER_KEY: key,
    GATEHOUSE_OTHER_MASTER_KEY: otherKey,
    GATEHOUSE_ADMIN_TOKEN: token,
    GATEHOUSE_AUDIT_CHECKPOINT_DIR: checkpointDir,
  } = parsed;
  return {
    mode: parsed.GATEHOUSE_MODE,
    dataDir: resolve(parsed.GATEHOUSE_DATA_DIR),
    ...(databaseUrl !== undefined && { databaseUrl: new Secret(databaseUrl) }),
    ...(key !== undefined && { masterKey: new Secret(key) }),
    ...(otherKey !== undefined && { otherMasterKey: new Secret(otherKey) }),
    deviceUrl: parsed.GATEHOUSE_DEVICE_URL ?? urlOf(listen),
    adminUrl: parsed.GATEHOUSE_ADMIN_URL ?? urlOf(adminListen),
    listen,
    adminListen,
    trustedProxies: parsed.GATEHOUSE_TRUSTED_PROXIES,
    roles: parsed.GATEHOUSE_ROLES,
    processes: parsed.GATEHOUSE_PROCESSES ?? (databaseUrl === undefined ? 1 : availableParallelism()),
    ...(token !== undefined && { adminToken: new Secret(token) }),
    connectorAllow: parsed.GATEHOUSE_CONNECTOR_ALLOW,
    connectorLogDays: parsed.GATEHOUSE_CONNECTOR_LOG_DAYS,
    logLevel: parsed.GATEHOUSE_LOG_LEVEL,
    ...(oidc !== undefined && { oidc }),
    sessionIdleMinutes: parsed.GATEHOUSE_SESSION_IDLE_MINUTES,
    sessionHours: parsed.GATEHOUSE_SESSION_HOURS,
    totpRoles: parsed.GATEHOUSE_REQUIRE_TOTP,
    refusalDays: parsed.GATEHOUSE_REFUSAL_DAYS,
    ...(checkpointDir !== undefined && { auditCheckpointDir: resolve(checkpointDir) }),
    engineKey: parsed.GATEHOUSE_ENGINE_KEY,
  };
}

function listener(at: { host: string; port: number }, certFile?: string, keyFile?: string): Listener {
  return certFile !== undefined && keyFile !== undefined ? { ...at, tls: { certFile, keyFile } } : at;
}

/** The URL of a listener as a client on this machine would write it. */
function urlOf({ host, port, tls }: Listener): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'http' : 'https'}://${name}:${port}`;
}
