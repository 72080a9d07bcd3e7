import type { DashboardReader } from '../admin/ports/dashboard.js';
import type { AccountReader, AuditReader, CertificateReader, SinkDesk } from '../admin/ports.js';
import type { AuditChain } from '../audit/chain.js';
import type { AuditLog } from '../audit/event.js';
import type { SinkQueue } from '../audit/sink.js';
import type { AuditTrail } from '../audit/trail.js';
import type { EngineClientStore, EngineStore } from '../crypto-engine/ports.js';
import type { CertifiedKeyStore } from '../enrolment/certified-keys.js';
import type { DelayedAnswerStore } from '../enrolment/delayed-answers.js';
import type { DuplicateReader } from '../enrolment/duplicate-reader.js';
import type { ApprovalStore } from '../enrolment/four-eyes.js';
import type { NoticeQueue } from '../enrolment/notices.js';
import type { OrderEventReader } from '../enrolment/order-events.js';
import type { CertificateStore, OrderReader, RefusalLog, RevocationQueue } from '../enrolment/ports.js';
import type { PassphraseStore } from '../enrolment/revocation-passphrase.js';
import type { GivenUpRevocations } from '../enrolment/revocation-ports.js';
import type { StuckOrders } from '../enrolment/stuck.js';
import type { UnknownCertificateDesk, UnknownCertificateStore } from '../enrolment/unknown-certificates.js';
import type { WorkloadReader } from '../enrolment/workload.js';
import type { ChallengeStore } from '../tenancy/challenge.js';
import type { ConnectorLog, ConnectorLogReader } from '../tenancy/connector-call.js';
import type { ConnectorHealthStore } from '../tenancy/connector-health.js';
import type { DeviceSecretStore } from '../tenancy/device-secret.js';
import type { AccessStore, ConnectorStore, CredentialStore, ProfileStore, SettingStore, TenantStore } from '../tenancy/ports.js';
import type { VendorDeviceStore } from '../tenancy/vendor-device.js';
import type { AccessLists } from './access.js';
import type { CircuitStore } from './circuits.js';
import type { IdempotencyRoom } from './idempotency.js';
import type { NotificationRoom } from './notifications/index.js';
import type { OpenOrders } from './open-orders.js';
import type { OrderDesk } from './orders/index.js';
import type { OrphanReader } from './orphans.js';
import type { RefusalReader } from './refusals.js';
import type { UserRoom } from './user-room.js';
import type { WatchFigures } from './watch-figures.js';

/** The database as the rest of the house sees it: the ports, and the lists that only administrators need. */
export interface Store extends NotificationRoom, UserRoom {
  readonly kind: 'postgres' | 'pglite';
  readonly orders: OrderDesk;
  readonly orderReader: OrderReader;
  readonly orderEvents: OrderEventReader;
  readonly dashboard: DashboardReader;
  countOpenOrders(): Promise<readonly OpenOrders[]>;
  watchFigures(now: Date): Promise<WatchFigures>;
  readonly workload: WorkloadReader;
  readonly duplicates: DuplicateReader;
  readonly certificates: CertificateStore & CertificateReader;
  readonly revocations: RevocationQueue;
  readonly notices: NoticeQueue;
  readonly refusals: RefusalLog & RefusalReader;
  readonly orphans: OrphanReader;
  readonly unknownCertificates: UnknownCertificateStore & UnknownCertificateDesk;
  readonly accounts: AccountReader;
  readonly tenants: TenantStore;
  readonly connectors: ConnectorStore;
  readonly circuits: CircuitStore;
  readonly connectorLog: ConnectorLog & ConnectorLogReader;
  readonly connectorHealth: ConnectorHealthStore;
  readonly profiles: ProfileStore;
  readonly credentials: CredentialStore;
  readonly challenges: ChallengeStore;
  readonly vendorDevices: VendorDeviceStore;
  readonly deviceSecrets: DeviceSecretStore;
  readonly certifiedKeys: CertifiedKeyStore;
  readonly approvals: ApprovalStore;
  readonly stuckOrders: StuckOrders;
  readonly givenUpRevocations: GivenUpRevocations;
  readonly access: AccessStore & AccessLists;
  readonly settings: SettingStore;
  readonly idempotency: IdempotencyRoom;
  readonly delayedAnswers: DelayedAnswerStore;
  readonly revocationPassphrases: PassphraseStore;
  readonly engine: EngineStore;
  readonly engineClients: EngineClientStore;
  readonly audit: AuditLog & AuditReader;
  readonly auditTrail: AuditTrail;
  readonly auditChain: AuditChain;
  readonly auditSinks: SinkDesk;
  readonly sinkQueue: SinkQueue;
  /** Rejects when the database does not answer. */
  ping(): Promise<void>;
  /** The clock that leases and deadlines are measured by. */
  databaseNow(): Promise<Date>;
  /** Writes what is noted but not yet written (deliveries, refusals). */
  flush(): Promise<void>;
  /** Flushes, then closes; a PGlite left open would keep the process alive. */
  close(): Promise<void>;
}
