import { sql } from 'kysely';
import type { Log } from '../runtime/log.js';
import type { Sealer } from '../runtime/seal.js';
import { accessStore } from './access.js';
import { accountReader } from './accounts.js';
import { auditReader, auditRoom, type Boot } from './audit.js';
import { auditChain } from './audit-chain.js';
import { sinkQueue } from './audit-sink-queue.js';
import { sinkDesk } from './audit-sinks.js';
import { auditTrail } from './audit-trail.js';
import { certificateStore } from './certificates.js';
import { certifiedKeyStore } from './certified-keys.js';
import { challengeStore } from './challenges.js';
import { circuitStore } from './circuits.js';
import { type Connection, firstOf } from './connection/connection.js';
import { connectorHealthStore } from './connector-health.js';
import { connectorLogReader, connectorLogRoom } from './connector-logs.js';
import { dashboardReader } from './dashboard.js';
import { delayedAnswerStore } from './delayed-answers.js';
import { deviceSecretStore } from './device-secrets.js';
import { engineStore } from './engine.js';
import { engineClientStore } from './engine-clients.js';
import { givenUpRevocations } from './given-up-revocations.js';
import { idempotencyStore } from './idempotency.js';
import { issuerViewStore } from './issuer-views.js';
import { noticeQueue } from './notices.js';
import { followOrders } from './notifications/events.js';
import { notificationRoom } from './notifications/index.js';
import { createInterest } from './notifications/interest.js';
import { countOpenOrders } from './open-orders.js';
import { approvalStore } from './orders/approvals.js';
import { duplicateReader } from './orders/duplicates.js';
import { orderEvents } from './orders/events.js';
import { orderRoom } from './orders/index.js';
import { openRequestReader } from './orders/open-request.js';
import { orderReader } from './orders/reader.js';
import { orphanReader } from './orphans.js';
import { refusalList, refusalRoom } from './refusals.js';
import { revocationPassphraseStore } from './revocation-passphrases.js';
import { revocationQueue } from './revocations.js';
import { settingStore } from './settings.js';
import type { Store } from './store.js';
import { connectorStore } from './tenancy/connectors.js';
import { credentialStore } from './tenancy/credentials.js';
import { profileStore } from './tenancy/profiles.js';
import { tenantStore } from './tenancy/tenants.js';
import { walled } from './tenant-wall.js';
import { unknownCertificateStore } from './unknown-certificates.js';
import { userRoom } from './user-room.js';
import { vendorDeviceStore } from './vendor-devices.js';
import { watchFigures } from './watch-figures.js';
import { workloadReader } from './workload.js';

/** The store on a database that is open, migrated and ours; with `hasWall`, callers of one tenant meet it behind their wall. */
export function storeRooms(connection: Connection, begun: Boot, sealer: Sealer, log: Log, hasWall = false): Store {
  const interest = createInterest();
  const boot: Boot = { ...begun, follow: followOrders(interest) };
  const orders = orderRoom(connection, boot, sealer, log);
  const refusals = refusalRoom(connection, log);
  const connectorLog = connectorLogRoom(connection, log);
  const audit = auditRoom(connection, boot);
  const notifications = notificationRoom(connection, boot, interest);
  const people = userRoom(connection, boot, sealer);
  const behind = <Room extends object>(build: (connection: Connection) => Room, named: readonly (keyof Room & string)[]): Room =>
    hasWall ? walled(connection, build, named) : build(connection);
  let closing: Promise<void> | undefined;
  return {
    kind: connection.kind,
    orders: orders.store,
    orderReader: behind(orderReader, ['find', 'list', 'summary', 'timeline']),
    openRequests: behind((at) => openRequestReader(at, sealer), ['pkcs10Of']),
    orderEvents: orderEvents(connection),
    dashboard: behind(dashboardReader, ['read']),
    countOpenOrders: () => countOpenOrders(connection),
    watchFigures: (now) => watchFigures(connection, now),
    workload: workloadReader(connection),
    duplicates: duplicateReader(connection),
    certificates: behind(certificateStore, ['find', 'list']),
    revocations: revocationQueue(connection, boot),
    notices: noticeQueue(connection, sealer),
    ...notifications,
    notificationRules: behind((at) => notificationRoom(at, boot, interest).notificationRules, ['find', 'list', 'update', 'remove']),
    mails: behind((at) => notificationRoom(at, boot, interest).mails, ['find', 'list']),
    refusals: { ...refusals.store, ...behind(refusalList, ['list']) },
    orphans: orphanReader(connection),
    unknownCertificates: behind((at) => unknownCertificateStore(at, boot), ['list', 'find']),
    accounts: behind(accountReader, ['list']),
    tenants: behind((at) => tenantStore(at, boot), ['find', 'list']),
    connectors: behind((at) => connectorStore(at, boot, sealer), ['find', 'list', 'summary', 'create', 'update', 'remove']),
    circuits: circuitStore(connection),
    issuerViews: issuerViewStore(connection),
    connectorLog: { ...connectorLog.store, ...behind(connectorLogReader, ['list', 'figures']) },
    connectorHealth: behind(connectorHealthStore, ['find', 'states', 'history']),
    profiles: behind((at) => profileStore(at, boot, sealer), ['find', 'listScep', 'listCmp', 'remove']),
    credentials: behind((at) => credentialStore(at, boot, sealer), ['listSharedSecrets', 'listRaKeys']),
    challenges: challengeStore(connection, boot),
    vendorDevices: behind((at) => vendorDeviceStore(at, boot), ['add', 'list', 'remove']),
    deviceSecrets: behind((at) => deviceSecretStore(at, boot, sealer), ['list', 'remove']),
    certifiedKeys: certifiedKeyStore(connection),
    approvals: approvalStore(connection, boot),
    stuckOrders: orders.stuck,
    givenUpRevocations: givenUpRevocations(connection, boot),
    access: behind((at) => accessStore(at, boot), ['findTokenById', 'listTokens', 'revokeToken']),
    ...people,
    users: behind((at) => userRoom(at, boot, sealer).users, ['find', 'list']),
    settings: settingStore(connection),
    idempotency: idempotencyStore(connection, sealer),
    delayedAnswers: delayedAnswerStore(connection),
    revocationPassphrases: revocationPassphraseStore(connection, sealer),
    engine: engineStore(connection, boot, sealer),
    engineClients: engineClientStore(connection, boot),
    audit: { ...audit.store, ...behind(auditReader, ['list', 'find']) },
    auditTrail: auditTrail(connection),
    auditChain: auditChain(connection, sealer),
    auditSinks: sinkDesk(connection, boot, sealer),
    sinkQueue: sinkQueue(connection, sealer),
    ping: async () => {
      const found = await firstOf(connection, sql<{ readonly isReadOnly: boolean }>`select current_setting('transaction_read_only')::boolean as "isReadOnly"`);
      if (found?.isReadOnly === true) throw new Error('The database takes no writes.');
    },
    databaseNow: async () => ((await firstOf(connection, sql<{ now: Date }>`select clock_timestamp() as now`)) as { now: Date }).now,
    flush: async () => {
      await Promise.all([orders.flush(), refusals.flush(), connectorLog.flush(), audit.idle()]);
    },
    close: () => {
      closing ??= Promise.all([orders.close(), refusals.close(), connectorLog.close(), audit.idle()]).then(() => connection.close());
      return closing;
    },
  };
}
