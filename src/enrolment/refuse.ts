import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { existingOutcome } from './earlier.js';
import type { Grant } from './identify.js';
import { refusedOrder } from './new-order.js';
import { phaseOf } from './order.js';
import type { Outcome } from './outcome.js';
import { refusedOutcome } from './poll.js';
import { type Refusal, type RefusalReason, refusals } from './refusal.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';

function refusalReasonOf({ code }: Refusal): RefusalReason {
  if (code === 'credential-invalid') return 'bad-challenge';
  if (code === 'challenge-unchecked') return 'unavailable';
  return code.startsWith('signer-') ? 'untrusted-signer' : 'not-authorised';
}

/** Whoever has shown no certificate may ask as often as he likes, and must not fill the audit trail with it. */
function isFromNobody({ code }: Refusal): boolean {
  return code !== 'not-authorised' && !code.startsWith('signer-');
}

/** The same answer however often; only the records of it grow sparse, so that guessing cannot fill the audit trail. */
export async function refuseUnauthenticated(profile: Profile, request: EnrolmentRequest, refused: Refusal, deps: EnrolmentDeps): Promise<Outcome> {
  const { clientIp, clientFamily } = request.facts;
  const isThrottled = isFromNobody(refused) && !deps.guesses.note(profile.id, clientIp, refused.code === 'credential-invalid');
  const reason = isThrottled && refused.code === 'credential-invalid' ? 'throttled' : refusalReasonOf(refused);
  deps.refusals.note({ reason, tenantId: profile.tenantId, profileId: profile.id, source: clientIp, clientFamily, detail: refused.detail ?? '' });
  if (isThrottled) return refusedOutcome(refused);
  const { reusedChallenge } = refused;
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId: profile.tenantId,
    actor: 'device',
    action: reusedChallenge === undefined ? 'enrolment.refused' : 'challenge.reused',
    object: reusedChallenge === undefined ? `profile:${profile.id}` : `challenge:${reusedChallenge}`,
    outcome: 'failure',
    details: { reason: refused.code, detail: refused.detail ?? '', source: clientIp, transactionId: request.transactionId },
  });
  return refusedOutcome(refused);
}

/** Authenticated but against the policy: a REJECTED order; the same request again raises its attempts. */
export async function recordRefused(
  profile: Profile,
  request: EnrolmentRequest,
  grant: Grant,
  refused: Refusal,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  const order = refusedOrder(request, profile, grant, deps.clock.now());
  const reason = refused.detail === undefined ? refusals[refused.code] : `${refusals[refused.code]} (${refused.detail})`;
  const recorded = await deps.orders.record(context, order, { state: 'REJECTED', failInfo: refused.code, failReason: reason });
  if (recorded.kind !== 'existing') return refusedOutcome(refused, order.id);
  const { transaction } = recorded;
  if (phaseOf(transaction.order.state) !== 'refused') return existingOutcome(transaction, order, deps);
  await deps.orders.countAttempt(context, transaction.order.id);
  return refusedOutcome(refused, transaction.order.id);
}
