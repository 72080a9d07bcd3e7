import type { SystemContext, TenantContext } from '../tenancy/context.js';
import type { Session } from './order.js';

/** An answer that takes longer than a device's connection is held. It belongs to no order; any node gives it out once it is there. */
export interface DelayedAnswer {
  /** Who asked, 32 bytes. */
  readonly requester: Buffer;
  readonly session: Session;
  /** Since when the device has been waiting. */
  readonly since: Date;
  /** As the protocol wrote it; null until it is there. */
  readonly answer: Buffer | null;
}

/** Keys are 32 bytes; answers are kept for a day. */
export interface DelayedAnswerStore {
  /** Announces an answer; false when this key has one announced already. */
  announce(context: TenantContext, key: Buffer, requester: Buffer, session: Session): Promise<boolean>;
  complete(context: TenantContext, key: Buffer, answer: Buffer): Promise<void>;
  find(context: TenantContext, key: Buffer): Promise<DelayedAnswer | undefined>;
  /** Fields given replace those that stand there; the others stay. False, and nothing done, where the fields of `expected` are not what stands there. */
  updateSession(context: TenantContext, key: Buffer, session: Session, expected?: Session): Promise<boolean>;
  /** Forgets what is older than a day. Returns how much. */
  forget(context: SystemContext): Promise<number>;
}
