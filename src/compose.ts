import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { registerAdmin } from './admin/index.js';
import type { Config, Listener } from './config.js';
import { createCryptoEngineIssuer } from './connectors/crypto-engine/index.js';
import { createIssuers, type IssuerFactory } from './connectors/issuers.js';
import { createEngine, type Engine } from './crypto-engine/index.js';
import { registerCmp } from './endpoints/cmp/route.js';
import { registerPki } from './endpoints/pki.js';
import { registerScep } from './endpoints/scep/route.js';
import { createEnrolment, type EnrolmentDeps, enrolmentDeps } from './enrolment/service.js';
import { devMasterKey, type FirstRun, firstRun } from './first-run.js';
import { systemClock } from './runtime/clock.js';
import { uuidv7 } from './runtime/ids.js';
import type { Log } from './runtime/log.js';
import { fail, ok, type Result } from './runtime/result.js';
import { deriveKey } from './runtime/seal.js';
import { openStore, type Store } from './store/open.js';
import { cryptoEngineConfigSchema } from './tenancy/connector.js';
import { systemContext } from './tenancy/context.js';
import { createDirectory } from './tenancy/directory-cache.js';
import type { Profile } from './tenancy/profile.js';
import { hashToken } from './tenancy/token.js';
import { issueOrdersJob } from './workers/issue-orders.js';
import { lookUpOrdersJob } from './workers/look-up-orders.js';
import { type Job, startJobs } from './workers/loop.js';
import { ensureRaKeys, raKeyJob } from './workers/ra-keys.js';
import { revokeCertificatesJob } from './workers/revoke-certificates.js';
import { forgetTransactionsJob, tendOrdersJob } from './workers/tend-orders.js';

/** Why the server did not start: what to tell the operator, and the exit code. */
export interface StartFault {
  readonly message: string;
  readonly exitCode: number;
}

export interface Gatehouse {
  readonly config: Config;
  readonly store: Store;
  readonly deps: EnrolmentDeps;
  /** Only on the very first start. */
  readonly made: FirstRun | undefined;
  /** Opens the listeners of this node's roles. */
  listen(): Promise<Result<true, StartFault>>;
  /** Stops listening, finishes what is under way, closes the database. */
  close(): Promise<void>;
}

/** What tests may replace; a server is started without. */
export interface Replacements {
  readonly makeIssuer?: IssuerFactory;
  readonly wrapStore?: (store: Store) => Store;
}

/** Puts a node together: the one place where concrete parts meet. */
export async function compose(config: Config, log: Log, replacements: Replacements = {}): Promise<Result<Gatehouse, StartFault>> {
  const key = await masterKeyOf(config);
  if (!key.ok) return key;
  const opened = await openStore({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: `${config.dataDir}/db`,
    masterKey: key.value,
    nodeId: `${hostname()}-${process.pid}`,
    log,
  });
  if (!opened.ok) return fail({ message: opened.error.message, exitCode: opened.error.kind === 'locked' ? 75 : 1 });
  const store = replacements.wrapStore?.(opened.value) ?? opened.value;
  try {
    return ok(await assemble(config, key.value, store, log, replacements));
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function masterKeyOf(config: Config): Promise<Result<Buffer, StartFault>> {
  if (config.masterKey !== undefined) return ok(config.masterKey.reveal());
  try {
    return ok(await devMasterKey(config.dataDir));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({
      message: `The data directory ${config.dataDir} cannot be used: ${reason}. Set GATEHOUSE_DATA_DIR to a directory this user may write.`,
      exitCode: 73,
    });
  }
}

async function assemble(config: Config, masterKey: Buffer, store: Store, log: Log, replacements: Replacements): Promise<Gatehouse> {
  const challengeMacKey = deriveKey(masterKey, 'challenge');
  const engine = createEngine({ store: store.engine, clock: systemClock, publicBaseUrl: config.deviceUrl, keyType: config.engineKey });
  await engine.ensureCas();
  const made = await firstRun(config, store, engine, challengeMacKey);
  await addBootstrapToken(config, store);

  const makeIssuer: IssuerFactory = (connector, overrides) => {
    const replaced = replacements.makeIssuer?.(connector, overrides);
    if (replaced !== undefined) return replaced;
    if (connector.type !== 'crypto-engine') return undefined;
    const settings = cryptoEngineConfigSchema.parse({ ...connector.config, ...pick(overrides, ['caId', 'profileId']) });
    return createCryptoEngineIssuer(settings, connector.secrets, { engine, log });
  };
  const issuers = createIssuers({ connectors: store.connectors, profiles: store.profiles, make: makeIssuer, log });
  const chainOf = async (profile: Profile) => (await (await issuers.forProfile(profile))?.chain()) ?? [];
  const directory = createDirectory({ profiles: store.profiles, credentials: store.credentials, chainOf, log });
  const deps = enrolmentDeps({ ...store, issuers, challengeMacKey, clock: systemClock, log });
  const enrolment = createEnrolment(deps);
  const raKeys = { profiles: store.profiles, credentials: store.credentials, issuers, clock: systemClock, log };

  for (const profile of await store.profiles.all(systemContext('start'))) await ensureRaKeys(profile, raKeys);
  await directory.refreshNow();

  const refreshJob: Job = {
    name: 'refresh-directory',
    everyMs: 400,
    async run() {
      if (!(await directory.refresh())) return;
      issuers.forget();
      await directory.refreshNow();
    },
  };
  const workerJobs: readonly Job[] = [
    issueOrdersJob(deps),
    lookUpOrdersJob(deps),
    tendOrdersJob(deps),
    forgetTransactionsJob(deps),
    revokeCertificatesJob(deps),
    raKeyJob(raKeys),
  ];
  const jobs = startJobs(config.roles.includes('worker') ? [refreshJob, ...workerJobs] : [refreshJob], log);

  const readiness = { isClosing: false };
  const servers: { readonly app: FastifyInstance; readonly at: Listener; readonly what: string }[] = [];
  if (config.roles.includes('device')) {
    const app = await deviceApp(config, { directory: directory.directory, enrolment, engine, store, log, readiness });
    servers.push({ app, at: config.listen, what: 'GATEHOUSE_LISTEN' });
  }
  if (config.roles.includes('admin')) {
    const app = baseApp(config, config.adminListen);
    await registerAdmin(app, {
      ...store,
      challengeMacKey,
      deviceUrl: config.deviceUrl,
      clock: systemClock,
      log,
      notifyConfigChanged: () => {
        issuers.forget();
        directory.refreshNow().catch((error: unknown) => log.error({ err: error }, 'the directory could not be read anew'));
      },
      readiness: () => readinessOf(store, readiness),
    });
    servers.push({ app, at: config.adminListen, what: 'GATEHOUSE_ADMIN_LISTEN' });
  }

  return {
    config,
    store,
    deps,
    made,
    listen: () => listenAll(servers),
    async close() {
      readiness.isClosing = true;
      await Promise.all(servers.map(({ app }) => app.close()));
      await jobs.stop();
      await store.close();
    },
  };
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<T> {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as unknown as Partial<T>;
}

async function addBootstrapToken(config: Config, store: Store): Promise<void> {
  if (config.adminToken === undefined) return;
  const hash = hashToken(config.adminToken.reveal());
  if ((await store.access.findToken(hash)) !== undefined) return;
  await store.access.addToken(
    systemContext('start'),
    { id: uuidv7(), tenantId: null, name: 'GATEHOUSE_ADMIN_TOKEN', role: 'superadmin', expiresAt: null },
    hash,
  );
}

interface Readiness {
  isClosing: boolean;
}

async function readinessOf(store: Store, readiness: Readiness): Promise<{ ready: boolean; checks: Record<string, 'ok' | 'failed'> }> {
  const database = await Promise.race([
    store.ping().then(
      () => 'ok' as const,
      () => 'failed' as const,
    ),
    sleep(2_000, 'failed' as const, { ref: false }),
  ]);
  return { ready: database === 'ok' && !readiness.isClosing, checks: { database, serving: readiness.isClosing ? 'failed' : 'ok' } };
}

/** Timeouts that slow or silent clients run into (reliability T21); HTTP/1.0 devices send no Host. */
function baseApp(config: Config, at: Listener): FastifyInstance {
  const tls = at.tls && { https: { cert: readFileSync(at.tls.certFile), key: readFileSync(at.tls.keyFile) } };
  return Fastify({
    logger: false,
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    bodyLimit: 1024 * 1024,
    requestTimeout: 20_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: 32 * 1024, headersTimeout: 10_000, connectionsCheckingInterval: 1_000, requireHostHeader: false },
    ...(tls ?? {}),
  } as Parameters<typeof Fastify>[0]) as unknown as FastifyInstance;
}

interface DeviceParts {
  readonly directory: Parameters<typeof registerScep>[1]['directory'];
  readonly enrolment: ReturnType<typeof createEnrolment>;
  readonly engine: Engine;
  readonly store: Store;
  readonly log: Log;
  readonly readiness: Readiness;
}

/** The device listener: no cookie, no JSON parser. */
async function deviceApp(config: Config, parts: DeviceParts): Promise<FastifyInstance> {
  const app = baseApp(config, config.listen);
  const { directory, enrolment, engine, log } = parts;
  const deps = { directory, enrolment, clock: systemClock, log };
  app.get('/healthz', async () => 'ok');
  app.get('/readyz', async (_request, reply) => {
    const state = await readinessOf(parts.store, parts.readiness);
    return reply.code(state.ready ? 200 : 503).send(state.ready ? 'ready' : 'not ready');
  });
  registerPki(app, { engine });
  await app.register(async (scope) => registerScep(scope, deps));
  await app.register(async (scope) => registerCmp(scope, deps));
  return app;
}

async function listenAll(servers: readonly { app: FastifyInstance; at: Listener; what: string }[]): Promise<Result<true, StartFault>> {
  for (const { app, at, what } of servers) {
    try {
      await app.listen({ host: at.host, port: at.port });
    } catch (error) {
      return fail(listenFault(error, at, what));
    }
  }
  return ok(true);
}

function listenFault(error: unknown, at: Listener, what: string): StartFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const place = `${at.host}:${at.port}`;
  if (code === 'EADDRINUSE') return { message: `${place} is taken by another program. Stop it, or choose another address with ${what}.`, exitCode: 1 };
  if (code === 'EACCES') return { message: `This user may not listen on ${place}. Choose a port above 1023 with ${what}.`, exitCode: 1 };
  if (code === 'EADDRNOTAVAIL') return { message: `${place} is no address of this machine. Correct ${what}.`, exitCode: 1 };
  return { message: `Cannot listen on ${place}: ${error instanceof Error ? error.message : String(error)}`, exitCode: 1 };
}
