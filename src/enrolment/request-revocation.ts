import { hash } from 'node:crypto';
import { type Certificate, type Name, parseCertificate } from '../pkix/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Profile, Protocol } from '../tenancy/profile.js';
import { identifyRevoker, mayRevoke, type Revoker } from './authorise-revocation.js';
import { dedupeKeyOf } from './new-order.js';
import type { Session } from './order.js';
import { checkAfter } from './poll.js';
import type { IssuedCertificate, StoredTransaction } from './ports.js';
import { type Refusal, type RefusalCode, refusal } from './refusal.js';
import type { Evidence } from './request.js';
import { certificateHold, type NewRevocation, removeFromCrl, type WantedRevocation } from './revocation-ports.js';
import { carryOutRevocation } from './revoke.js';
import type { EnrolmentDeps } from './service.js';

/** One certificate as a device names it. */
export interface NamedCertificate {
  readonly issuer: Name;
  /** lower-case hexadecimal */
  readonly serial: string;
  /** CRLReason number. */
  readonly reason: number;
  /** Whether everything else that was said of it is so. */
  readonly describes: (certificate: Certificate) => boolean;
}

/** A revocation after its protocol has decoded it and verified its protection. */
export interface RevocationRequest {
  readonly protocol: Protocol;
  readonly transactionId: string;
  readonly requester: Buffer;
  /** As received: its hash tells a retransmission from another request. */
  readonly content: Buffer;
  readonly evidence: Evidence;
  /** In the order of the message; those that its protocol refused already carry their refusal. */
  readonly certificates: readonly Result<NamedCertificate, RefusalCode>[];
  readonly clientIp: string;
  readonly clientFamily: string;
  readonly session: Session;
}

/** What became of each certificate, in the order of the message. */
export type RevocationVerdict = 'revoked' | RefusalCode;

export type RevocationOutcome =
  | { readonly kind: 'answered'; readonly verdicts: readonly RevocationVerdict[]; readonly session: Session }
  | { readonly kind: 'pending'; readonly checkAfterSeconds: number; readonly session: Session }
  /** The message as a whole. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** How long a device's connection is held for a CA that answers slowly. */
const inlineWaitMs = 2_500;
const leaseMs = 60_000;
/** Another request may change a certificate between the look at it and the record. */
const maxLooks = 3;

/**
 * A revocation from request to answer: identify -> judge each certificate -> record -> carry out at the CA. The answer `revoked` is
 * given only once the CA has confirmed (RFC 9810 section 5.3.10); until then it is pending.
 */
export async function requestRevocation(profile: Profile, request: RevocationRequest, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  const context = tenantContext(profile.tenantId, 'device');
  const dedupeKey = dedupeKeyOf(profile.id, request);
  const contentHash = hash('sha256', Buffer.concat([request.content, Buffer.of(0), request.requester]), 'buffer');
  const earlier = await deps.orders.findTransaction(context, dedupeKey);
  if (earlier !== undefined) return earlierOutcome(earlier, contentHash, context, deps);
  const revoker = await identifyRevoker(request.evidence, profile, context, deps);
  if (!revoker.ok) return refuse(profile, request, revoker.error, deps);
  for (let look = 1; ; look += 1) {
    const judged = await Promise.all(request.certificates.map((named) => judge(named, revoker.value, profile, context, deps)));
    const verdicts = judged.map((item): RevocationVerdict => (item.ok ? 'revoked' : item.error));
    const wanted = judged.flatMap((item) => (item.ok ? [item.value] : []));
    noteRefused(profile, request, verdicts, deps);
    if (wanted.length === 0) return { kind: 'answered', verdicts, session: request.session };
    const session = sessionOf(request, verdicts, wanted);
    const { protocol, transactionId } = request;
    const reason = `Asked for by ${revoker.value.label}.`;
    const revocation: NewRevocation = { profileId: profile.id, protocol, transactionId, dedupeKey, contentHash, session, reason, wanted };
    const recorded = await deps.revocations.want(context, revocation);
    if (recorded.kind === 'existing') return earlierOutcome(recorded.transaction, contentHash, context, deps);
    if (recorded.kind === 'recorded') return carryOut(session, context, deps);
    if (look === maxLooks) return { kind: 'refused', refusal: refusal('unavailable', 'the certificate is being changed by somebody else') };
  }
}

/** Which of the certificates may be treated as asked, and why the others may not. */
async function judge(
  named: Result<NamedCertificate, RefusalCode>,
  revoker: Revoker,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<WantedRevocation, RefusalCode>> {
  if (!named.ok) return named;
  const { issuer, serial, reason, describes } = named.value;
  const target = await deps.certificates.findBySerial(context, hash('sha256', issuer.der, 'buffer'), serial);
  const parsed = target === undefined ? undefined : parseCertificate(target.der);
  if (target === undefined || target.profileId !== profile.id || target.orderId === null) return fail('certificate-unknown');
  if (parsed?.ok !== true || !describes(parsed.value)) return fail('certificate-unknown');
  if (!(await mayRevoke(revoker, target, context, deps))) return fail('not-authorised');
  const fault = faultOf(target, reason, revoker, profile, deps.clock.now());
  return fault === undefined ? ok({ certificateId: target.id, orderId: target.orderId, reason }) : fail(fault);
}

/**
 * A hold ends by removeFromCRL or by a revocation for good. The holder of a certificate on hold cannot end it: whoever has its key may
 * be the reason for the hold.
 */
function faultOf(target: IssuedCertificate, reason: number, revoker: Revoker, profile: Profile, now: Date): RefusalCode | undefined {
  const isHeld = target.status === 'revoked' && target.revocationReason === certificateHold;
  const isAboutHold = reason === removeFromCrl || reason === certificateHold;
  if (target.notAfter <= now) return 'certificate-revoked';
  if (target.status === 'revoked' && !isHeld) return 'certificate-revoked';
  if (isAboutHold && !profile.policy.cmp.revocation.hold) return 'hold-not-served';
  if (reason === removeFromCrl && !isHeld) return 'not-on-hold';
  if (isHeld && (revoker.kind === 'holder' || revoker.kind === 'passphrase' || reason === certificateHold)) return 'certificate-revoked';
  return undefined;
}

/** The verdicts that stand, and the orders that are still to be asked about. */
function sessionOf(request: RevocationRequest, verdicts: readonly RevocationVerdict[], wanted: readonly WantedRevocation[]): Session {
  const requester = request.requester.toString('hex');
  return { ...request.session, requester, verdicts: verdicts.join(' '), orders: wanted.map(({ orderId }) => orderId).join(' ') };
}

const ordersIn = (session: Session): readonly string[] => String(session.orders).split(' ');

/** At the CA at once; where it answers slowly or not at all, the worker goes on. */
async function carryOut(session: Session, context: TenantContext, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  const work = async () => {
    const due = await deps.revocations.claimOf(context, ordersIn(session), leaseMs);
    await Promise.all(due.map((item) => carryOutRevocation(item, deps)));
  };
  const done = work().catch((error: unknown) => deps.log.error({ err: error }, 'a revocation could not be carried out'));
  await Promise.race([done, delay(inlineWaitMs)]);
  return revocationOutcome(session, deps.clock.now(), context, deps);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

/** What the CA has come to meanwhile; `since` is when the device asked. */
async function revocationOutcome(session: Session, since: Date, context: TenantContext, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  const open = await deps.revocations.underWay(context, ordersIn(session));
  if (open.some(({ isGivenUp }) => !isGivenUp)) return { kind: 'pending', checkAfterSeconds: checkAfter(since, deps.clock.now()), session };
  const givenUp = new Set(open.map(({ orderId }) => orderId));
  return { kind: 'answered', verdicts: verdictsIn(session, givenUp), session };
}

/** The orders stand in the sequence of the certificates that were to be revoked. */
function verdictsIn(session: Session, givenUp: ReadonlySet<string>): readonly RevocationVerdict[] {
  const orders = [...ordersIn(session)];
  const recorded = String(session.verdicts).split(' ') as RevocationVerdict[];
  return recorded.map((verdict) => (verdict === 'revoked' && givenUp.has(orders.shift() ?? '') ? 'ca-refused' : verdict));
}

async function earlierOutcome(earlier: StoredTransaction, contentHash: Buffer, context: TenantContext, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  if (!earlier.contentHash.equals(contentHash)) return { kind: 'refused', refusal: refusal('transaction-in-use') };
  return revocationOutcome(earlier.session, deps.clock.now(), context, deps);
}

/** The answer to the one who asks again about a revocation; the transaction was found by `findTransaction`. */
export function pollRevocation(profile: Profile, transaction: StoredTransaction, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  const { askedAt } = transaction.session;
  const since = typeof askedAt === 'number' ? new Date(askedAt) : deps.clock.now();
  return revocationOutcome(transaction.session, since, tenantContext(profile.tenantId, 'device'), deps);
}

async function refuse(profile: Profile, request: RevocationRequest, refused: Refusal, deps: EnrolmentDeps): Promise<RevocationOutcome> {
  const { clientIp: source, clientFamily, transactionId } = request;
  const reason = refused.code === 'not-authorised' ? 'not-authorised' : 'untrusted-signer';
  deps.refusals.note({ reason, tenantId: profile.tenantId, profileId: profile.id, source, clientFamily, detail: `rr: ${refused.detail ?? ''}` });
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId: profile.tenantId,
    actor: 'device',
    action: 'revocation.refused',
    object: `profile:${profile.id}`,
    outcome: 'failure',
    details: { reason: refused.code, detail: refused.detail ?? '', source, transactionId },
  });
  return { kind: 'refused', refusal: refused };
}

function noteRefused(profile: Profile, request: RevocationRequest, verdicts: readonly RevocationVerdict[], deps: EnrolmentDeps): void {
  const { clientIp: source, clientFamily } = request;
  const refused = verdicts.filter((verdict) => verdict !== 'revoked');
  if (refused.length === 0) return;
  const reason = refused.includes('not-authorised') ? 'not-authorised' : 'unsupported';
  deps.refusals.note({ reason, tenantId: profile.tenantId, profileId: profile.id, source, clientFamily, detail: `rr: ${refused.join(', ')}` });
}
