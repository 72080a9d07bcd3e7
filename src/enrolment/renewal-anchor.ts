import {
  basicConstraintsOf,
  buildChain,
  type Certificate,
  type CertificateList,
  extendedKeyUsageOf,
  isSameName,
  nameToText,
  revocationOf,
  serialHex,
} from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import type { Profile } from '../tenancy/profile.js';
import { type RenewalAnchor, renewalAnchorsOf } from '../tenancy/renewal-anchor.js';
import { type Refusal, refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';

const dayMs = 86_400_000;
/** Certificates of registration authorities renew no device; the first is Microsoft's Certificate Request Agent, which NDES has. */
const authorityPurposes: ReadonlySet<string> = new Set([oids.certificateRequestAgent, oids.cmcCA, oids.cmcRA, oids.cmKGA]);

/**
 * Whether a certificate that this profile did not issue may be renewed here (rows SCEP-109, SCEP-110, CMP-114): issued by an anchor of the profile itself, in time,
 * an end entity's, and not revoked as far as the anchor's CRL tells. Undefined when no anchor has the name of its issuer.
 */
export async function anchoredSigner(certificate: Certificate, profile: Profile, deps: EnrolmentDeps): Promise<Result<string, Refusal> | undefined> {
  const named = anchorsOf(profile).filter((anchor) => isSameName(anchor.certificate.subject, certificate.issuer));
  let refused: Result<string, Refusal> | undefined;
  for (const anchor of named) {
    const checked = await checkAnchored(certificate, anchor, deps);
    if (checked.ok) return ok(`anchor:${nameToText(anchor.certificate.subject)} certificate:${serialHex(certificate.serial)}`);
    refused = checked;
  }
  return refused;
}

/** Those of the profile's own protocol; the other's rule nothing. */
export function anchorsOf({ protocol, policy }: Pick<Profile, 'protocol' | 'policy'>): readonly RenewalAnchor[] {
  return renewalAnchorsOf(policy[protocol].renewalAnchors);
}

async function checkAnchored(certificate: Certificate, anchor: RenewalAnchor, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  const now = deps.clock.now();
  if (anchor.acceptUntil !== null && anchor.acceptUntil <= now) return fail(refusal('signer-not-trusted', 'the renewal anchor is accepted no longer'));
  const issued = checkIssued(certificate, anchor, now);
  if (!issued.ok) return issued;
  if (isAuthority(certificate)) return fail(refusal('signer-not-trusted', 'the certificate of a CA or of a registration authority'));
  return checkRevocation(certificate, anchor, now, deps);
}

/** The anchor may be past its own end by as much as its certificates may: they mostly end together. */
function checkIssued(certificate: Certificate, anchor: RenewalAnchor, now: Date): Result<true, Refusal> {
  const graceSeconds = (anchor.graceDays * dayMs) / 1000;
  const end = anchor.certificate.notAfter;
  const ends = [certificate.notAfter, end].map((date) => date.getTime() + graceSeconds * 1000);
  if (Math.min(...ends) < now.getTime()) return fail(refusal('signer-expired', serialHex(certificate.serial)));
  const at = end < now ? end : now;
  const chain = buildChain({ leaf: certificate, intermediates: [], anchors: [anchor.certificate], at, graceSeconds });
  if (!chain.ok) return fail(refusal('signer-not-trusted', chain.error));
  return chain.value.length === 2 ? ok(true) : fail(refusal('signer-not-trusted', 'a renewal anchor does not renew itself'));
}

function isAuthority({ extensions }: Certificate): boolean {
  const constraints = basicConstraintsOf(extensions);
  const purposes = extendedKeyUsageOf(extensions);
  if (!constraints.ok || constraints.value.ca || !purposes.ok) return true;
  return purposes.value?.some((purpose) => authorityPurposes.has(purpose)) ?? false;
}

async function checkRevocation(certificate: Certificate, anchor: RenewalAnchor, now: Date, deps: EnrolmentDeps): Promise<Result<true, Refusal>> {
  if (anchor.crl.kind === 'none') return ok(true);
  const lists = await listsOf(anchor.crl, deps);
  // Nobody ever knew what stands in it: there is no last word to go by.
  if (lists === undefined) return fail(refusal('signer-not-trusted', `the CRL of ${nameToText(anchor.certificate.subject)} in the policy cannot be read`));
  const found = revocationOf(certificate, [anchor.certificate], lists, now);
  const verdict = found === 'unknown' && anchor.acceptsStaleCrl ? lastKnown(certificate, anchor, lists) : found;
  if (verdict === 'revoked') return fail(refusal('signer-revoked', serialHex(certificate.serial)));
  if (verdict === 'good' || anchor.acceptsStaleCrl) return ok(true);
  return fail(refusal('signer-not-trusted', `no CRL in force of ${nameToText(anchor.certificate.subject)}`));
}

async function listsOf(
  crl: Exclude<RenewalAnchor['crl'], { kind: 'none' }>,
  { revocationLists }: EnrolmentDeps,
): Promise<readonly CertificateList[] | undefined> {
  if (crl.kind === 'url') return (await revocationLists?.listsAt([crl.url])) ?? [];
  const list = await crl.list();
  return list === undefined ? undefined : [list];
}

/** What a list said when it was new: who was revoked then is revoked still. */
function lastKnown(certificate: Certificate, anchor: RenewalAnchor, lists: readonly CertificateList[]): ReturnType<typeof revocationOf> {
  const verdicts = lists.map((list) => revocationOf(certificate, [anchor.certificate], [list], list.thisUpdate));
  return verdicts.includes('revoked') ? 'revoked' : (verdicts[0] ?? 'unknown');
}
