import { ok, type Result } from '../runtime/result.js';
import type { Verdict } from '../tenancy/challenge-judge.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { admit, isAdmissionNeeded } from './admission.js';
import { spentRefusal } from './challenge.js';
import { checkBinding } from './challenge-binding.js';
import { withConfirmationTime } from './confirmation-time.js';
import { type Grant, identify } from './identify.js';
import { recordAndIssue } from './issue-at-once.js';
import { certificateRecord, contentHashOf, dedupeKeyOf, newOrder, refusedOrder } from './new-order.js';
import { phaseOf } from './order.js';
import type { Issued, Outcome } from './outcome.js';
import { type Checked, checkPolicy } from './policy.js';
import { outcomeOf, refusedOutcome } from './poll.js';
import type { Issuer, NewOrder, RecordOutcome, StoredTransaction } from './ports.js';
import { type Refusal, type RefusalReason, refusal, refusals } from './refusal.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';
import { awaitIssuance } from './settle.js';
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

/** Another request was quicker with the same one-time challenge; or the profile wants one certificate for a device, and it has one. */
type Recorded = Outcome | 'challenge-spent' | 'account-held';

type WithoutOrder = Extract<RecordOutcome, { readonly kind: Extract<Recorded, string> }>;

function isWithoutOrder(recorded: RecordOutcome): recorded is WithoutOrder {
  return recorded.kind === 'challenge-spent' || recorded.kind === 'account-held';
}

async function recordAndForward(
  profile: Profile,
  order: NewOrder,
  checked: Checked,
  issuer: Issuer | undefined,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Recorded> {
  const isAutomatic = profile.policy.approval.mode === 'automatic';
  if (isAutomatic && issuer?.local !== undefined && order.isExclusive !== true && order.notice === undefined) {
    return issueLocally(order, checked, issuer, context, deps);
  }
  if (!isAutomatic) return recordWaiting(profile, order, context, deps);
  if (deps.backlog.isFull(order.connectorId) && (await deps.orders.findTransaction(context, order.dedupeKey)) === undefined)
    return refusedOutcome(refusal('unavailable', 'too many orders wait for their CA'));
  if (issuer !== undefined && order.isExclusive !== true && order.notice === undefined) return issueElsewhere(order, checked, issuer, context, deps);
  return forwardRecorded(order, await deps.orders.record(context, order, 'ACCEPTED'), context, deps);
}

/** A CA elsewhere: called from here at once where that can be, else by the worker in its turn. */
async function issueElsewhere(order: NewOrder, checked: Checked, issuer: Issuer, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  const recorded = await recordAndIssue(order, checked.isModified, issuer, context, deps);
  if (recorded.kind === 'answered') return recorded.outcome;
  return recorded.kind === 'recorded' ? pendingOrEarlier(order, recorded, context, deps) : forwardRecorded(order, recorded, context, deps);
}

/** The engine in our own database: the certificate is signed first and becomes real only if its order is recorded. */
async function issueLocally(order: NewOrder, checked: Checked, issuer: Issuer, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  const soon = issuer.local?.sign(checked.request);
  const signed = soon instanceof Promise ? await soon.catch((error: unknown) => noteUnsigned(error, order, deps)) : soon;
  if (signed === undefined || !signed.ok) {
    const recorded = await deps.orders.record(context, order, 'ACCEPTED');
    return forwardRecorded(order, recorded, context, deps);
  }
  const { certificate, caId } = signed.value;
  const complete = withConfirmationTime(order);
  const recorded = await deps.orders.settleIssued(context, complete, certificateRecord(certificate), caId);
  if (recorded.kind !== 'recorded') return forwardRecorded(order, recorded, context, deps);
  return issued(complete, certificate, checked.isModified);
}

/** The worker issues it in its turn. */
function noteUnsigned(error: unknown, order: NewOrder, { log }: EnrolmentDeps): undefined {
  log.warn({ err: error, orderId: order.id }, 'the engine could not sign at once');
}

function issued(order: NewOrder, certificate: Buffer, isModified: boolean): Issued {
  return { kind: 'issued', orderId: order.id, certificate, isModified, isReplay: false, session: order.session };
}

/** A new order goes to its CA; an old one is answered as it stands, or gives way if it is over. */
async function forwardRecorded(order: NewOrder, recorded: RecordOutcome, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (isWithoutOrder(recorded)) return recorded.kind;
  if (recorded.kind === 'recorded') return awaitIssuance(recorded.order.id, order.dedupeKey, context, deps);
  const { transaction } = recorded;
  if (!givesWay(transaction, order, deps)) return existingOutcome(transaction, order, deps);
  const superseding = await deps.orders.supersede(context, order, transaction.order.id);
  if (isWithoutOrder(superseding)) return superseding.kind;
  if (superseding.kind === 'existing') return existingOutcome(superseding.transaction, order, deps);
  return awaitIssuance(superseding.order.id, order.dedupeKey, context, deps);
}

/** An order for the administrator to decide, in the place of one that is over; but who sends again what he rejected has his answer. */
async function recordWaiting(profile: Profile, order: NewOrder, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (await isFull(profile, order, context, deps)) return refusedOutcome(refusal('unavailable', 'too many orders wait for an administrator'));
  const recorded = await deps.orders.record(context, order, 'AWAITING_APPROVAL');
  if (recorded.kind !== 'existing') return pendingOrEarlier(order, recorded, context, deps);
  const { transaction } = recorded;
  const isDecided = transaction.order.failInfo === 'order-rejected' && transaction.contentHash.equals(order.contentHash);
  if (isDecided || !givesWay(transaction, order, deps)) return existingOutcome(transaction, order, deps);
  return pendingOrEarlier(order, await deps.orders.supersede(context, order, transaction.order.id, 'AWAITING_APPROVAL'), context, deps);
}

/** Row AB-17. Nothing is recorded then and no challenge used; what waits already goes on waiting. */
async function isFull(profile: Profile, order: NewOrder, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  const { maxPending } = profile.policy.approval;
  if (maxPending === null) return false;
  const waiting = await deps.orderReader.list(context, { profileId: profile.id, state: 'AWAITING_APPROVAL', limit: 1 });
  return waiting.total >= maxPending && (await deps.orders.findTransaction(context, order.dedupeKey)) === undefined;
}

async function pendingOrEarlier(order: NewOrder, recorded: RecordOutcome, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (isWithoutOrder(recorded)) return recorded.kind;
  if (recorded.kind === 'existing') return existingOutcome(recorded.transaction, order, deps);
  const transaction = await deps.orders.findTransaction(context, order.dedupeKey);
  return transaction === undefined ? refusedOutcome(refusal('unavailable')) : outcomeOf(transaction, deps.clock.now());
}

/**
 * Many SCEP clients derive the transactionID from their key, so it comes again after a refusal, and for a renewal once the old
 * order is final and delivered. A CMP transactionID is used once (RFC 9483 section 3.1), save for a retry of what was refused.
 */
function givesWay(transaction: StoredTransaction, order: NewOrder, deps: EnrolmentDeps): boolean {
  const { order: old, contentHash } = transaction;
  const isSame = contentHash.equals(order.contentHash);
  if (phaseOf(old.state) === 'refused') return isSame || order.protocol === 'scep';
  if (phaseOf(old.state) === 'open' || isSame || order.protocol === 'cmp') return false;
  // Who signs with the certificate has it, whether or not its delivery has been noted yet.
  if (order.renews !== null && order.renews === old.certificateId) return true;
  const age = deps.clock.now().getTime() - (old.finishedAt ?? old.createdAt).getTime();
  return old.state !== 'ISSUED' || age > deliveryGraceMs;
}

/** How long an issued certificate counts as under way to its device when its delivery was never noted. */
const deliveryGraceMs = 60_000;

function existingOutcome(transaction: StoredTransaction, order: NewOrder, deps: EnrolmentDeps): Outcome {
  if (!transaction.contentHash.equals(order.contentHash)) return refusedOutcome(refusal('transaction-in-use'));
  return outcomeOf(transaction, deps.clock.now());
}

/** A retransmission is answered as before even when its credential has been used up or has expired since. */
async function earlierOutcome(profile: Profile, request: EnrolmentRequest, context: TenantContext, deps: EnrolmentDeps): Promise<Outcome | undefined> {
  const transaction = await deps.orders.findTransaction(context, dedupeKeyOf(profile.id, request));
  if (transaction === undefined || !transaction.contentHash.equals(contentHashOf(request))) return undefined;
  if (phaseOf(transaction.order.state) === 'refused') return undefined;
  return outcomeOf(transaction, deps.clock.now());
}

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
async function refuseUnauthenticated(profile: Profile, request: EnrolmentRequest, refused: Refusal, deps: EnrolmentDeps): Promise<Outcome> {
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

async function putBeforeAdministrator(
  profile: Profile,
  request: EnrolmentRequest,
  order: NewOrder,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  const outcome = await recordWaiting(profile, order, context, deps);
  if (outcome === 'challenge-spent') return refuseUnauthenticated(profile, request, spentRefusal(order.challengeId ?? ''), deps);
  return outcome === 'account-held' ? refusedOutcome(refusal('unavailable')) : outcome;
}

/** Authenticated but against the policy: a REJECTED order; the same request again raises its attempts. */
async function recordRefused(
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

/** A certificate that signs a later request has evidently arrived (RFC 8894 knows no confirmation). */
function noteUse(grant: Grant, context: TenantContext, deps: EnrolmentDeps): void {
  const orderId = grant.issued?.orderId;
  if (orderId !== null && orderId !== undefined) deps.orders.noteDelivered(context, orderId, 'CONFIRMED');
}
