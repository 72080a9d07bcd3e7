import { createHash } from 'node:crypto';
import type { AuditLog } from '../audit/event.js';
import { certificateFingerprint } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { Result } from '../runtime/result.js';
import type { ChallengeStore } from '../tenancy/challenge.js';
import type { ChallengeJudge } from '../tenancy/challenge-judge.js';
import { tenantContext } from '../tenancy/context.js';
import type { SharedSecret } from '../tenancy/credentials.js';
import type { DeviceSecretStore } from '../tenancy/device-secret.js';
import type { CredentialStore } from '../tenancy/ports.js';
import type { Profile, Protocol } from '../tenancy/profile.js';
import type { VendorDeviceStore } from '../tenancy/vendor-device.js';
import { authorityRights, type Rights } from './authority-credential.js';
import { type Backlog, createBacklog } from './backlog.js';
import { type Calls, createCalls } from './calls.js';
import type { CertifiedKeyStore } from './certified-keys.js';
import { confirm } from './confirm.js';
import { crossCertify } from './cross-certify.js';
import { enrol } from './enrol.js';
import { findSigner } from './find-signer.js';
import { createGate, type Gate } from './gate.js';
import { createGuessThrottle, type GuessThrottle } from './guess-throttle.js';
import { dedupeKeyOf } from './new-order.js';
import type { Outcome } from './outcome.js';
import { findTransaction, poll } from './poll.js';
import type {
  CertificateStore,
  IssuedCertificate,
  Issuers,
  OrderReader,
  OrderStore,
  RefusalLog,
  RefusalRecord,
  RevocationLists,
  RevocationQueue,
  StoredTransaction,
} from './ports.js';
import { recognise } from './recognise.js';
import type { Refusal } from './refusal.js';
import type { EnrolmentRequest, Evidence } from './request.js';
import { pollRevocation, type RevocationOutcome, type RevocationRequest, requestRevocation } from './request-revocation.js';
import { createFlights, type Flights } from './vouch.js';
import { createWaits, type Waits } from './waits.js';

export interface TransactionQuery {
  readonly protocol: Protocol;
  readonly transactionId: string;
  /** As in `EnrolmentRequest.requester`, 32 bytes. */
  readonly requester: Buffer;
}

/** What `confirm` found: `already` within the time a repeated confirmation is answered alike, `closed` after it. */
export type Confirmation = 'confirmed' | 'rejected' | 'already' | 'closed' | 'unexpected';

/** The core as the endpoints see it. Every method resolves; only broken machines throw. */
export interface EnrolmentService {
  /** identify -> check -> record -> forward -> settle. Waits for a slow CA at most a moment, then answers pending. */
  enrol(profile: Profile, request: EnrolmentRequest): Promise<Outcome>;
  /** The outcome of an earlier request; only for the one who made it (`transaction-unknown`, `not-authorised`). */
  poll(profile: Profile, query: TransactionQuery): Promise<Outcome>;
  findTransaction(profile: Profile, query: TransactionQuery): Promise<StoredTransaction | undefined>;
  /** The session of the transaction under this transactionID, whoever began it. */
  findSession(profile: Profile, transactionId: string): Promise<StoredTransaction['session'] | undefined>;
  /** The device accepted or refused its certificate (CMP certConf). A refused one is revoked. */
  confirm(profile: Profile, transaction: StoredTransaction, isAccepted: boolean): Promise<Confirmation>;
  /** The answer went out completely; `isConfirmed` when no confirmation will follow (implicit confirmation). */
  noteDelivered(profile: Profile, orderId: string, isConfirmed: boolean): void;
  /** False, and nothing done, where the fields of `expected` are not what stands there. */
  updateSession(profile: Profile, query: TransactionQuery, session: StoredTransaction['session'], expected?: StoredTransaction['session']): Promise<boolean>;
  /** identify -> judge each certificate -> record -> carry out at the CA; waits for a slow CA at most a moment. */
  revoke(profile: Profile, request: RevocationRequest): Promise<RevocationOutcome>;
  /** Certifies the key of another CA that the policy names. */
  crossCertify(profile: Profile, request: EnrolmentRequest): Promise<Outcome>;
  /** What became of a revocation; its transaction comes from `findTransaction`. */
  pollRevocation(profile: Profile, transaction: StoredTransaction): Promise<RevocationOutcome>;
  /** Whether this caller belongs to the profile: by its secret, by a certificate of it or of a trusted vendor, or as an RA. */
  recognise(profile: Profile, evidence: Evidence): Promise<Result<true, Refusal>>;
  /** What this signer may do as a registration authority of the profile. */
  authorityRights(profile: Profile, signer: Evidence['signer']): Promise<Rights>;
  /** The certificate (DER) that began this transaction: from its session, or one of ours by the CA of this name (DER). */
  findSigner(profile: Profile, transactionId: string, issuer: Buffer | undefined): Promise<Buffer | undefined>;
  findSharedSecret(profile: Profile, reference: string): Promise<SharedSecret | undefined>;
  /** The certificate of this issuer (Name, DER) and serial (lower-case hexadecimal), if this profile issued it. */
  findIssued(profile: Profile, issuer: Buffer, serial: string): Promise<IssuedCertificate | undefined>;
  /** The newest CRL of the profile's issuing CA, or of one before it by its Name (DER); undefined where there is none. */
  currentCrl(profile: Profile, authority?: Buffer): Promise<Buffer | undefined>;
  /** A request that does not become an order. */
  noteRefusal(refusal: RefusalRecord): void;
}

export interface EnrolmentParts {
  readonly orders: OrderStore;
  readonly orderReader: OrderReader;
  readonly certificates: CertificateStore;
  readonly refusals: RefusalLog;
  readonly revocations: RevocationQueue;
  readonly credentials: Pick<CredentialStore, 'findSharedSecret'>;
  /** Where absent, no vendor's device is on any list. */
  readonly vendorDevices?: Pick<VendorDeviceStore, 'find' | 'use'>;
  /** Where absent, no device has a secret of its own. */
  readonly deviceSecrets?: Pick<DeviceSecretStore, 'use'>;
  /** Where absent, every key is as good as never seen. */
  readonly certifiedKeys?: CertifiedKeyStore;
  /** Where absent, no CRL is ever found. */
  readonly revocationLists?: RevocationLists;
  readonly challenges: Pick<ChallengeStore, 'find' | 'admit' | 'forget'>;
  /** Where absent, the challenges that someone outside is to judge are all refused. */
  readonly judge?: ChallengeJudge;
  readonly audit: AuditLog;
  readonly issuers: Issuers;
  readonly challengeMacKey: Buffer;
  readonly clock: Clock;
  /** The time that all nodes agree on, for deadlines that this node's clock says are over; its own counts where absent. */
  readonly databaseNow?: () => Promise<Date>;
  readonly log: Log;
}

/** The parts with what the core makes for itself. */
export interface EnrolmentDeps extends EnrolmentParts {
  readonly gate: Gate;
  readonly calls: Calls;
  readonly waits: Waits;
  readonly backlog: Backlog;
  readonly guesses: GuessThrottle;
  readonly flights: Flights;
  fingerprint(certificate: Buffer): Buffer;
}

export function enrolmentDeps(parts: EnrolmentParts): EnrolmentDeps {
  return {
    ...parts,
    gate: createGate(),
    calls: createCalls(),
    waits: createWaits(),
    backlog: createBacklog(),
    guesses: createGuessThrottle(parts.clock),
    flights: createFlights(),
    fingerprint: certificateFingerprint,
  };
}

export function createEnrolment(deps: EnrolmentDeps): EnrolmentService {
  const contextOf = (profile: Profile) => tenantContext(profile.tenantId, 'device');
  return {
    enrol: (profile, request) => enrol(profile, request, deps),
    poll: (profile, query) => poll(profile, query, deps),
    findTransaction: (profile, query) => findTransaction(profile, query, deps),
    async findSession(profile, transactionId) {
      const known = await deps.orders.findTransactions(contextOf(profile), profile.id, transactionId);
      return known[0]?.session;
    },
    confirm: (profile, transaction, isAccepted) => confirm(profile, transaction, isAccepted, deps),
    noteDelivered: (profile, orderId, isConfirmed) => {
      deps.orders.noteDelivered(contextOf(profile), orderId, isConfirmed ? 'CONFIRMED' : 'DELIVERED');
    },
    updateSession: (profile, query, session, expected) =>
      deps.orders.updateSession(contextOf(profile), dedupeKeyOf(profile.id, query), { requester: query.requester.toString('hex'), ...session }, expected),
    revoke: (profile, request) => requestRevocation(profile, request, deps),
    crossCertify: (profile, request) => crossCertify(profile, request, deps),
    pollRevocation: (profile, transaction) => pollRevocation(profile, transaction, deps),
    recognise: (profile, evidence) => recognise(evidence, profile, contextOf(profile), deps),
    authorityRights: (profile, signer) => authorityRights(signer, profile, contextOf(profile), deps),
    findSigner: (profile, transactionId, issuer) => findSigner(contextOf(profile), profile, transactionId, issuer, deps),
    findSharedSecret: (profile, reference) => deps.credentials.findSharedSecret(contextOf(profile), profile.id, reference),
    async findIssued(profile, issuer, serial) {
      const issuerHash = createHash('sha256').update(issuer).digest();
      const found = await deps.certificates.findBySerial(contextOf(profile), issuerHash, serial);
      return found?.profileId === profile.id ? found : undefined;
    },
    async currentCrl(profile, authority) {
      const issuer = await deps.issuers.forProfile(profile);
      return authority === undefined ? issuer?.crl?.() : issuer?.crlOf?.(authority);
    },
    noteRefusal: (refusal) => {
      const { profileId, source } = refusal;
      const isThrottled = refusal.reason === 'bad-mac' && profileId !== null && !deps.guesses.note(profileId, source);
      deps.refusals.note(isThrottled ? { ...refusal, reason: 'throttled' } : refusal);
    },
  };
}
