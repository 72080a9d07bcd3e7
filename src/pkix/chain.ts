import { setImmediate } from 'node:timers/promises';
import { oids } from '../protocol/der/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { type Certificate, verifyCertificate } from './certificate.js';
import { arePoliciesValid } from './certificate-policies.js';
import { basicConstraintsOf, keyUsageOf } from './extension.js';
import { isSameName } from './name.js';
import { areNamesWithin, nameConstraintsOf } from './name-constraints.js';
import { verifyMlDsaAhead } from './post-quantum.js';
import type { PublicKey } from './public-key.js';

export type ChainFault = 'no-path' | 'expired' | 'not-yet-valid' | 'unknown-critical-extension';

export interface ChainInputs {
  readonly leaf: Certificate;
  /** Untrusted certificates that may lie between; at most 20 are looked at. */
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly at: Date;
  /** Seconds that a certificate may be past its notAfter and still count; 0 by default. */
  readonly graceSeconds?: number;
  /** What may still be done, where several searches are made for one message. */
  readonly work?: ChainWork;
}

/** What searches for paths may cost together. */
export interface ChainWork {
  /** Signatures still to be verified, in units of half a millisecond. */
  left: number;
  /** Names still to be compared with constraints. */
  readonly names: { left: number };
}

export function newChainWork(): ChainWork {
  return { left: maxWork, names: { left: maxNameComparisons } };
}

const maxDepth = 10;
const maxIntermediates = 20;
const maxWork = 80;
/** How much of it one turn of the event loop may take: five milliseconds, or the one signature that takes longer. */
const workPerTurn = 10;
const maxNameComparisons = 10_000;
const understood: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extKeyUsage,
  oids.subjectAltName,
  oids.authorityKeyIdentifier,
  oids.subjectKeyIdentifier,
  oids.cRLDistributionPoints,
  oids.certificatePolicies,
  oids.policyMappings,
  oids.policyConstraints,
  oids.inhibitAnyPolicy,
  oids.nameConstraints,
]);

/**
 * A path from the leaf to an anchor, leaf first, anchor last: names chain, signatures verify, every certificate is in its
 * validity, every issuer is a CA with keyCertSign and path length to spare, the names below keep within its constraints, and
 * where a policy is required there is one (RFC 5280 section 6.1; the anchor's own constraints count too, RFC 5937). Depth and
 * work are bounded, nothing is fetched. Critical extensions we do not process are refused.
 */
export function buildChain(inputs: ChainInputs): Result<readonly Certificate[], ChainFault> {
  const search = searchChain(inputs);
  for (let step = search.next(); ; ) {
    if (step.done) return step.value;
    step = search.next(verifyCertificate(step.value.subject, step.value.publicKey).ok);
  }
}

/**
 * As `buildChain`, for certificates that anyone may have made with the slowest keys there are: it gives way to others between signatures,
 * and has ML-DSA verified on another thread. Rejects with `Busy` when too many wait there.
 */
export async function buildChainInTurns(inputs: ChainInputs): Promise<Result<readonly Certificate[], ChainFault>> {
  const search = searchChain(inputs);
  let inTurn = 0;
  for (let step = search.next(); ; ) {
    if (step.done) return step.value;
    inTurn += costOf(step.value.publicKey);
    if (inTurn > workPerTurn) {
      await setImmediate();
      inTurn = costOf(step.value.publicKey);
    }
    step = search.next(await isSignedBy(step.value));
  }
}

async function isSignedBy({ subject, publicKey }: Signed): Promise<boolean> {
  const { signatureAlgorithm: algorithm, tbs: data, signature } = subject;
  const isPlain = publicKey.type !== 'ml-dsa' || algorithm.oid !== publicKey.algorithm.oid || algorithm.parameters !== undefined;
  if (isPlain) return verifyCertificate(subject, publicKey).ok;
  return verifyMlDsaAhead({ oid: algorithm.oid, publicKey: publicKey.bits, data, signature });
}

/** A signature that the search wants verified: of `subject` by `publicKey`. */
interface Signed {
  readonly subject: Certificate;
  readonly publicKey: PublicKey;
}

/** Yields each signature on its way and is told whether it is right. */
type Search<T> = Generator<Signed, T, boolean>;

function* searchChain(inputs: ChainInputs): Search<Result<readonly Certificate[], ChainFault>> {
  const { leaf, at, graceSeconds = 0 } = inputs;
  if (leaf.notBefore > at) return fail('not-yet-valid');
  if (leaf.notAfter.getTime() + graceSeconds * 1000 < at.getTime()) return fail('expired');
  if (!hasOnlyUnderstoodCriticalExtensions(leaf)) return fail('unknown-critical-extension');
  if (inputs.anchors.some((anchor) => anchor.der.equals(leaf.der))) return ok([leaf]);
  const work = inputs.work ?? newChainWork();
  const path = yield* extend([leaf], { ...inputs, intermediates: inputs.intermediates.slice(0, maxIntermediates) }, work);
  return path === undefined ? fail('no-path') : ok(path);
}

function* extend(path: readonly Certificate[], inputs: ChainInputs, work: ChainWork): Search<readonly Certificate[] | undefined> {
  const last = path[path.length - 1] as Certificate;
  if (path.length >= maxDepth) return undefined;
  for (const anchor of inputs.anchors) {
    if (!(yield* isIssuer(anchor, last, intermediatesBelow(path), inputs.at, work))) continue;
    const whole = [...path, anchor];
    if (keepsConstraints(whole, work) && arePoliciesValid(path)) return whole;
  }
  for (const candidate of inputs.intermediates) {
    if (path.some((item) => item.der.equals(candidate.der))) continue;
    if (!(yield* isIssuer(candidate, last, intermediatesBelow(path), inputs.at, work))) continue;
    const longer = yield* extend([...path, candidate], inputs, work);
    if (longer !== undefined) return longer;
  }
  return undefined;
}

/** What a verification takes, in units of half a millisecond, as measured: whatever keys somebody made for his CAs, a search takes 40 ms. */
function costOf({ type, size, curve, rsaExponent }: PublicKey): number {
  if (type === 'ml-dsa') return 12;
  if (type === 'ec') return curve === 'P-256' ? 1 : curve === 'P-384' ? 4 : 10;
  const isSmall = size <= 4_096 && rsaExponent !== undefined && rsaExponent < 2 ** 17;
  if (type !== 'rsa' || isSmall) return 1;
  return Math.ceil((size / 4_096) ** 2 * (rsaExponent === undefined || rsaExponent >= 2 ** 17 ? 1.2 : 0.5));
}

/** The CAs that count for pathLenConstraint: those above the leaf that are not self-issued (RFC 5280 section 4.2.1.9). */
function intermediatesBelow(path: readonly Certificate[]): number {
  return path.slice(1).filter((item) => !isSameName(item.subject, item.issuer)).length;
}

/** `below`: how many intermediate CAs stand between this issuer and the leaf. */
function* isIssuer(issuer: Certificate, subject: Certificate, below: number, at: Date, work: ChainWork): Search<boolean> {
  if (issuer.version !== 3 || !isSameName(issuer.subject, subject.issuer)) return false;
  if (issuer.notBefore > at || issuer.notAfter < at) return false;
  const constraints = basicConstraintsOf(issuer.extensions);
  const usage = keyUsageOf(issuer.extensions);
  if (!constraints.ok || !usage.ok || !constraints.value.ca) return false;
  if (constraints.value.pathLength !== undefined && constraints.value.pathLength < below) return false;
  if (usage.value !== undefined && !usage.value.includes('keyCertSign')) return false;
  if (!hasOnlyUnderstoodCriticalExtensions(issuer)) return false;
  const { publicKey } = issuer;
  if (work.left < costOf(publicKey)) return false;
  work.left -= costOf(publicKey);
  return yield { subject, publicKey };
}

/** Every name below an issuer against its constraints; self-issued intermediates are exempt (RFC 5280 section 6.1.3 b, c). */
function keepsConstraints(path: readonly Certificate[], work: ChainWork): boolean {
  return path.every((issuer, depth) => {
    const constraints = nameConstraintsOf(issuer.extensions);
    if (!constraints.ok) return false;
    const { value } = constraints;
    if (value === undefined) return true;
    const below = path.slice(0, depth).filter((item, index) => index === 0 || !isSameName(item.subject, item.issuer));
    return below.every((item) => areNamesWithin(item, value, work.names));
  });
}

function hasOnlyUnderstoodCriticalExtensions(certificate: Certificate): boolean {
  return certificate.extensions.every((item) => !item.critical || understood.has(item.oid));
}
