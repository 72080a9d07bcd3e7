import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.js';
import type { Engine } from './crypto-engine/index.js';
import { certificateFingerprint, fingerprintText, nameToText, parseCertificate, toPem } from './pkix/index.js';
import { uuidv7 } from './runtime/ids.js';
import { Secret } from './runtime/secret.js';
import type { Store } from './store/store.js';
import { cryptoEngineConfigSchema } from './tenancy/connector.js';
import { systemContext, type TenantContext, tenantContext } from './tenancy/context.js';
import { challengeMac, generateCredential } from './tenancy/credentials.js';
import { hashPassword } from './tenancy/password.js';
import { policySchema } from './tenancy/policy.js';
import { generateToken, hashToken } from './tenancy/token.js';

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

const firstRunSetting = 'first-run';
const context = systemContext('first-run');

/**
 * Makes what a new installation needs: tenant `default`, the embedded connector, an administrator; in dev mode the demo profiles
 * too. Returns undefined when it was done before. Several nodes may start at once: the one that writes the setting does it.
 */
export async function firstRun(config: Config, store: Store, engine: Engine, challengeMacKey: Buffer): Promise<FirstRun | undefined> {
  if ((await store.settings.get(firstRunSetting)) !== undefined) return undefined;
  const mark = `${config.mode} ${uuidv7()}`;
  if ((await store.settings.putOnce(firstRunSetting, mark)) !== mark) return undefined;
  const tenant = await createTenant(store);
  const connectorId = await createConnector(store, tenant);
  const demo = config.mode === 'dev' ? await createDemoProfiles(config, store, engine, tenant, connectorId, challengeMacKey) : {};
  const made: FirstRun = { admin: await createAdministrator(config, store), ca: await writeCa(config, engine), ...demo };
  await writePrivately(join(config.dataDir, 'first-run.json'), `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

async function createTenant(store: Store): Promise<TenantContext> {
  const created = await store.tenants.create(context, { id: uuidv7(), name: 'default', slug: 'default', status: 'active' });
  if (!created.ok) throw new Error('The tenant "default" could not be made.');
  return tenantContext(created.value.id, context.actor);
}

async function createConnector(store: Store, tenant: TenantContext): Promise<string> {
  const created = await store.connectors.create(tenant, {
    id: uuidv7(),
    type: 'crypto-engine',
    name: 'Embedded engine',
    description: 'The Crypto Engine inside Gatehouse',
    status: 'active',
    config: cryptoEngineConfigSchema.parse({ url: 'embedded:' }),
    secrets: {},
  });
  if (!created.ok) throw new Error('The connector "Embedded engine" could not be made.');
  return created.value.id;
}

async function createAdministrator(config: Config, store: Store): Promise<FirstRun['admin']> {
  const password = generateCredential(20);
  const token = generateToken();
  const passwordHash = await hashPassword(password);
  await store.access.addUser(context, { id: uuidv7(), tenantId: null, username: 'admin', role: 'superadmin', status: 'active', passwordHash });
  await store.access.addToken(context, { id: uuidv7(), tenantId: null, name: 'first run', role: 'superadmin', expiresAt: null }, hashToken(token));
  return { url: config.adminUrl, username: 'admin', password, token };
}

/** The demo profiles are permissive and publish the CA certificates in caPubs, so that a client starting from nothing can verify. */
async function createDemoProfiles(
  config: Config,
  store: Store,
  engine: Engine,
  tenant: TenantContext,
  connectorId: string,
  challengeMacKey: Buffer,
): Promise<Pick<FirstRun, 'scep' | 'cmp'>> {
  const policy = policySchema.parse({ cmp: { caPubs: true } });
  const common = { name: 'demo', connectorId, endpointPath: 'demo', legacyPaths: [], status: 'active', policy, overrides: {} } as const;
  const scepId = uuidv7();
  const challenge = generateCredential();
  const mac = challengeMac(challengeMacKey, scepId, challenge);
  const scep = { ...common, id: scepId, protocol: 'scep', publicBaseUrl: null, challengeMode: 'static', challengeMac: mac } as const;
  const cmp = { ...common, id: uuidv7(), protocol: 'cmp', javaBaseUrl: null, isDefault: true } as const;
  const description = 'Made at the first start; permissive, for trying things out';
  const made = [await store.profiles.createScep(tenant, { ...scep, description }), await store.profiles.createCmp(tenant, { ...cmp, description })];
  if (made.some((profile) => !profile.ok)) throw new Error('The demo profiles could not be made.');
  const [reference, secret] = [generateCredential(12), generateCredential()];
  const value = { id: uuidv7(), profileId: cmp.id, reference, secret: new Secret(Buffer.from(secret)), status: 'active', expiresAt: null } as const;
  await store.credentials.addSharedSecret(tenant, value);
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

/** `ca.pem`: issuing CA and root, for clients that need a trust anchor. */
async function writeCa(config: Config, engine: Engine): Promise<FirstRun['ca']> {
  const chain = await engine.chain();
  const root = chain[chain.length - 1];
  const parsed = root === undefined ? undefined : parseCertificate(root);
  if (root === undefined || !parsed?.ok) throw new Error('The embedded engine has no root.');
  const file = join(config.dataDir, 'ca.pem');
  await mkdir(config.dataDir, { recursive: true });
  await writeFile(file, chain.map((certificate) => toPem('CERTIFICATE', certificate)).join(''));
  return { subject: nameToText(parsed.value.subject), sha256: fingerprintText(certificateFingerprint(root)), file };
}

async function writePrivately(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  await chmod(file, 0o600);
}

/** The master key of dev mode: made once, kept beside the data, 32 bytes. */
export async function devMasterKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'master.key');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    const fresh = randomBytes(32);
    await writeFile(file, `${fresh.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
  const key = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64');
  if (key.length !== 32) throw new Error(`${file} does not hold 32 bytes in base64.`);
  return key;
}
