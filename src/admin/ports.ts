import type { AuditEvent, AuditLog } from '../audit/event.js';
import type { OrderDecisions } from '../enrolment/approve.js';
import type { CertificateStore, IssuedCertificate, OrderReader, RefusalRecord } from '../enrolment/ports.js';
import type { RefusalReason } from '../enrolment/refusal.js';
import type { GivenUpRevocations } from '../enrolment/revocation-ports.js';
import type { StuckOrders } from '../enrolment/stuck.js';
import type { MailDesk, RuleStore } from '../notification/ports.js';
import type { NotificationRule } from '../notification/rule.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';
import type { ChallengeStore } from '../tenancy/challenge.js';
import type { Connector, ConnectorType } from '../tenancy/connector.js';
import type { ConnectorLogReader } from '../tenancy/connector-call.js';
import type { ConnectorHealthStore } from '../tenancy/connector-health.js';
import type { Context } from '../tenancy/context.js';
import type { DeviceSecretStore } from '../tenancy/device-secret.js';
import type { EndpointDirectory } from '../tenancy/directory.js';
import type { AccessStore, ConnectorStore, CredentialStore, ListQuery, Page, ProfileStore, TenantStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import type { VendorDeviceStore } from '../tenancy/vendor-device.js';

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
  /** Where absent, stuck orders stay so. */
  readonly stuckOrders?: StuckOrders;
  /** Where absent, revocations that were given up stay so. */
  readonly givenUpRevocations?: GivenUpRevocations;
  readonly access: Pick<AccessStore, 'findToken'>;
  readonly orderReader: OrderReader;
  readonly orders: OrderDecisions;
  readonly certificates: Pick<CertificateStore, 'find'> & CertificateReader;
  readonly refusals: RefusalReader;
  readonly accounts: AccountReader;
  /** Appended to by what changes nothing: refused permissions. */
  readonly audit: AuditLog & AuditReader;
  /** Key of `challengeMac`, 32 bytes. */
  readonly challengeMacKey: Buffer;
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

/** Sends a test mail as a rule would. */
export interface RuleTester {
  /** One step per recipient; resolves also when nothing can be sent. */
  test(rule: NotificationRule, recipients: readonly string[]): Promise<TestReport>;
}

/** Prometheus text, made anew for every scrape. */
export interface MetricsSource {
  text(): Promise<string>;
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

/** Public: names of checks and how they went, nothing else. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, 'ok' | 'failed'>>;
}

export interface EngineCaRow {
  readonly id: string;
  /** DER. */
  readonly certificate: Buffer;
  readonly state: 'next' | 'active' | 'retired';
  readonly activatesAt: Date | null;
  readonly createdAt: Date;
}

/** The embedded engine, as far as its CAs follow one another. Each change writes its audit event. */
export interface EngineCaDesk {
  reload(): Promise<void>;
  cas(): readonly EngineCaRow[];
  prepareNext(activatesAt: Date, actor: string): Promise<Result<EngineCaRow, string>>;
  activateNext(id: string, actor: string): Promise<boolean>;
  cancelNext(id: string, actor: string): Promise<boolean>;
}

/** What a client of the engine's API may do. */
export const engineScopes = ['ca.read', 'ca.issue', 'ca.revoke'] as const;

export interface EngineClientRow {
  readonly id: string;
  readonly clientId: string;
  readonly name: string;
  readonly scopes: readonly (typeof engineScopes)[number][];
  readonly createdAt: Date;
  readonly secretSetAt: Date;
}

interface EngineClientWithSecret {
  readonly client: EngineClientRow;
  readonly clientSecret: string;
}

/** The clients of the engine's API. Each change writes its audit event. */
export interface EngineClientDesk {
  list(): Promise<readonly EngineClientRow[]>;
  /** Undefined when the client id is taken. */
  create(client: Pick<EngineClientRow, 'clientId' | 'name' | 'scopes'>, actor: string): Promise<EngineClientWithSecret | undefined>;
  /** Undefined when there is no such client. */
  rotateSecret(id: string, actor: string): Promise<EngineClientWithSecret | undefined>;
  remove(id: string, actor: string): Promise<boolean>;
}

/** A connector as it would be used, saved or not. */
export interface ConnectorUnderTest {
  readonly tenantId: string;
  readonly type: ConnectorType;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, Secret>>;
  /** Present when it is saved: its log then tells of the test. */
  readonly saved?: Pick<Connector, 'id' | 'tenantId' | 'version'>;
}

export interface TestStep {
  /** `url`, `tcp`, `tls`, `auth`, `ca`, ... */
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly ms: number;
}

export interface TestReport {
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
}

export interface ConnectorTester {
  /** Resolves also when the other side fails; the steps end with the first that failed. `to`: the recipient of a test mail. */
  test(connector: ConnectorUnderTest, to?: string): Promise<TestReport>;
  /** What its settings may be, as the other side tells; never rejects. */
  choices?(connector: ConnectorUnderTest): Promise<readonly ConnectorChoice[]>;
}

export interface ConnectorChoice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

/** An answer kept for its Idempotency-Key. It may hold a secret shown once: a store that writes it down must seal it. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Whose key it is: keys of different callers never meet. */
export interface IdempotencyKey {
  /** The caller's tenant; null when it sees every tenant. */
  readonly tenantId: string | null;
  readonly actor: string;
  /** As the caller sent it. */
  readonly key: string;
}

/** A key that one request holds until it is answered. */
export interface HeldKey {
  /** The answer to give to every repetition. */
  keep(answer: KeptAnswer): Promise<void>;
  /** The request failed: the key may be used again. */
  release(): Promise<void>;
}

/** `mine`: the key is new and now held by this request. `busy`: another request with the same key is still under way. */
export type IdempotencyClaim =
  | { readonly kind: 'mine'; readonly held: HeldKey }
  | { readonly kind: 'kept'; readonly answer: KeptAnswer }
  | { readonly kind: 'other-request' }
  | { readonly kind: 'busy' };

/** Answers by Idempotency-Key. `fingerprint`: a keyed digest of method, path and body, in hexadecimal. */
export interface IdempotencyStore {
  claim(key: IdempotencyKey, fingerprint: string, expiresAt: Date): Promise<IdempotencyClaim>;
}

export interface CertificateListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly profileId?: string;
  readonly status?: IssuedCertificate['status'];
  /** lower-case hexadecimal */
  readonly serial?: string;
}

export interface CertificateReader {
  list(context: Context, query: CertificateListQuery): Promise<Page<IssuedCertificate>>;
}

/** Refused requests that never became an order, folded by reason, profile and source. */
export interface FoldedRefusal extends RefusalRecord {
  readonly id: string;
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

export interface RefusalListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly reason?: RefusalReason;
  readonly profileId?: string;
  readonly source?: string;
}

export interface RefusalReader {
  list(context: Context, query: RefusalListQuery): Promise<Page<FoldedRefusal>>;
}

/** A device identity that a profile has seen. */
export interface Account {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly label: string;
  readonly createdAt: Date;
  readonly lastOrderAt: Date | null;
}

export interface AccountReader {
  list(context: Context, query: ListQuery & { readonly tenantId?: string; readonly profileId?: string }): Promise<Page<Account>>;
}

export interface RecordedAuditEvent extends AuditEvent {
  /** `<boot id>:<node sequence>` */
  readonly id: string;
  readonly nodeId: string;
}

export interface AuditListQuery extends ListQuery {
  readonly tenantId?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly object?: string;
  readonly outcome?: AuditEvent['outcome'];
}

export interface AuditReader {
  list(context: Context, query: AuditListQuery): Promise<Page<RecordedAuditEvent>>;
}
