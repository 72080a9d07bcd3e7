import type { Session } from './order.js';
import type { Refusal } from './refusal.js';

/** What a device is to be told, in no protocol's words yet. */
export type Outcome = Issued | Pending | Refused;

export interface Issued {
  readonly kind: 'issued';
  readonly orderId: string;
  /** DER. */
  readonly certificate: Buffer;
  /** The policy changed something that was asked for. */
  readonly isModified: boolean;
  /** The same certificate as for an earlier copy of this request. */
  readonly isReplay: boolean;
  /** As recorded with the first copy of the request. */
  readonly session: Session;
}

export interface Pending {
  readonly kind: 'pending';
  readonly orderId: string;
  readonly checkAfterSeconds: number;
  readonly waitsFor?: 'approval' | 'issuance';
  readonly session: Session;
}

export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  /** Present when the request was authenticated and so became an order. */
  readonly orderId?: string;
}
