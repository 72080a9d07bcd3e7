import type { Protocol } from '../tenancy/profile.js';

/** The life of an order; `transitions` says what may follow what, SQL checks and the API's enum derive from here. */
export const orderStates = [
  'AWAITING_APPROVAL',
  'ACCEPTED',
  'ISSUING',
  'UNCERTAIN',
  'CA_PENDING',
  'STUCK',
  'ISSUED',
  'DELIVERED',
  'CONFIRMED',
  'REVOKE_WANTED',
  'REVOKED',
  'REJECTED',
  'FAILED',
  'EXPIRED',
] as const;
export type OrderState = (typeof orderStates)[number];

export const transitions: Readonly<Record<OrderState, readonly OrderState[]>> = {
  AWAITING_APPROVAL: ['ACCEPTED', 'REJECTED', 'EXPIRED'],
  ACCEPTED: ['ISSUING', 'FAILED', 'EXPIRED'],
  ISSUING: ['ISSUED', 'CA_PENDING', 'ACCEPTED', 'REJECTED', 'UNCERTAIN', 'STUCK'],
  UNCERTAIN: ['ISSUED', 'ACCEPTED', 'STUCK', 'EXPIRED'],
  CA_PENDING: ['ISSUED', 'REJECTED', 'STUCK', 'EXPIRED'],
  STUCK: ['ISSUED', 'ACCEPTED', 'REJECTED', 'FAILED', 'EXPIRED'],
  ISSUED: ['DELIVERED', 'CONFIRMED', 'REVOKE_WANTED'],
  DELIVERED: ['CONFIRMED', 'REVOKE_WANTED'],
  CONFIRMED: ['REVOKE_WANTED'],
  REVOKE_WANTED: ['REVOKED'],
  // A certificate on hold was released.
  REVOKED: ['CONFIRMED'],
  REJECTED: [],
  FAILED: [],
  EXPIRED: ['REVOKE_WANTED'],
};

/** The certificate exists (or existed). */
export const issuedStates = ['ISSUED', 'DELIVERED', 'CONFIRMED', 'REVOKE_WANTED', 'REVOKED'] as const satisfies readonly OrderState[];
/** Final without a certificate. */
export const refusedStates = ['REJECTED', 'FAILED', 'EXPIRED'] as const satisfies readonly OrderState[];
/** An answer is still to come. */
export const openStates = ['AWAITING_APPROVAL', 'ACCEPTED', 'ISSUING', 'UNCERTAIN', 'CA_PENDING', 'STUCK'] as const satisfies readonly OrderState[];

export const orderPhases = ['open', 'issued', 'refused'] as const;
export type OrderPhase = (typeof orderPhases)[number];

export const statesOf = { open: openStates, issued: issuedStates, refused: refusedStates } as const satisfies Record<OrderPhase, readonly OrderState[]>;

export function phaseOf(state: OrderState): OrderPhase {
  if ((issuedStates as readonly OrderState[]).includes(state)) return 'issued';
  return (refusedStates as readonly OrderState[]).includes(state) ? 'refused' : 'open';
}

export const operations = ['enrolment', 'renewal', 'revocation'] as const;
export type Operation = (typeof operations)[number];

/** What the operator sees of how a request came. */
export interface OrderFacts {
  readonly clientIp: string;
  /** `openssl-cmp`, `strongswan`, `certmonger`, ... or `unknown`. */
  readonly clientFamily: string;
  readonly keyType: string;
  readonly digest: string;
  /** SCEP's content cipher; empty for CMP. */
  readonly cipher: string;
}

/** What the protocol must remember of a transaction between messages; opaque to the core, stored as JSON. */
export type Session = Readonly<Record<string, string | number | boolean | null>>;

/** An order as recorded. Secrets never stand in it. */
export interface Order {
  readonly id: string;
  readonly tenantId: string;
  readonly profileId: string;
  readonly connectorId: string;
  readonly protocol: Protocol;
  readonly accountId: string;
  readonly transactionId: string;
  readonly operation: Operation;
  readonly state: OrderState;
  /** RFC 4514 text. */
  readonly subject: string;
  readonly failInfo: string | null;
  readonly failReason: string | null;
  /** How often the device asked for it. */
  readonly attempts: number;
  readonly facts: OrderFacts;
  /** What authorised it: `challenge:static`, `secret:<reference>`, `certificate:<serial>`. */
  readonly credential: string;
  readonly certificateId: string | null;
  readonly createdAt: Date;
  /** First entry into an outcome (issued or refused). */
  readonly finishedAt: Date | null;
  readonly acknowledgedAt: Date | null;
}
