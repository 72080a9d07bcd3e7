import { type OrderState, transitions } from '../../enrolment/order.js';
import type { ClaimResult } from '../../enrolment/ports.js';

/** Where an order in `from` may go by `move`: states that need more than a reason (a claim, a certificate, the CA's reference, its word that a hold is over) are not among them. */
export function isMoveAllowed(from: OrderState, to: OrderState): boolean {
  const needsMore: readonly OrderState[] = ['ISSUING', 'CA_PENDING', 'ISSUED'];
  return transitions[from].includes(to) && !needsMore.includes(to) && from !== 'REVOKED';
}

/** States in which a claimed order may meet its result: EXPIRED ones are still looked up, for a certificate that came too late. */
export const claimableStates = ['ISSUING', 'UNCERTAIN', 'CA_PENDING', 'EXPIRED'] as const satisfies readonly OrderState[];
export type ClaimableState = (typeof claimableStates)[number];

/**
 * The states an order passes when a claimed call ends so; empty when it stays where it is. Every step is one of `transitions`:
 * where those know no direct way, the order goes through the state that says the same (a spent retry, an operator's decision).
 */
export const steps: Readonly<Record<ClaimableState, Readonly<Record<ClaimResult['kind'], readonly OrderState[]>>>> = {
  ISSUING: {
    issued: ['ISSUED'],
    pending: ['CA_PENDING'],
    rejected: ['REJECTED'],
    retry: ['ACCEPTED'],
    uncertain: ['UNCERTAIN'],
    stuck: ['STUCK'],
    failed: ['ACCEPTED', 'FAILED'],
  },
  UNCERTAIN: {
    issued: ['ISSUED'],
    pending: [],
    rejected: ['STUCK', 'REJECTED'],
    retry: ['ACCEPTED'],
    uncertain: [],
    stuck: ['STUCK'],
    failed: ['ACCEPTED', 'FAILED'],
  },
  // A CA that no longer knows a request it had queued: asking again might issue twice, so an operator decides.
  CA_PENDING: {
    issued: ['ISSUED'],
    pending: [],
    rejected: ['REJECTED'],
    retry: ['STUCK'],
    uncertain: [],
    stuck: ['STUCK'],
    failed: ['STUCK', 'FAILED'],
  },
  // The device was told; what the CA issued all the same is revoked.
  EXPIRED: {
    issued: ['REVOKE_WANTED'],
    pending: [],
    rejected: [],
    retry: [],
    uncertain: [],
    stuck: [],
    failed: [],
  },
};

/** Results after which an expired order is looked up again. */
export function isLookedUpAgain(result: ClaimResult): boolean {
  return result.kind === 'pending' || result.kind === 'uncertain';
}
