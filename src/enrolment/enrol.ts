import { ok, type Result } from '../runtime/result.js';
import type { Verdict } from '../tenancy/challenge-judge.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { admit, isAdmissionNeeded } from './admission.js';
import { putBeforeAdministrator } from './await-approval.js';
import { spentRefusal } from './challenge.js';
import { checkBinding } from './challenge-binding.js';
import { earlierOutcome, existingOutcome, givesWay } from './earlier.js';
import { recordAndForward } from './forward.js';
import { type Grant, identify } from './identify.js';
import { newOrder } from './new-order.js';
import type { Outcome } from './outcome.js';
import { type Checked, checkPolicy } from './policy.js';
import { refusedOutcome } from './poll.js';
import type { NewOrder } from './ports.js';
import { type Refusal, refusal } from './refusal.js';
import { recordRefused, refuseUnauthenticated } from './refuse.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';
import { copyKey, vouch } from './vouch.js';

/**
 * The life of a request: identify -> check -> record -> forward -> settle. Nothing is promised before its row is committed;
 * a request seen before is answered as before.
 */
export async function enrol(profile: Profile, request: EnrolmentRequest, deps: EnrolmentDeps): Promise<Outcome> {
  const context = tenantContext(profile.tenantId, 'device');
  const now = deps.clock.now();
  const caller = await identify(request, profile, context, deps);
  if (!caller.ok) return (await earlierOutcome(profile, request, context, deps)) ?? refuseUnauthenticated(profile, request, caller.error, deps);
  const checked = check(request, caller.value, profile, now);
  if (caller.value.unproven !== undefined) return enrolUnproven(profile, request, caller.value, checked, context, deps);
  if (!checked.ok) return recordRefused(profile, request, caller.value, checked.error, context, deps);
  const order = newOrder(request, profile, caller.value, checked.value, now);
  const admitted = isAdmissionNeeded(caller.value, profile) ? await admit(caller.value, checked.value, order.dedupeKey, profile, context, deps) : undefined;
  if (admitted?.ok === false && admitted.byPolicy) return recordRefused(profile, request, caller.value, admitted.error, context, deps);
  if (admitted?.ok === false) return (await earlierOutcome(profile, request, context, deps)) ?? refuseUnauthenticated(profile, request, admitted.error, deps);
  if (isStrictRenewal(profile, order) && (await deps.orders.hasOpenRenewal(context, order)))
    return recordRefused(profile, request, caller.value, refusal('renewal-unconfirmed'), context, deps);
  return enrolProven(profile, request, caller.value, checked.value, order, context, deps);
}

/** A strict CMP profile has one renewal of a certificate at a time: the next one waits for the confirmation of the one before. */
function isStrictRenewal(profile: Profile, order: NewOrder): boolean {
  return order.renews !== null && profile.protocol === 'cmp' && profile.policy.cmp.conduct === 'strict';
}

async function enrolProven(
  profile: Profile,
  request: EnrolmentRequest,
  grant: Grant,
  checked: Checked,
  order: NewOrder,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  const issuer = await deps.issuers.forProfile(profile);
  const acceptable = issuer?.accepts === undefined ? undefined : await issuer.accepts(checked.request);
  if (acceptable?.ok === false) return recordRefused(profile, request, grant, refusal('ca-refused', acceptable.error), context, deps);
  const outcome = await recordAndForward(profile, order, checked, issuer, context, deps);
  if (outcome === 'account-held') return settleDuplicate(profile, request, grant, order, context, deps);
  if (outcome === 'challenge-spent') return refuseUnauthenticated(profile, request, spentRefusal(order.challengeId ?? ''), deps);
  if (outcome.kind === 'issued') noteUse(grant, context, deps);
  return outcome;
}

/**
 * A challenge that someone outside judges: first everything we can say ourselves, then one question for all copies of the request that
 * come meanwhile, and none for a request that was answered before.
 */
async function enrolUnproven(
  profile: Profile,
  request: EnrolmentRequest,
  grant: Grant,
  checked: Result<Checked, Refusal>,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  if (!checked.ok) return refuseUnauthenticated(profile, request, checked.error, deps);
  const order = newOrder(request, profile, grant, checked.value, deps.clock.now());
  return deps.flights(copyKey(order), async () => {
    const transaction = await deps.orders.findTransaction(context, order.dedupeKey);
    if (transaction !== undefined && !givesWay(transaction, order, deps)) return existingOutcome(transaction, order, deps);
    const verdict = await vouch(profile, request, grant, checked.value, order, deps);
    if (verdict.kind === 'allowed') return enrolProven(profile, request, grant, checked.value, order, context, deps);
    return settleUnproven(profile, request, order, verdict, context, deps);
  });
}

/** Without a verdict nobody is let in: refused, or put before an administrator where the profile says so (row AB-19). */
async function settleUnproven(
  profile: Profile,
  request: EnrolmentRequest,
  order: NewOrder,
  verdict: Exclude<Verdict, { readonly kind: 'allowed' }>,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  if (verdict.kind === 'denied') return refuseUnauthenticated(profile, request, refusal('credential-invalid', verdict.reason), deps);
  if (verdict.kind === 'busy') {
    const { clientIp: source, clientFamily } = request.facts;
    const detail = 'too many challenges are being judged';
    deps.refusals.note({ reason: 'unavailable', tenantId: profile.tenantId, profileId: profile.id, source, clientFamily, detail });
    return refusedOutcome(refusal('unavailable', detail));
  }
  // Who sends many is refused: an administrator could not look at them all.
  const isHeld = isHeldBy(profile) && deps.guesses.note(profile.id, request.facts.clientIp, false);
  if (!isHeld) return refuseUnauthenticated(profile, request, refusal('challenge-unchecked', verdict.reason), deps);
  const { isExclusive: _isExclusive, ...held } = { ...order, credential: `${order.credential} (not judged)` };
  deps.log.warn({ profileId: profile.id, orderId: order.id, reason: verdict.reason }, 'an order waits for approval, since its challenge could not be judged');
  return putBeforeAdministrator(profile, request, held, context, deps);
}

function isHeldBy(profile: Profile): boolean {
  const check = profile.protocol === 'scep' ? profile.challengeCheck : undefined;
  return check?.kind === 'webhook' && check.settings.whenUnavailable === 'hold';
}

function check(request: EnrolmentRequest, grant: Grant, profile: Profile, now: Date): Result<Checked, Refusal> {
  const checked = checkPolicy(request.wanted, grant, profile, now);
  const { challenge, deviceSecret } = grant;
  if (!checked.ok || (challenge === undefined && deviceSecret === undefined)) return checked;
  const bound = challenge === undefined ? ok(true) : checkBinding(checked.value, challenge);
  const own = deviceSecret === undefined ? ok(true) : checkBinding(checked.value, deviceSecret.limits);
  if (!bound.ok) return bound;
  return own.ok ? checked : own;
}

/** A device asks for a first certificate and holds one already (row SCEP-151): refused, or put before an administrator. */
async function settleDuplicate(
  profile: Profile,
  request: EnrolmentRequest,
  grant: Grant,
  order: NewOrder,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  if (profile.policy.duplicates === 'refuse') return recordRefused(profile, request, grant, refusal('account-held'), context, deps);
  const { isExclusive: _isExclusive, ...waiting } = order;
  return putBeforeAdministrator(profile, request, waiting, context, deps);
}

/** A certificate that signs a later request has evidently arrived (RFC 8894 knows no confirmation). */
function noteUse(grant: Grant, context: TenantContext, deps: EnrolmentDeps): void {
  const orderId = grant.issued?.orderId;
  if (orderId !== null && orderId !== undefined) deps.orders.noteDelivered(context, orderId, 'CONFIRMED');
}
