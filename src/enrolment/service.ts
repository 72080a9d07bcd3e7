import type { SharedSecret } from '../tenancy/credentials.js';
import type { Profile, Protocol } from '../tenancy/profile.js';
import type { Outcome } from './outcome.js';
import type { RefusalRecord, StoredTransaction } from './ports.js';
import type { EnrolmentRequest } from './request.js';

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
  /** True when the transactionID is in use on this profile by anyone. */
  isTransactionKnown(profile: Profile, transactionId: string): Promise<boolean>;
  /** The device accepted or refused its certificate (CMP certConf). A refused one is revoked. */
  confirm(profile: Profile, transaction: StoredTransaction, isAccepted: boolean): Promise<Confirmation>;
  /** The answer went out completely; `isConfirmed` when no confirmation will follow (implicit confirmation). */
  noteDelivered(profile: Profile, orderId: string, isConfirmed: boolean): void;
  updateSession(profile: Profile, query: TransactionQuery, session: StoredTransaction['session']): Promise<void>;
  findSharedSecret(profile: Profile, reference: string): Promise<SharedSecret | undefined>;
  /** A request that does not become an order. */
  noteRefusal(refusal: RefusalRecord): void;
}
