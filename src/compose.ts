import { hostname } from 'node:os';
import { auditJobs } from './compose-audit.js';
import { shareCircuitsJob } from './compose-circuits.js';
import { comparison } from './compose-comparison.js';
import { countBacklogJob, handedOver } from './compose-device-only.js';
import { createIdentityRoom } from './compose-identity.js';
import { issuerFactory } from './compose-issuers.js';
import { createMailRoom } from './compose-mail.js';
import { chainsOf, monitorConnectors, recorders, watchedMail } from './compose-monitoring.js';
import type { Config } from './config.js';
import { connectorTesters } from './connector-testers.js';
import { createAddressGuard } from './connectors/address-guard.js';
import { createChallengeJudge } from './connectors/challenge/index.js';
import { createCircuits } from './connectors/circuits.js';
import { createRevocationLists } from './connectors/crl/index.js';
import type { CryptoEngineDeps } from './connectors/crypto-engine/index.js';
import { createIssuers, type IssuerFactory } from './connectors/issuers.js';
import { embeddedEngine } from './embedded-engine.js';
import { createRevocationPassphrases } from './enrolment/revocation-passphrase.js';
import { createEnrolment, type EnrolmentDeps, enrolmentDeps } from './enrolment/service.js';
import { enrolmentTester } from './enrolment-tester.js';
import { type FirstRun, firstRun } from './first-run.js';
import { installationFigures } from './installation-figures.js';
import { switchesOfInstallation } from './installation-switches.js';
import { adminServer, deviceServer, listenAll, type Server } from './listeners.js';
import { masterKeyOf, otherKeyOf } from './master-key.js';
import { isClockRight, readinessOf } from './readiness.js';
import { systemClock } from './runtime/clock.js';
import { uuidv7 } from './runtime/ids.js';
import type { Log } from './runtime/log.js';
import { type Figure, figuresHere, metricsText } from './runtime/metrics.js';
import { fail, ok, type Result } from './runtime/result.js';
import { type StartFault, storeExitCodes } from './start-fault.js';
import { challengeMacKeyOf } from './store/challenge-mac-key.js';
import { describeStoreFault } from './store/fault.js';
import { type MasterKeys, standingKeyOf } from './store/master-keys.js';
import { openStore } from './store/open.js';
import type { Store } from './store/store.js';
import { systemContext } from './tenancy/context.js';
import { createDirectory } from './tenancy/directory-cache.js';
import type { Profile } from './tenancy/profile.js';
import { hashToken } from './tenancy/token.js';
import { followCertificates } from './tls-reload.js';
import { compareWithCasJob } from './workers/compare-with-cas.js';
import { endConfirmationsJob } from './workers/end-confirmations.js';
import { forgetDelayedAnswersJob } from './workers/forget-delayed-answers.js';
import { forgetOldJob } from './workers/forget-old.js';
import { issueOrdersJob } from './workers/issue-orders.js';
import { lookUpOrdersJob } from './workers/look-up-orders.js';
import { type Job, startJobs } from './workers/loop.js';
import { notifyJudgesJob } from './workers/notify-judges.js';
import { raKeyJob } from './workers/ra-key-job.js';
import type { RaKeyDeps } from './workers/ra-key-room.js';
import { ensureRaKeys, prepareNextRaKeys } from './workers/ra-keys.js';
import { renewOcspSignersJob } from './workers/renew-ocsp-signers.js';
import { replaceDuplicatesJob } from './workers/replace-duplicates.js';
import { revokeCertificatesJob } from './workers/revoke-certificates.js';
import { rollOverCaJob } from './workers/roll-over-ca.js';
import { showIssuersJob } from './workers/show-issuers.js';
import { forgetTransactionsJob, tendOrdersJob } from './workers/tend-orders.js';
import { watchClock } from './workers/watch-clock.js';
import { whenThereIs } from './workers/when-there-is.js';

/** A node that is put together and not yet listening. */
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
  /** The figures of every process of this node; by default of this one. */
  readonly gatherFigures?: () => Promise<readonly (readonly Figure[])[]>;
}

/** Puts a node together: the one place where concrete parts meet. */
export async function compose(config: Config, log: Log, replacements: Replacements = {}): Promise<Result<Gatehouse, StartFault>> {
  const key = await masterKeyOf(config);
  if (!key.ok) return key;
  const opened = await openStore({
    ...(config.databaseUrl && { databaseUrl: config.databaseUrl.reveal() }),
    dataDir: `${config.dataDir}/db`,
    masterKey: key.value,
    ...otherKeyOf(config),
    nodeId: `${hostname()}-${process.pid}`,
    isDeviceOnly: config.isDeviceOnly,
    log,
  });
  if (!opened.ok) return fail({ message: describeStoreFault(opened.error), exitCode: storeExitCodes[opened.error.kind] });
  const store = replacements.wrapStore?.(opened.value) ?? opened.value;
  try {
    const demo = await demoInProduction(config, store);
    const assembled = demo === undefined ? await assemble(config, { masterKey: key.value, ...otherKeyOf(config) }, store, log, replacements) : fail(demo);
    if (!assembled.ok) await store.close();
    return assembled;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The demo profiles take anything from anyone who read their secret on a screen; they have no place in production. */
async function demoInProduction(config: Config, store: Store): Promise<StartFault | undefined> {
  if (config.mode !== 'production') return undefined;
  const all = await store.profiles.all(systemContext('start'));
  const demo = all.filter((profile) => profile.endpointPath === 'demo' && profile.status === 'active');
  if (demo.length === 0) return undefined;
  const names = demo.map((profile) => `${profile.protocol}/demo`).join(' and ');
  return { message: `This database has the demo profiles (${names}), which production mode refuses. Start in dev mode once and delete them.`, exitCode: 78 };
}

async function assemble(config: Config, keys: MasterKeys, store: Store, log: Log, replacements: Replacements): Promise<Result<Gatehouse, StartFault>> {
  const masterKey = await standingKeyOf(store.settings, keys);
  const challengeMacKey = await challengeMacKeyOf(store.settings, masterKey, masterKey === keys.masterKey ? keys.otherMasterKey : keys.masterKey);
  const embedded = await embeddedEngine(config, store, masterKey, systemClock, log);
  const { engine } = embedded;
  const first = config.isDeviceOnly ? ok(undefined) : await firstRun(config, store, engine, masterKey);
  if (!first.ok) return first;
  const made = first.value;
  if (!config.isDeviceOnly) await addBootstrapToken(config, store);

  const guard = createAddressGuard(config.connectorAllow, config.mode === 'dev');
  const engineDeps: CryptoEngineDeps = { engine, log, guard };
  const make = issuerFactory({ engine: engineDeps, guard }, replacements.makeIssuer);
  const circuits = createCircuits(log);
  const issuers = config.isDeviceOnly
    ? handedOver({ store, make, log })
    : createIssuers({ ...store, make, circuits, log, recorderOf: recorders(store, systemClock) });
  const mail = createMailRoom({ store, guard, ...watchedMail(store, systemClock), consoleUrl: config.adminUrl, clock: systemClock, log });
  const testers = connectorTesters({ engine: engineDeps, guard, chainOf: chainsOf(issuers), mail });
  const monitoring = monitorConnectors({ store, testers, tell: mail.tell, callDays: config.connectorLogDays, clock: systemClock, log });
  const chainOf = async (profile: Profile) => (await (await issuers.forProfile(profile))?.chain()) ?? [];
  const nextChainOf = async (profile: Profile) => (await issuers.forProfile(profile))?.next?.()?.chain ?? [];
  const onChange = async () => {
    issuers.forget();
    await store.notifications.reload();
    await embedded.reload();
  };
  const endpoints = createDirectory({ profiles: store.profiles, credentials: store.credentials, chainOf, nextChainOf, log, onChange });
  const revocationLists = createRevocationLists({ guard, clock: systemClock, log });
  const identity = createIdentityRoom(config, store, systemClock, log);
  const judge = createChallengeJudge({ guard, clock: systemClock, log });
  const deps = enrolmentDeps({ ...store, revocationLists, issuers, judge, challengeMacKey, clock: systemClock, log });
  const raKeys: RaKeyDeps = { profiles: store.profiles, credentials: store.credentials, issuers, clock: systemClock, log };

  if (made !== undefined) await prepareDemo(store, raKeys);
  await endpoints.refreshNow();
  const refresh: Job = { name: 'refresh-directory', everyMs: 400, run: async () => void (await endpoints.refresh()) };
  const onlyWith = whenThereIs(store.workload);
  const state = { isClosing: false };
  const readiness = () => readinessOf(store, systemClock, state.isClosing);
  const clockWatch = watchClock(async () => isClockRight(await readiness()), log);
  const backlog = config.isDeviceOnly ? countBacklogJob(deps.backlog, store) : shareCircuitsJob(circuits, deps.backlog, store);
  const everywhere = [refresh, backlog, clockWatch.job];
  const jobs = startJobs(
    config.roles.includes('worker')
      ? [
          ...everywhere,
          ...workerJobs(deps, raKeys, onlyWith, store.databaseNow),
          replaceDuplicatesJob({ ...store, clock: systemClock }),
          forgetOldJob({ ...store, log }, config.refusalDays),
          forgetDelayedAnswersJob(store.delayedAnswers),
          onlyWith('outbox', notifyJudgesJob({ ...store, judge, clock: systemClock, log })),
          rollOverCaJob({ engine, clock: systemClock, log }),
          renewOcspSignersJob({ engine, log }),
          showIssuersJob({ ...store, issuers, clock: systemClock, log }),
          compareWithCasJob(comparison({ store, issuers, log })),
          ...auditJobs({ store, guard, clock: systemClock, config, log }),
          ...mail.jobs,
          ...monitoring.jobs,
          identity.job,
        ]
      : everywhere,
    log,
  );

  const servers: Server[] = [];
  if (config.roles.includes('device')) {
    const delaying = { store: store.delayedAnswers, patienceMs: 5_000 };
    const { count: waiting } = deps.waits;
    const passphrases = createRevocationPassphrases(store.revocationPassphrases, deps);
    const devices = { directory: endpoints.directory, enrolment: createEnrolment(deps), delaying, passphrases, engine, clock: systemClock };
    const parts = { ...devices, log, readiness, waiting, isAway: clockWatch.isWrong };
    servers.push(deviceServer(config, parts));
  }
  if (config.roles.includes('admin')) {
    const notifyConfigChanged = () => void endpoints.refresh();
    const connectorTester = monitoring.tester;
    const { gatherFigures = async () => [await figuresHere()] } = replacements;
    const metrics = {
      async text() {
        const processes = await gatherFigures();
        return metricsText(processes, await installationFigures({ store, endpoints, clock: systemClock }, processes.length));
      },
    };
    const prepareRaKeys = (profile: Profile, actor: string) => prepareNextRaKeys(profile, actor, raKeys);
    const ours = {
      challengeMacKey,
      deviceUrl: config.deviceUrl,
      adminUrl: config.adminUrl,
      installationSwitches: switchesOfInstallation(config),
      identity: identity.identity,
      clock: systemClock,
      log,
      endpoints: endpoints.directory,
      prepareRaKeys,
      engineCas: engine,
      engineClients: embedded.clients,
      ruleTester: mail.ruleTester,
      chainOf: chainsOf(issuers),
      enrolmentTester: enrolmentTester({ servers, endpoints }),
    };
    const parts = { ...store, ...ours, notifyConfigChanged, readiness, connectorTester, metrics };
    servers.push(await adminServer(config, parts, embedded.serveApi));
  }

  followCertificates(servers, log);
  return ok({
    config,
    store,
    deps,
    made,
    listen: () => listenAll(servers),
    async close() {
      state.isClosing = true;
      await Promise.all(servers.map(({ app }) => app.close()));
      await jobs.stop();
      await deps.calls.idle();
      await store.close();
    },
  });
}

/** The printed commands work as soon as they are printed; every later profile gets its RA key from the job. */
async function prepareDemo(store: Store, raKeys: RaKeyDeps): Promise<void> {
  for (const profile of await store.profiles.all(systemContext('start'))) await ensureRaKeys(profile, raKeys);
}

function workerJobs(deps: EnrolmentDeps, raKeys: RaKeyDeps, onlyWith: ReturnType<typeof whenThereIs>, databaseNow: () => Promise<Date>): readonly Job[] {
  return [
    onlyWith('openOrders', issueOrdersJob(deps)),
    onlyWith('openOrders', lookUpOrdersJob(deps)),
    onlyWith('openOrders', tendOrdersJob(deps)),
    onlyWith('confirmations', endConfirmationsJob(deps, databaseNow)),
    forgetTransactionsJob(deps),
    onlyWith('outbox', revokeCertificatesJob(deps)),
    raKeyJob(raKeys),
  ];
}

async function addBootstrapToken(config: Config, store: Store): Promise<void> {
  if (config.adminToken === undefined) return;
  const hash = hashToken(config.adminToken.reveal());
  if ((await store.access.findToken(hash)) !== undefined) return;
  const token = { id: uuidv7(), tenantId: null, name: 'GATEHOUSE_ADMIN_TOKEN', role: 'superadmin', expiresAt: null } as const;
  await store.access.addToken(systemContext('start'), token, hash);
}
