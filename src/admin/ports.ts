import type { AuditChain } from '../audit/chain.js';
import type { AuditLog } from '../audit/event.js';
import type { OrderDecisions } from '../enrolment/approve.js';
import type { ApprovalStore } from '../enrolment/four-eyes.js';
import type { OrderEventReader } from '../enrolment/order-events.js';
import type { CertificateStore, OrderReader } from '../enrolment/ports.js';
import type { GivenUpRevocations } from '../enrolment/revocation-ports.js';
import type { StuckOrders } from '../enrolment/stuck.js';
import type { UnknownCertificateDesk } from '../enrolment/unknown-certificates.js';
import type { MailDesk, RuleStore } from '../notification/ports.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ChallengeStore } from '../tenancy/challenge.js';
import type { ConnectorLogReader } from '../tenancy/connector-call.js';
import type { ConnectorHealthStore } from '../tenancy/connector-health.js';
import type { Switch } from '../tenancy/dangerous-switches.js';
import type { DeviceSecretStore } from '../tenancy/device-secret.js';
import type { EndpointDirectory } from '../tenancy/directory.js';
import type { AccessStore, ConnectorStore, CredentialStore, ProfileStore, TenantStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import type { VendorDeviceStore } from '../tenancy/vendor-device.js';
import type { AuditReader, SinkDesk } from './ports/audit.js';
import type { DashboardReader } from './ports/dashboard.js';
import type { EngineCaDesk, EngineClientDesk } from './ports/engine.js';
import type { IdempotencyStore } from './ports/idempotency.js';
import type { IdentityParts } from './ports/identity.js';
import type { AccountReader, CertificateReader, RefusalReader } from './ports/lists.js';
import type { OpenRequestReader } from './ports/open-requests.js';
import type { MetricsSource, Readiness } from './ports/probes.js';
import type { ConnectorTester, EnrolmentTester, RuleTester } from './ports/testing.js';

export * from './ports/audit.js';
export * from './ports/dashboard.js';
export * from './ports/engine.js';
export * from './ports/idempotency.js';
export * from './ports/identity.js';
export * from './ports/lists.js';
export * from './ports/open-requests.js';
export * from './ports/probes.js';
export * from './ports/testing.js';

/** What the admin API needs from the rest of the house. Changes write their own audit events, in the store. */
export interface AdminDeps {
  readonly tenants: TenantStore;
  readonly connectors: ConnectorStore;
  readonly profiles: ProfileStore;
  readonly credentials: CredentialStore;
  readonly challenges: Pick<ChallengeStore, 'mint'>;
  /** Where absent, the routes of vendors' devices are not served. */
  readonly vendorDevices?: VendorDeviceStore;
  /** Where absent, the routes of devices' own secrets are not served. */
  readonly deviceSecrets?: DeviceSecretStore;
  /** Where absent, one approval is enough for every order. */
  readonly approvals?: ApprovalStore;
  /** Where absent, stuck orders stay so. */
  readonly stuckOrders?: StuckOrders;
  /** Where absent, revocations that were given up stay so. */
  readonly givenUpRevocations?: GivenUpRevocations;
  /** Where absent, the routes of unknown certificates are not served. */
  readonly unknownCertificates?: UnknownCertificateDesk;
  readonly access: Pick<AccessStore, 'findToken'>;
  /** Where absent, only tokens let in, and neither users nor tokens are administered. */
  readonly identity?: IdentityParts;
  readonly orderReader: OrderReader;
  /** Where absent, nobody follows orders live. */
  readonly orderEvents?: OrderEventReader;
  /** Where absent, the dashboard is not served. */
  readonly dashboard?: DashboardReader;
  readonly orders: OrderDecisions;
  /** Where absent, requests of open orders are not shown. */
  readonly openRequests?: OpenRequestReader;
  readonly certificates: Pick<CertificateStore, 'find'> & CertificateReader;
  readonly refusals: RefusalReader;
  readonly accounts: AccountReader;
  /** Dangerous settings of this node's environment that are in force. */
  readonly installationSwitches?: readonly Switch[];
  /** Appended to by what changes nothing: refused permissions. */
  readonly audit: AuditLog & AuditReader;
  /** Where absent, events have no proofs, and the trail cannot be exported. */
  readonly auditChain?: AuditChain;
  /** Where absent, the routes of audit sinks are not served. */
  readonly auditSinks?: SinkDesk;
  /** Issuing CA first; none where the connector issues nothing. Where absent, evidence has no chains. */
  chainOf?(connectorId: string): Promise<readonly Buffer[]>;
  /** Key of `challengeMac`, 32 bytes. */
  readonly challengeMacKey: Buffer;
  /** How administrators reach us, without a slash at the end. */
  readonly adminUrl: string;
  /** How devices reach us, without a slash at the end; the base URL of profiles that have none of their own. */
  readonly deviceUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after every change of tenants, connectors, profiles and credentials; must not throw. */
  notifyConfigChanged(): void;
  readiness(): Promise<Readiness>;
  /** What devices are served at this moment; where absent, no published certificates are shown. */
  readonly endpoints?: Pick<EndpointDirectory, 'scep'>;
  /** The embedded engine's CAs; where absent, they are not served. */
  readonly engineCas?: EngineCaDesk;
  /** Who may use the embedded engine over HTTP; where absent, they are not served. */
  readonly engineClients?: EngineClientDesk;
  /** Makes successors of a profile's RA keys ahead of time. */
  prepareRaKeys?(profile: Profile, actor: string): Promise<'ready' | 'waiting' | 'refused'>;
  /** Where absent, the routes that test a connector are not served. */
  readonly connectorTester?: ConnectorTester;
  /** Where absent, profiles cannot be tried out. */
  readonly enrolmentTester?: EnrolmentTester;
  /** Where one of them is absent, connectors show neither logs nor monitoring. */
  readonly connectorLog?: Pick<ConnectorLogReader, 'list' | 'figures'>;
  readonly connectorHealth?: Pick<ConnectorHealthStore, 'find' | 'states' | 'history'>;
  /** Where absent, the routes of notification rules are not served. */
  readonly notificationRules?: RuleStore;
  /** Where absent, the routes of mails are not served. */
  readonly mails?: MailDesk;
  /** Where absent, rules cannot send test mails. */
  readonly ruleTester?: RuleTester;
  /** Where absent, kept in the memory of this process. */
  readonly idempotency?: IdempotencyStore;
  /** Where absent, `defaultLimits`. */
  readonly limits?: AdminLimits;
  /** Where absent, the figures of this process alone. */
  readonly metrics?: MetricsSource;
}

/** The same with every default filled in, as the routes see it. */
export type AdminParts = AdminDeps & Required<Pick<AdminDeps, 'idempotency' | 'limits'>>;

export interface AdminLimits {
  /** Largest request body. */
  readonly bodyBytes: number;
  /** How long an answer is kept for its Idempotency-Key. */
  readonly idempotencyMs: number;
  /** How long a rotated secret still works when the caller does not say. */
  readonly secretGraceSeconds: number;
}

export const defaultLimits: AdminLimits = { bodyBytes: 1024 * 1024, idempotencyMs: 86_400_000, secretGraceSeconds: 86_400 };
