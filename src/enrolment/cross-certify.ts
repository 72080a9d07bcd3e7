import {
  buildChainInTurns,
  type Certificate,
  type ChainWork,
  extendedKeyUsageOf,
  fromPem,
  isSameName,
  nameToText,
  newChainWork,
  parseCertificate,
} from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { certificateRecord, contentHashOf, dedupeKeyOf, newOrder } from './new-order.js';
import type { Outcome } from './outcome.js';
import { outcomeOf, refusedOutcome } from './poll.js';
import type { CertificateRequest } from './ports.js';
import { type Refusal, refusal } from './refusal.js';
import type { EnrolmentRequest, Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

/**
 * Certifies the key of a CA that the policy names (RFC 9810 section 5.3.11): exactly that name and key, asked for by a signer whom that
 * CA made its speaker (cmcCA). It is an order like any other, seen, revoked and answered again alike.
 */
export async function crossCertify(profile: Profile, request: EnrolmentRequest, deps: EnrolmentDeps): Promise<Outcome> {
  const context = tenantContext(profile.tenantId, 'device');
  const now = deps.clock.now();
  const standing = await deps.orders.findTransaction(context, dedupeKeyOf(profile.id, request));
  if (standing !== undefined) {
    const isSame = standing.contentHash.equals(contentHashOf(request));
    return isSame ? outcomeOf(standing, now) : refusedOutcome(refusal('transaction-in-use'));
  }
  const authority = await authorityOf(profile, request, now);
  if (authority === undefined) return refuse(profile, request, refusal('not-authorised', 'no CA of the policy with this name, key and signer'), deps);
  const issuer = await deps.issuers.forProfile(profile);
  const { subject, publicKey, notAfter } = request.wanted;
  const asked: CertificateRequest = {
    publicKey: publicKey.spki,
    subject: subject.der,
    sans: [],
    keyUsage: [],
    extendedKeyUsage: [],
    validitySeconds: validityOf(profile, notAfter, now),
    backdateSeconds: profile.policy.certificate.backdateSeconds,
  };
  const signed = await issuer?.local?.signAuthority?.(asked);
  if (signed?.ok !== true) return refuse(profile, request, refusal('ca-refused', signed?.error ?? 'this CA cross-certifies nobody'), deps);
  const { certificate, caId } = signed.value;
  const grant = { operation: 'enrolment', credential: `ca:${nameToText(authority.subject)}` } as const;
  const order = newOrder(request, profile, grant, { request: asked, subject, sans: [], isModified: false }, now);
  const recorded = await deps.orders.settleIssued(context, order, certificateRecord(certificate), caId);
  if (recorded.kind === 'existing') return outcomeOf(recorded.transaction, now);
  if (recorded.kind !== 'recorded') return refusedOutcome(refusal('unavailable'));
  return { kind: 'issued', orderId: order.id, certificate, isModified: false, isReplay: false, session: order.session };
}

function validityOf(profile: Profile, notAfter: Date | undefined, now: Date): number {
  const most = profile.policy.cmp.crossCertification.validityDays * 86_400;
  return notAfter === undefined ? most : Math.min(most, Math.max(1, Math.floor((notAfter.getTime() - now.getTime()) / 1000)));
}

/** The CA of the policy that is asked for and asks: same name, same key, and it certified who signed. */
async function authorityOf(profile: Profile, { wanted, evidence }: EnrolmentRequest, now: Date): Promise<Certificate | undefined> {
  const { signer } = evidence;
  if (signer === undefined || !speaksForCa(signer.certificate)) return undefined;
  const work = newChainWork();
  for (const authority of listed(profile)) if (await isAuthorityOf(authority, wanted, signer, now, work)) return authority;
  return undefined;
}

async function isAuthorityOf(
  authority: Certificate,
  wanted: EnrolmentRequest['wanted'],
  signer: NonNullable<Evidence['signer']>,
  at: Date,
  work: ChainWork,
): Promise<boolean> {
  const isItself = isSameName(authority.subject, wanted.subject) && authority.publicKey.spki.equals(wanted.publicKey.spki);
  return isItself && (await buildChainInTurns({ leaf: signer.certificate, intermediates: signer.others, anchors: [authority], at, work })).ok;
}

function speaksForCa(certificate: Certificate): boolean {
  const purposes = extendedKeyUsageOf(certificate.extensions);
  return purposes.ok && purposes.value?.includes(oids.cmcCA) === true;
}

function listed(profile: Profile): readonly Certificate[] {
  const parsed = profile.policy.cmp.crossCertification.authorities.flatMap((pem) => fromPem('CERTIFICATE', pem)).map(parseCertificate);
  return parsed.flatMap((item) => (item.ok ? [item.value] : []));
}

function refuse(profile: Profile, request: EnrolmentRequest, refused: Refusal, deps: EnrolmentDeps): Outcome {
  const { clientIp: source, clientFamily } = request.facts;
  const reason = refused.code === 'not-authorised' ? 'not-authorised' : 'unsupported';
  deps.refusals.note({ reason, tenantId: profile.tenantId, profileId: profile.id, source, clientFamily, detail: `ccr: ${refused.detail ?? ''}` });
  return refusedOutcome(refused);
}
