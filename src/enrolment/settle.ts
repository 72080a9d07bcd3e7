import { basicConstraintsOf, type Certificate, canonicalRdns, isSameName, type Name, parseCertificate, parseName, subjectAltNames } from '../pkix/index.js';
import { failpoint } from '../runtime/failpoint.js';
import { isOutage } from '../runtime/outage.js';
import { systemContext, type TenantContext, tenantContext } from '../tenancy/context.js';
import { authorshipOf } from './issued-by.js';
import { certificateRecord } from './new-order.js';
import type { Outcome } from './outcome.js';
import { outcomeOf, refusedOutcome } from './poll.js';
import type { CallKind, CertificateRequest, ClaimedOrder, ClaimResult, DueOrder, Issuer, IssuerAnswer, LookupAnswer } from './ports.js';
import { refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';

/** How long a device's connection is held for a CA that answers slowly; then it is told to ask again. */
export const inlineWaitMs = 2_500;
/** Calls that came to nothing, each looked up, before an operator has to look. */
const maxCalls = 8;
/** Some eight claims that were cut short, each taken from its owner and looked up. */
const deathsFence = 24;
const pollMs = 25;
/** A call goes out so soon after its claim or not at all: the quarantine, which counts from the claim, has a second to spare. */
const startWithinMs = 1_000;

/** Starts the CA call for a recorded order and waits a moment for it; whatever happens meanwhile, the order's row tells the answer. */
export async function awaitIssuance(orderId: string, dedupeKey: Buffer, context: TenantContext, deps: EnrolmentDeps): Promise<Outcome> {
  const call = issueOrder(orderId, deps).catch((error: unknown) => deps.log.error({ err: error, orderId }, 'CA call failed'));
  await deps.waits.run(() => Promise.race([call, delay(inlineWaitMs)]));
  const transaction = await deps.orders.findTransaction(context, dedupeKey);
  return transaction === undefined ? refusedOutcome(refusal('unavailable')) : outcomeOf(transaction, deps.clock.now());
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/**
 * Claims an ACCEPTED order, asks its CA once and records the answer. Does nothing when another node has the order, or when the CA is to be
 * left alone: then the order waits, and the answer is `declined`. `stopping`: what has no place among the calls by then is not begun.
 */
export async function issueOrder(orderId: string, deps: EnrolmentDeps, kind: CallKind = 'first', stopping?: AbortSignal): Promise<'done' | 'declined'> {
  const found = await deps.orderReader.find(systemContext('worker:issue'), orderId);
  if (found === undefined || found.state !== 'ACCEPTED') return 'done';
  const issuer = await deps.issuers.forOrder(found);
  if (issuer === undefined) return 'declined';
  let isDeclined = false;
  await deps.gate.run(found.connectorId, issuer.timing.concurrency, async () => {
    isDeclined = stopping?.aborted === true || issuer.mayCall?.(kind) === false;
    if (!isDeclined) await deps.calls.run(() => claimAndAsk(orderId, issuer, deps));
  });
  return isDeclined ? 'declined' : 'done';
}

async function claimAndAsk(orderId: string, issuer: Issuer, deps: EnrolmentDeps): Promise<void> {
  const since = performance.now();
  const claimed = await deps.orders.claim(systemContext('worker:issue'), orderId, leaseMs(issuer));
  if (claimed !== undefined) await askAndSettle(claimed, since, issuer, deps);
}

/** The one call of a claimed order, and its record. `since`: when the claim was asked for, monotonic. Undefined when the lease was lost meanwhile. */
export async function askAndSettle(claimed: ClaimedOrder, since: number, issuer: Issuer, deps: EnrolmentDeps): Promise<ClaimResult | undefined> {
  failpoint('claimed');
  const isLate = performance.now() - since > startWithinMs && !issuer.capabilities.uniqueRef;
  const answer = isLate ? tooLate : await askIssuer(issuer, claimed);
  failpoint('answered');
  const result = await resultOf(answer, claimed, issuer, deps.clock.now());
  const isOurs = await settle(claimed, result, since + leaseMs(issuer), deps);
  failpoint('settled');
  return isOurs ? result : undefined;
}

const tooLate: IssuerAnswer = { kind: 'notSent', reason: 'The node was held up between its claim and the call.' };

/** Lease = timeoutMs + 2 s: longer than the call and its recording. */
export function leaseMs(issuer: Issuer): number {
  return issuer.timing.timeoutMs + 2_000;
}

/** Quarantine = timeoutMs + maxProcessingMs + 1 s: longer than the other side may still act. */
function quarantineMs(issuer: Issuer): number {
  return issuer.timing.timeoutMs + issuer.timing.maxProcessingMs + 1_000;
}

/** An exception from a connector says nothing about what the CA did. */
async function askIssuer(issuer: Issuer, claimed: ClaimedOrder): Promise<IssuerAnswer> {
  try {
    return await issuer.issue(claimed.caRef, claimed.request);
  } catch (error) {
    return { kind: 'uncertain', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function resultOf(answer: IssuerAnswer, claimed: ClaimedOrder, issuer: Issuer, now: Date): Promise<ClaimResult> {
  switch (answer.kind) {
    case 'issued':
      return issuedResult(answer.certificate, claimed, issuer, now);
    case 'pending':
      return answer;
    case 'refused':
      return { ...answer, kind: 'rejected' };
    case 'notSent':
      return { kind: 'retry', reason: answer.reason, delayMs: backoffMs(claimed, now), notCounted: true };
    case 'uncertain':
      return uncertainResult(answer.reason, firstLookupMs, issuer);
  }
}

function uncertainResult(reason: string, delayMs: number, { capabilities }: Issuer): ClaimResult {
  return capabilities.lookup ? { kind: 'uncertain', reason, delayMs } : { kind: 'stuck', reason: `${reason} This CA cannot be asked what it issued.` };
}

/** The first look-up comes soon, since the certificate is often there; the quarantine counts only against a repeated call. */
const firstLookupMs = 1_000;

/** A quarter of its age and at most five minutes, half of it by chance: what waited long need not come back together. */
function backoffMs({ order }: ClaimedOrder, now: Date): number {
  const most = Math.max(1_000, Math.min(300_000, (now.getTime() - order.createdAt.getTime()) / 4));
  return Math.round(most / 2 + Math.random() * (most / 2));
}

/**
 * The CA's certificate is held against the order and against the CA's own chain before anyone gets it (fault point F11). While that chain
 * cannot be had, nothing is known: the certificate is found again by a look-up.
 */
async function issuedResult(der: Buffer, claimed: ClaimedOrder, issuer: Issuer, now: Date): Promise<ClaimResult> {
  const parsed = parseCertificate(der);
  const difference = parsed.ok ? differenceFrom(parsed.value, claimed.request, issuer, now) : 'it is no certificate';
  const authorship = parsed.ok && difference === undefined ? await authorshipOf(parsed.value, issuer) : 'own';
  if (authorship === 'unknown')
    return uncertainResult('The certificates of the CA cannot be had, and with them the proof of what it sent.', backoffMs(claimed, now), issuer);
  const fault = authorship === 'foreign' ? 'it was not signed by the CA of the connector' : difference;
  if (fault !== undefined) return { kind: 'stuck', reason: `The CA answered with a wrong certificate: ${fault}.`, wrongCertificate: der };
  return { kind: 'issued', certificate: certificateRecord(der) };
}

/** The CA's clock may be ahead of ours so far. */
const skewMs = 300_000;

/** In words what makes a certificate another than was asked for; undefined when nothing does. */
export function differenceFrom(
  certificate: Certificate,
  request: CertificateRequest,
  issuer: { readonly capabilities: Pick<Issuer['capabilities'], 'ordersNames'> },
  now: Date,
): string | undefined {
  if (!certificate.publicKey.spki.equals(request.publicKey)) return 'it has another key';
  const subject = parseName(request.subject);
  if (!subject.ok || !isGranted(certificate.subject, subject.value, issuer)) return 'it has another subject';
  if (certificate.notAfter.getTime() <= now.getTime()) return 'it has expired already';
  if (certificate.notBefore.getTime() > now.getTime() + skewMs) return 'it is not valid yet';
  const constraints = basicConstraintsOf(certificate.extensions);
  if (!constraints.ok || constraints.value.ca) return 'it is a CA certificate';
  const sans = subjectAltNames(certificate.extensions);
  if (!sans.ok) return 'its alternative names are malformed';
  const isWider = sans.value.some((san) => !request.sans.some((asked) => asked.equals(san.der)));
  return isWider ? 'it has names nobody asked for' : undefined;
}

/** What a device is shown of its name may have another order than it asked for, where the CA has its own; never another part. */
function isGranted(subject: Name, wanted: Name, { capabilities }: { readonly capabilities: Pick<Issuer['capabilities'], 'ordersNames'> }): boolean {
  if (isSameName(subject, wanted)) return true;
  if (capabilities.ordersNames !== true) return false;
  const [given, asked] = [subject, wanted].map((name) => JSON.stringify([...canonicalRdns(name)].sort()));
  return given === asked;
}

/** Records the result; while the database is away, again and again until the lease is over (fault point F17). */
async function settle(claimed: ClaimedOrder, result: ClaimResult, leaseEnds: number, deps: EnrolmentDeps): Promise<boolean> {
  const context = tenantContext(claimed.order.tenantId, 'worker:issue');
  const isOurs = await untilLeaseEnds(leaseEnds, () => deps.orders.settleClaimed(context, claimed, result));
  if (!isOurs)
    deps.log.warn(
      { orderId: claimed.order.id, result: result.kind },
      "the answer could not be recorded as it came: the lease was lost, or the certificate is another order's",
    );
  return isOurs;
}

const settleAgainMs = 250;

async function untilLeaseEnds<T>(leaseEnds: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error) || performance.now() + settleAgainMs > leaseEnds) throw error;
      await new Promise((resolve) => setTimeout(resolve, settleAgainMs));
    }
  }
}

/**
 * Looks up what became of an UNCERTAIN call, or asks after a CA_PENDING one; never repeats a call before the quarantine is over. An
 * order that expired meanwhile is looked up too: a certificate that comes too late is revoked. `declined`: the CA is to be left alone.
 */
export async function lookUpOrder(due: DueOrder, deps: EnrolmentDeps): Promise<'done' | 'declined'> {
  const found = await deps.orderReader.find(systemContext('worker:lookup'), due.orderId);
  if (found === undefined) return 'done';
  const issuer = await deps.issuers.forOrder(found);
  if (issuer === undefined) return 'declined';
  if (issuer.capabilities.lookup && issuer.mayCall?.('lookup') === false) return 'declined';
  await deps.calls.run(() => claimAndLookUp(due, issuer, deps));
  return 'done';
}

async function claimAndLookUp(due: DueOrder, issuer: Issuer, deps: EnrolmentDeps): Promise<void> {
  const since = performance.now();
  const claimed = await deps.orders.claimLookup(systemContext('worker:lookup'), due.orderId, leaseMs(issuer));
  if (claimed === undefined) return;
  failpoint('lookup-claimed');
  const result = issuer.capabilities.lookup ? await lookupResult(await askLookup(issuer, claimed), claimed, issuer, deps.clock.now()) : notToBeAsked;
  failpoint('looked-up');
  await settle(claimed, result, since + leaseMs(issuer), deps);
}

const notToBeAsked: ClaimResult = { kind: 'stuck', reason: 'The call was not answered, and this CA cannot be asked what it issued.' };

async function askLookup(issuer: Issuer, claimed: ClaimedOrder): Promise<LookupAnswer> {
  try {
    return await issuer.lookup(claimed.caRef, claimed.request.publicKey, claimed.caReference, claimed.request);
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function lookupResult(answer: LookupAnswer, claimed: ClaimedOrder, issuer: Issuer, now: Date): Promise<ClaimResult> {
  switch (answer.kind) {
    case 'found':
      return issuedResult(answer.certificate, claimed, issuer, now);
    case 'pending':
      return answer;
    case 'refused':
      return { ...answer, kind: 'rejected' };
    case 'unknown':
      return { kind: 'uncertain', reason: answer.reason, delayMs: backoffMs(claimed, now) };
    case 'none':
      return issuedNothing(claimed, issuer, now);
  }
}

/** Whether the quarantine was over when the CA was asked: an answer that came behind its end tells nothing of what it did meanwhile. */
function issuedNothing(claimed: ClaimedOrder, issuer: Issuer, now: Date): ClaimResult {
  const left = quarantineMs(issuer) - (claimed.calledMsAgo ?? 0);
  const { uniqueRef } = issuer.capabilities;
  if (!uniqueRef && left > 0) return { kind: 'uncertain', reason: 'The CA has issued nothing yet.', delayMs: Math.max(pollMs, Math.ceil(left)) };
  // Its process ended with it, and not for the first time: should it be this very order that they die of, the next one does so ever later.
  if (claimed.calls === 0 && claimed.fence > deathsFence) return { kind: 'retry', reason: 'The CA has issued nothing.', delayMs: backoffMs(claimed, now) };
  if (claimed.calls < maxCalls) return { kind: 'retry', reason: 'The CA has issued nothing.', delayMs: 0 };
  if (uniqueRef) return { kind: 'retry', reason: 'The CA has issued nothing.', delayMs: backoffMs(claimed, now) };
  return { kind: 'stuck', reason: `The CA was called ${claimed.calls} times, gave no answer and issued nothing.` };
}
