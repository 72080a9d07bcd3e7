import { ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import { confirmationTime } from './confirmation-time.js';
import type { Leave } from './gate.js';
import type { Issued, Outcome, Pending } from './outcome.js';
import { checkAfter, outcomeOf, refusedOutcome } from './poll.js';
import type { ClaimOutcome, ClaimResult, Issuer, NewOrder, RecordOutcome } from './ports.js';
import { refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';
import { askAndSettle, inlineWaitMs, leaseMs } from './settle.js';

/** How long a request waits for a place among the calls of its CA, with nothing recorded and nothing promised yet. */
export const placePatienceMs = 1_000;

/** `recorded`: the order waits for the worker, and nobody here for it. */
export type AtOnce = { readonly kind: 'answered'; readonly outcome: Outcome } | RecordOutcome;

/**
 * A new order for a CA elsewhere: first a place among its calls, then order, claim and intent in one commit, then the call. Where there is no
 * place, or the CA is to be left alone, the order is recorded all the same and its device told to come back.
 */
export async function recordAndIssue(order: NewOrder, isModified: boolean, issuer: Issuer, context: TenantContext, deps: EnrolmentDeps): Promise<AtOnce> {
  const leave = await placeFor(order, issuer, deps);
  if (leave === undefined) return deps.orders.record(context, order, 'ACCEPTED');
  const since = performance.now();
  const recorded = await recordOr(leave, () => deps.orders.recordClaimed(context, order, leaseMs(issuer)));
  if (recorded.kind !== 'claimed') {
    leave();
    return recorded;
  }
  const call = deps.calls.run(() => askAndSettle(recorded.claimed, since, issuer, deps)).finally(leave);
  return { kind: 'answered', outcome: await outcomeWithin(call, order, isModified, context, deps) };
}

async function placeFor(order: NewOrder, issuer: Issuer, deps: EnrolmentDeps): Promise<Leave | undefined> {
  const leave = await deps.waits.run(() => deps.gate.enter(order.connectorId, issuer.timing.concurrency, placePatienceMs));
  if (leave === undefined || issuer.mayCall?.('first') !== false) return leave;
  leave();
  return undefined;
}

async function recordOr(leave: Leave, record: () => Promise<ClaimOutcome>): Promise<ClaimOutcome> {
  try {
    return await record();
  } catch (error) {
    leave();
    throw error;
  }
}

/** What the call brought, or that the device is to ask again; the call goes on without it. */
async function outcomeWithin(call: Promise<ClaimResult | undefined>, order: NewOrder, isModified: boolean, context: TenantContext, deps: EnrolmentDeps) {
  const ended = await deps.waits.run(() => within(inlineWaitMs, settledCall(call, order, deps)));
  if (ended === undefined) return pending(order, deps);
  if (ended.ok && ended.value?.kind === 'issued') return issued(order, ended.value.certificate.der, isModified, deps);
  const transaction = await deps.orders.findTransaction(context, order.dedupeKey);
  return transaction === undefined ? refusedOutcome(refusal('unavailable')) : outcomeOf(transaction, deps.clock.now());
}

/** A call that fails here is in the order's row, or will be when its lease is over. */
async function settledCall(call: Promise<ClaimResult | undefined>, order: NewOrder, deps: EnrolmentDeps): Promise<Result<ClaimResult | undefined, true>> {
  try {
    return ok(await call);
  } catch (error) {
    deps.log.error({ err: error, orderId: order.id }, 'CA call failed');
    return { ok: false, error: true };
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    timer.unref();
    void work.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** The time of a confirmation begins when the certificate is there. */
function issued(order: NewOrder, certificate: Buffer, isModified: boolean, { clock }: EnrolmentDeps): Issued {
  const session = order.session.confirmWait === undefined ? order.session : { ...order.session, ...confirmationTime(order.session, clock.now()) };
  return { kind: 'issued', orderId: order.id, certificate, isModified, isReplay: false, session };
}

function pending(order: NewOrder, { clock }: EnrolmentDeps): Pending {
  return {
    kind: 'pending',
    orderId: order.id,
    checkAfterSeconds: checkAfter(order.receivedAt, clock.now()),
    waitsFor: 'issuance',
    session: order.session,
  };
}
