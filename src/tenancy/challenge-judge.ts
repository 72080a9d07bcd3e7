import type { ScepProfile } from './profile.js';

/** What someone outside is asked of a request that came with a challenge. */
export interface ChallengeQuestion {
  /** The same for every copy of the request: whoever judges can tell a repetition. */
  readonly requestId: string;
  readonly transactionId: string;
  readonly operation: 'enrolment' | 'renewal';
  readonly challenge: string;
  /** What would be certified, RFC 4514 text. */
  readonly subject: string;
  /** `dns:device.example`, ... */
  readonly sans: readonly string[];
  /** As received, DER. */
  readonly pkcs10: Buffer;
  readonly clientIp: string;
  readonly clientFamily: string;
  /** Many have failed from this address lately: others go before it. */
  readonly isSuspect: boolean;
}

/** `unavailable`: no verdict was to be had, and that is never permission. `busy`: too many questions are under way already; nothing was asked. */
export type Verdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'denied'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'busy' };

/** How an order ended, for whoever vouched for its challenge. */
export type OrderNotice = IssuedNotice | FailedNotice;

interface Notice {
  /** The same however often the notice is sent. */
  readonly noticeId: string;
  readonly transactionId: string;
  /** As received, DER. */
  readonly pkcs10: Buffer;
}

export interface IssuedNotice extends Notice {
  readonly kind: 'issued';
  /** DER. */
  readonly certificate: Buffer;
}

export interface FailedNotice extends Notice {
  readonly kind: 'failed';
  /** Of `refusals`, or the state of the order. */
  readonly code: string;
  readonly text: string;
}

/** `refused`: the other side took note and will not take the notice; sending it again is of no use. */
export type NoticeAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Those who judge challenges outside, by the `challengeCheck` of the profile. Methods never reject. */
export interface ChallengeJudge {
  judge(profile: ScepProfile, question: ChallengeQuestion): Promise<Verdict>;
  /** For modes that want to hear how it ended; at least once for each order. */
  notify(profile: ScepProfile, notice: OrderNotice): Promise<NoticeAnswer>;
}
