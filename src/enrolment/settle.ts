import { basicConstraintsOf, type Certificate, canonicalRdns, isSameName, type Name, parseCertificate, parseName, subjectAltNames } from '../pkix/index.js';
import { systemContext, type TenantContext, tenantContext } from '../tenancy/context.js';
import { certificateRecord } from './new-order.js';
import type { Outcome } from './outcome.js';
import { outcomeOf, refusedOutcome } from './poll.js';
import type { CertificateRequest, ClaimedOrder, ClaimResult, DueOrder, Issuer, IssuerAnswer, LookupAnswer } from './ports.js';
import { refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';

/** How long a device's connection is held for a CA that answers slowly; then it is told to ask again. */
const inlineWaitMs = 2_500;
const maxCalls = 8;
const pollMs = 25;

/** Starts the CA call for a recorded order and waits a moment for it; whatever happens meanwhile, the order's row tells the answer. */
export async function awaitIssuance(orderId: string, dedupeKey: Buffer, context: TenantContext, deps: EnrolmentDeps): Promise<Outcome> {
  const call = issueOrder(orderId, deps).catch((error: unknown) => deps.log.error({ err: error, orderId }, 'CA call failed'));
  await Promise.race([call, delay(inlineWaitMs)]);
  const transaction = await deps.orders.findTransaction(context, dedupeKey);
  return transaction === undefined ? refusedOutcome(refusal('unavailable')) : outcomeOf(transaction, deps.clock.now());
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** Claims an ACCEPTED order, asks its CA once and records the answer. Does nothing when another node has the order. */
export async function issueOrder(orderId: string, deps: EnrolmentDeps): Promise<void> {
  const found = await deps.orderReader.find(systemContext('worker:issue'), orderId);
  if (found === undefined || found.state !== 'ACCEPTED') return;
  const issuer = await deps.issuers.forOrder(found);
  if (issuer === undefined) return;
  await deps.gate(found.connectorId, issuer.timing.concurrency, async () => {
    const claimed = await deps.orders.claim(systemContext('worker:issue'), orderId, leaseMs(issuer));
    if (claimed === undefined) return;
    const answer = await askIssuer(issuer, claimed);
    await settle(claimed, resultOf(answer, claimed, issuer, deps.clock.now()), deps);
  });
}

/** Lease = timeoutMs + 2 s: longer than the call and its recording. */
function leaseMs(issuer: Issuer): number {
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

function resultOf(answer: IssuerAnswer, claimed: ClaimedOrder, issuer: Issuer, now: Date): ClaimResult {
  switch (answer.kind) {
    case 'issued':
      return issuedResult(answer.certificate, claimed.request, issuer, now);
    case 'pending':
      return answer;
    case 'refused':
      return { kind: 'rejected', reason: answer.reason };
    case 'notSent':
      return claimed.calls >= maxCalls
        ? { kind: 'failed', reason: answer.reason }
        : { kind: 'retry', reason: answer.reason, delayMs: backoffMs(claimed.calls) };
    case 'uncertain':
      return issuer.capabilities.lookup
        ? { kind: 'uncertain', reason: answer.reason, delayMs: firstLookupMs }
        : { kind: 'stuck', reason: `${answer.reason} This CA cannot be asked what it issued.` };
  }
}

/** The first look-up comes soon, since the certificate is often there; the quarantine counts only against a repeated call. */
const firstLookupMs = 1_000;

function backoffMs(calls: number): number {
  const most = Math.min(300_000, 1_000 * 2 ** calls);
  return Math.round(most / 2 + Math.random() * (most / 2));
}

/** The CA's certificate is held against the order again before anyone gets it (fault point F11). */
function issuedResult(der: Buffer, request: CertificateRequest, issuer: Issuer, now: Date): ClaimResult {
  const parsed = parseCertificate(der);
  const fault = parsed.ok ? differenceFrom(parsed.value, request, issuer, now) : 'it is no certificate';
  if (fault !== undefined) return { kind: 'stuck', reason: `The CA answered with a wrong certificate: ${fault}.`, wrongCertificate: der };
  return { kind: 'issued', certificate: certificateRecord(der) };
}

function differenceFrom(certificate: Certificate, request: CertificateRequest, issuer: Issuer, now: Date): string | undefined {
  if (!certificate.publicKey.spki.equals(request.publicKey)) return 'it has another key';
  const subject = parseName(request.subject);
  if (!subject.ok || !isGranted(certificate.subject, subject.value, issuer)) return 'it has another subject';
  if (certificate.notAfter.getTime() <= now.getTime()) return 'it has expired already';
  const constraints = basicConstraintsOf(certificate.extensions);
  if (!constraints.ok || constraints.value.ca) return 'it is a CA certificate';
  const sans = subjectAltNames(certificate.extensions);
  if (!sans.ok) return 'its alternative names are malformed';
  const isWider = sans.value.some((san) => !request.sans.some((asked) => asked.equals(san.der)));
  return isWider ? 'it has names nobody asked for' : undefined;
}

/** What a device is shown of its name may have another order than it asked for, where the CA has its own; never another part. */
function isGranted(subject: Name, wanted: Name, { capabilities }: Issuer): boolean {
  if (isSameName(subject, wanted)) return true;
  if (capabilities.ordersNames !== true) return false;
  const [given, asked] = [subject, wanted].map((name) => JSON.stringify([...canonicalRdns(name)].sort()));
  return given === asked;
}

async function settle(claimed: ClaimedOrder, result: ClaimResult, deps: EnrolmentDeps): Promise<void> {
  const context = tenantContext(claimed.order.tenantId, 'worker:issue');
  const isOurs = await deps.orders.settleClaimed(context, claimed, result);
  if (!isOurs) deps.log.warn({ orderId: claimed.order.id, result: result.kind }, 'the lease was lost before the answer was recorded');
}

/**
 * Looks up what became of an UNCERTAIN call, or asks after a CA_PENDING one; never repeats a call before the quarantine is over. An
 * order that expired meanwhile is looked up too: a certificate that comes too late is revoked.
 */
export async function lookUpOrder(due: DueOrder, deps: EnrolmentDeps): Promise<void> {
  const found = await deps.orderReader.find(systemContext('worker:lookup'), due.orderId);
  if (found === undefined) return;
  const issuer = await deps.issuers.forOrder(found);
  if (issuer === undefined) return;
  const claimed = await deps.orders.claimLookup(systemContext('worker:lookup'), due.orderId, leaseMs(issuer));
  if (claimed === undefined) return;
  const answer = await askLookup(issuer, claimed);
  await settle(claimed, lookupResult(answer, claimed, issuer, deps.clock.now()), deps);
}

async function askLookup(issuer: Issuer, claimed: ClaimedOrder): Promise<LookupAnswer> {
  try {
    return await issuer.lookup(claimed.caRef, claimed.request.publicKey, claimed.caReference, claimed.request);
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

function lookupResult(answer: LookupAnswer, claimed: ClaimedOrder, issuer: Issuer, now: Date): ClaimResult {
  switch (answer.kind) {
    case 'found':
      return issuedResult(answer.certificate, claimed.request, issuer, now);
    case 'pending':
      return answer;
    case 'refused':
      return { kind: 'rejected', reason: answer.reason };
    case 'unknown':
      return { kind: 'uncertain', reason: answer.reason, delayMs: backoffMs(claimed.calls) };
    case 'none': {
      const quarantineEnds = (claimed.calledAt ?? now).getTime() + quarantineMs(issuer);
      if (issuer.capabilities.uniqueRef || now.getTime() >= quarantineEnds) return { kind: 'retry', reason: 'The CA has issued nothing.', delayMs: 0 };
      return { kind: 'uncertain', reason: 'The CA has issued nothing yet.', delayMs: Math.max(pollMs, quarantineEnds - now.getTime()) };
    }
  }
}
