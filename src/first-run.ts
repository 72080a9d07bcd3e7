import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.js';
import type { Engine } from './crypto-engine/index.js';
import { beginFirstRun, type FirstRunPlan } from './first-run-plan.js';
import { certificateFingerprint, fingerprintText, nameToText, parseCertificate, toPem } from './pkix/index.js';
import { uuidv7 } from './runtime/ids.js';
import { fail, ok, type Result } from './runtime/result.js';
import { Secret } from './runtime/secret.js';
import { directoryFault, type StartFault } from './start-fault.js';
import { challengeMacKeyOf } from './store/challenge-mac-key.js';
import type { Store } from './store/store.js';
import { cryptoEngineConfigSchema } from './tenancy/connector.js';
import { systemContext, type TenantContext, tenantContext } from './tenancy/context.js';
import { challengeMac } from './tenancy/credentials.js';
import { hashPassword } from './tenancy/password.js';
import { policySchema } from './tenancy/policy.js';
import type { Protocol } from './tenancy/profile.js';
import { hashToken } from './tenancy/token.js';

/** What a first start made and shows once; `first-run.json` holds exactly this. */
export interface FirstRun {
  readonly admin: { readonly url: string; readonly username: string; readonly password: string; readonly token: string };
  readonly ca: { readonly subject: string; readonly sha256: string; readonly file: string };
  /** Only in dev mode. */
  readonly scep?: { readonly url: string; readonly challenge: string };
  readonly cmp?: {
    readonly url: string;
    readonly server: string;
    readonly path: string;
    readonly reference: string;
    readonly secret: string;
    readonly recipient: string;
  };
}

const context = systemContext('first-run');

/**
 * Makes what a new installation needs: tenant `default`, the embedded connector, an administrator; in dev mode the demo profiles
 * too. Returns undefined when it was done before, or when another node was quicker. The plan is recorded first and every step
 * is taken at most once, so a start that was cut off is finished by the next one, with the secrets it had chosen.
 */
export async function firstRun(config: Config, store: Store, engine: Engine, masterKey: Buffer): Promise<Result<FirstRun | undefined, StartFault>> {
  const begun = await beginFirstRun(store.settings, masterKey);
  if (begun === undefined) return ok(undefined);
  const { plan } = begun;
  const tenant = await ensureTenant(store, plan);
  await ensureConnector(store, tenant, plan);
  const demo = config.mode === 'dev' ? await ensureDemoProfiles(config, store, engine, tenant, plan, await challengeMacKeyOf(store.settings, masterKey)) : {};
  const admin = await ensureAdministrator(config, store, plan);
  const written = await writeFiles(config, engine, (ca) => ({ admin, ca, ...demo }));
  if (!written.ok) return written;
  return ok((await begun.finish(`${config.mode} ${uuidv7()}`)) ? written.value : undefined);
}

/** Creates what is not there yet. Of two nodes that do so at once one fails, and finds what the other made. */
async function ensure(what: string, isThere: () => Promise<boolean>, create: () => Promise<unknown>): Promise<void> {
  if (await isThere()) return;
  const failure = await create().then(
    (result) => result,
    (error: unknown) => error,
  );
  if (!(await isThere())) throw new Error(`${what} could not be made.`, { cause: failure });
}

async function ensureTenant(store: Store, { tenantId }: FirstRunPlan): Promise<TenantContext> {
  await ensure(
    'The tenant "default"',
    async () => (await store.tenants.find(context, tenantId)) !== undefined,
    () => store.tenants.create(context, { id: tenantId, name: 'default', slug: 'default', status: 'active' }),
  );
  return tenantContext(tenantId, context.actor);
}

async function ensureConnector(store: Store, tenant: TenantContext, { connectorId }: FirstRunPlan): Promise<void> {
  const connector = {
    id: connectorId,
    type: 'crypto-engine',
    name: 'Embedded engine',
    description: 'The Crypto Engine inside Gatehouse',
    status: 'active',
    config: cryptoEngineConfigSchema.parse({ url: 'embedded:' }),
    secrets: {},
  } as const;
  await ensure(
    'The connector "Embedded engine"',
    async () => (await store.connectors.find(tenant, connectorId)) !== undefined,
    () => store.connectors.create(tenant, connector),
  );
}

async function ensureAdministrator(config: Config, store: Store, plan: FirstRunPlan): Promise<FirstRun['admin']> {
  const { userId, password, tokenId, token } = plan;
  const names = { username: 'admin', displayName: 'Administrator', email: null } as const;
  const user = { id: userId, ...names, tenantIds: null, roles: ['superadmin'], status: 'active', identity: null, mustChangePassword: false } as const;
  await ensure(
    'The administrator',
    async () => (await store.users.findByName(user.username)) !== undefined,
    async () => store.users.create(context, { ...user, passwordHash: await hashPassword(password) }),
  );
  const hash = hashToken(token);
  await ensure(
    'The token of the administrator',
    async () => (await store.access.findToken(hash)) !== undefined,
    () => store.access.addToken(context, { id: tokenId, tenantId: null, name: 'first run', role: 'superadmin', expiresAt: null }, hash),
  );
  return { url: config.adminUrl, username: user.username, password, token };
}

/** The demo profiles are permissive and publish the CA certificates in caPubs, so that a client starting from nothing can verify. */
async function ensureDemoProfiles(
  config: Config,
  store: Store,
  engine: Engine,
  tenant: TenantContext,
  plan: FirstRunPlan,
  challengeMacKey: Buffer,
): Promise<Pick<FirstRun, 'scep' | 'cmp'>> {
  const { connectorId, scepProfileId, challenge, cmpProfileId, secretId, reference, secret } = plan;
  const policy = policySchema.parse({ cmp: { caPubs: true } });
  const description = 'Made at the first start; permissive, for trying things out';
  const common = { name: 'demo', connectorId, endpointPath: 'demo', legacyPaths: [], status: 'active', policy, overrides: {}, description } as const;
  const mac = challengeMac(challengeMacKey, scepProfileId, challenge);
  const scep = { ...common, id: scepProfileId, protocol: 'scep', publicBaseUrl: null, challengeMode: 'static', challengeMac: mac } as const;
  const cmp = { ...common, id: cmpProfileId, protocol: 'cmp', javaBaseUrl: null, isDefault: true } as const;
  const isThere = async (protocol: Protocol, id: string) => (await store.profiles.find(tenant, protocol, id)) !== undefined;
  await ensure(
    'The SCEP profile "demo"',
    () => isThere('scep', scep.id),
    () => store.profiles.createScep(tenant, scep),
  );
  await ensure(
    'The CMP profile "demo"',
    () => isThere('cmp', cmp.id),
    () => store.profiles.createCmp(tenant, cmp),
  );
  const value = { id: secretId, profileId: cmp.id, reference, secret: new Secret(Buffer.from(secret)), status: 'active', expiresAt: null } as const;
  await ensure(
    'The secret of the CMP profile "demo"',
    async () => (await store.credentials.findSharedSecret(tenant, cmp.id, reference)) !== undefined,
    () => store.credentials.addSharedSecret(tenant, value),
  );
  const { host } = new URL(config.deviceUrl);
  return {
    scep: { url: `${config.deviceUrl}/scep/demo`, challenge },
    cmp: { url: `${config.deviceUrl}/cmp/demo`, server: host, path: 'cmp/demo', reference, secret, recipient: slashed(await subjectOfIssuing(engine)) },
  };
}

async function subjectOfIssuing(engine: Engine): Promise<Buffer> {
  const [issuing] = await engine.chain();
  if (issuing === undefined) throw new Error('The embedded engine has no CA.');
  return issuing;
}

/** The subject as `openssl cmp -recipient` takes it. */
function slashed(certificate: Buffer): string {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  return nameToText(parsed.value.subject)
    .split(/(?<!\\),/)
    .reverse()
    .map((attribute) => `/${attribute}`)
    .join('');
}

/** `ca.pem` for clients that need a trust anchor, and `first-run.json`, which holds all that is returned. */
async function writeFiles(config: Config, engine: Engine, madeWith: (ca: FirstRun['ca']) => FirstRun): Promise<Result<FirstRun, StartFault>> {
  const { dataDir } = config;
  const chain = await engine.chain();
  const made = madeWith(describeRoot(chain, join(dataDir, 'ca.pem')));
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(made.ca.file, chain.map((certificate) => toPem('CERTIFICATE', certificate)).join(''));
    await writePrivately(join(dataDir, 'first-run.json'), `${JSON.stringify(made, null, 2)}\n`);
    return ok(made);
  } catch (error) {
    return fail(directoryFault(dataDir, error));
  }
}

function describeRoot(chain: readonly Buffer[], file: string): FirstRun['ca'] {
  const root = chain[chain.length - 1];
  const parsed = root === undefined ? undefined : parseCertificate(root);
  if (root === undefined || !parsed?.ok) throw new Error('The embedded engine has no root.');
  return { subject: nameToText(parsed.value.subject), sha256: fingerprintText(certificateFingerprint(root)), file };
}

async function writePrivately(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  await chmod(file, 0o600);
}
