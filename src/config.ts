import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type ConfigFault, faultsAcross } from './config/faults-across.js';
import { type engineKeys, type modes, type NodeRole, type Settings, settingsSchema } from './config/settings.js';
import type { logLevels } from './runtime/log.js';
import { fail, ok, type Result } from './runtime/result.js';
import { Secret } from './runtime/secret.js';
import type { ClaimMapping } from './tenancy/claim-mapping.js';
import type { Role } from './tenancy/role.js';

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
  /** Serves devices and nothing else, beside nodes that do the rest: it holds no secrets of connectors and prepares no database. */
  readonly isDeviceOnly: boolean;
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

type Environment = Readonly<Record<string, string | undefined>>;

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
  const more = faultsAcross(data).filter(({ variable }) => !faulty.has(variable));
  const all = [...faults, ...issues, ...more];
  return all.length > 0 ? fail(all) : ok(toConfig(data));
}

/** Set by others: the tests' own setting, and what container platforms announce of a service that is called gatehouse. */
const notOurs = /^GATEHOUSE_(REQUIRE_CLIENTS|(.*_)?(PORT(_.*)?|SERVICE_HOST))$/;

/** Variables that look like settings and are none: most often a slip of the pen, and the setting that was meant has its default. */
export function unknownSettings(environment: Environment = process.env): readonly string[] {
  const known = new Set([...Object.keys(settingsSchema.shape), ...secretVariables.map((name) => `${name}_FILE`)]);
  const given = Object.keys(environment).filter((name) => name.startsWith('GATEHOUSE_') && environment[name] !== '');
  return given.filter((name) => !known.has(name) && !notOurs.test(name)).sort();
}

/** The settings, with the default in the place of each that is malformed, so that the checks across settings can be made too. */
function parseEach(values: Environment): { data: Settings; issues: readonly ConfigFault[] } {
  const parsed = settingsSchema.safeParse(values);
  if (parsed.success) return { data: parsed.data, issues: [] };
  const issues = parsed.error.issues.map((issue) => ({ variable: String(issue.path[0]), message: issue.message }));
  const rest = Object.entries(values).filter(([name]) => !issues.some(({ variable }) => variable === name));
  return { data: settingsSchema.parse(Object.fromEntries(rest)), issues };
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

function oidcOf(parsed: Settings): OidcConfig | undefined {
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

function toConfig(parsed: Settings): Config {
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
    isDeviceOnly: databaseUrl !== undefined && parsed.GATEHOUSE_ROLES.every((role) => role === 'device'),
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
