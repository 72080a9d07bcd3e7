import type { Issuer } from '../enrolment/ports.js';
import { isSameName, parseCertificate } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { systemContext, type TenantContext, tenantContext } from '../tenancy/context.js';
import type { RaKey } from '../tenancy/credentials.js';
import type { CredentialStore, ProfileStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import type { Job } from './loop.js';
import { generateRaKey, obtainRaCertificate } from './prepare-ra-key.js';

export interface RaKeyDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly credentials: Pick<CredentialStore, 'addRaKey' | 'setRaCertificate' | 'setRaKeyState' | 'listRaKeys'>;
  readonly issuers: { forProfile(profile: Profile): Promise<Issuer | undefined> };
  readonly clock: Clock;
  readonly log: Log;
}

/** `ready`: an active key with a certificate stands. `waiting`: the CA has not answered yet. `refused`: the CA said no. */
export type RaKeyOutcome = 'ready' | 'waiting' | 'refused';

const dayMs = 86_400_000;
const renewalWindowMs = 30 * dayMs;
/** How long devices may go on using a replaced key (they keep the RA certificate they once fetched). */
const overlapMs = 30 * dayMs;
/** How long a successor of a SCEP key stands beside it before it takes over; it counts from the making of the key, as the overlap does. */
const announcementMs = 7 * dayMs;
const leftoverMs = 3_600_000;

/**
 * Sees to it that a profile has exactly one active RA key, and a successor in time. The key is stored before the CA is asked
 * and its ref is its own id, so that every step may be cut off and done again, also by two processes at once: of rival keys
 * the one stored first stays. Rejects only when the database fails.
 */
export async function ensureRaKeys(profile: Profile, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  const context = tenantContext(profile.tenantId, 'worker:ra-keys');
  const keys = await settleRivals(context, profile, deps);
  const active = keys.find((key) => key.state === 'active');
  const issuer = await deps.issuers.forProfile(profile);
  const isDue = active === undefined || (await isRenewalDue(active, issuer, deps.clock));
  await destroySpent(context, keys, active, isDue, deps);
  if (!isDue) return 'ready';
  if (issuer === undefined) return active === undefined ? 'waiting' : 'ready';
  const next = keys.find((key) => key.state === 'next') ?? (await addKey(context, profile, active, deps));
  if (next === undefined) return 'ready';
  return certify(context, profile, next, active, issuer, deps);
}

/** The profile's keys, oldest first; when two processes both made one active, all but the oldest retire. */
async function settleRivals(context: TenantContext, profile: Profile, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const keys = await listKeys(context, profile, deps);
  const [, ...rivals] = keys.filter((key) => key.state === 'active');
  if (rivals.length === 0) return keys;
  for (const rival of rivals) await deps.credentials.setRaKeyState(context, rival.id, 'retiring');
  return listKeys(context, profile, deps);
}

async function listKeys(context: TenantContext, profile: Profile, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const keys = await deps.credentials.listRaKeys(context, profile.id);
  return keys
    .filter((key) => key.purpose === profile.protocol)
    .sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime() || (left.id < right.id ? -1 : 1));
}

/** Within 30 days of its end (a third of its life where that is less), past it, or issued by a CA the profile no longer uses. */
async function isRenewalDue(key: RaKey, issuer: Issuer | undefined, clock: Clock): Promise<boolean> {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  if (!certificate?.ok) return true;
  const { notBefore, notAfter, issuer: issuerName } = certificate.value;
  const window = Math.min(renewalWindowMs, (notAfter.getTime() - notBefore.getTime()) / 3);
  if (clock.now().getTime() >= notAfter.getTime() - window) return true;
  const [ca] = await chainOf(issuer);
  const issuing = ca === undefined ? undefined : parseCertificate(ca);
  return issuing?.ok === true && !isSameName(issuing.value.subject, issuerName);
}

/** Empty while the connector cannot tell. */
async function chainOf(issuer: Issuer | undefined): Promise<readonly Buffer[]> {
  try {
    return (await issuer?.chain()) ?? [];
  } catch {
    return [];
  }
}

/** Retired keys after the overlap, and keys of races and crashes that nobody will take up again. */
async function destroySpent(context: TenantContext, keys: readonly RaKey[], active: RaKey | undefined, isDue: boolean, deps: RaKeyDeps): Promise<void> {
  if (active === undefined) return;
  const now = deps.clock.now().getTime();
  const isOverlapOver = now - active.createdAt.getTime() > overlapMs + announcementMs;
  for (const key of keys) {
    const isSpent = key.state === 'retiring' && (isOverlapOver || isExpired(key, now));
    const isLeftover = key.state === 'next' && !isDue && now - key.createdAt.getTime() > leftoverMs;
    if (isSpent || isLeftover) await deps.credentials.setRaKeyState(context, key.id, 'destroyed');
  }
}

function isExpired(key: RaKey, now: number): boolean {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  return certificate?.ok === true && certificate.value.notAfter.getTime() <= now;
}

/** Stores a new key and returns the one to go on with: of keys made at once the first, ours is destroyed if it is not that. Undefined when a rival is already active. */
async function addKey(context: TenantContext, profile: Profile, active: RaKey | undefined, deps: RaKeyDeps): Promise<RaKey | undefined> {
  const own = await deps.credentials.addRaKey(context, await generateRaKey(profile));
  const keys = await listKeys(context, profile, deps);
  const isOvertaken = keys.some((key) => key.state === 'active' && key.id !== active?.id);
  const first = keys.find((key) => key.state === 'next') ?? own;
  if (isOvertaken || first.id !== own.id) await deps.credentials.setRaKeyState(context, own.id, 'destroyed');
  return isOvertaken ? undefined : first;
}

/**
 * A key that the CA refused is given up, because its ref would only bring the same refusal again. A successor waits in state `next`,
 * where devices can learn of it (GetNextCACert), before it takes over.
 */
async function certify(
  context: TenantContext,
  profile: Profile,
  next: RaKey,
  active: RaKey | undefined,
  issuer: Issuer,
  deps: RaKeyDeps,
): Promise<RaKeyOutcome> {
  const { credentials, log, clock } = deps;
  if (next.certificate !== null)
    return isAnnounced(next, active, clock) ? 'ready' : activate(context, profile, next, next.certificate, active, next.chain, deps);
  const answer = await obtainRaCertificate(profile, next, issuer);
  if (answer.kind !== 'issued') {
    log.warn({ profileId: profile.id, raKeyId: next.id, reason: answer.reason }, 'An RA key has no certificate yet.');
    if (answer.kind === 'refused') await credentials.setRaKeyState(context, next.id, 'destroyed');
    return answer.kind === 'refused' ? 'refused' : 'waiting';
  }
  const chain = await chainOf(issuer);
  if (profile.protocol !== 'scep' || !hasTime(active, answer.certificate, clock)) {
    return activate(context, profile, next, answer.certificate, active, chain, deps);
  }
  await credentials.setRaCertificate(context, next.id, answer.certificate, chain, 'next');
  log.info({ profileId: profile.id, raKeyId: next.id }, 'An RA key is announced.');
  return 'ready';
}

/** Still to be kept for the time of announcement. */
function isAnnounced(next: RaKey, active: RaKey | undefined, clock: Clock): boolean {
  const age = clock.now().getTime() - next.createdAt.getTime();
  return next.certificate !== null && age < announcementMs && hasTime(active, next.certificate, clock);
}

/** Whether the key in use can go on for the time of announcement: valid until then, and of the CA that issued its successor. */
function hasTime(active: RaKey | undefined, successor: Buffer, clock: Clock): boolean {
  const [today, tomorrow] = [active?.certificate ?? Buffer.alloc(0), successor].map((der) => parseCertificate(der));
  if (!today?.ok || !tomorrow?.ok || !isSameName(today.value.issuer, tomorrow.value.issuer)) return false;
  return today.value.notAfter.getTime() - clock.now().getTime() > announcementMs;
}

/** The old key retires before the new one takes over: cut off in between, the next run finds the key and its ref and goes on. */
async function activate(
  context: TenantContext,
  profile: Profile,
  next: RaKey,
  certificate: Buffer,
  active: RaKey | undefined,
  chain: readonly Buffer[],
  deps: RaKeyDeps,
): Promise<RaKeyOutcome> {
  const { credentials, log } = deps;
  if (active !== undefined) await credentials.setRaKeyState(context, active.id, 'retiring');
  await credentials.setRaCertificate(context, next.id, certificate, chain, 'active');
  await settleRivals(context, profile, deps);
  log.info({ profileId: profile.id, raKeyId: next.id }, 'An RA key is active.');
  return 'ready';
}

const sweepMs = 3_600_000;
const waitingMs = 15_000;
const longestWaitMs = 3_600_000;
const atOnce = 4;

/** When a profile without an answer is tried again. */
interface Retry {
  readonly at: number;
  readonly refusals: number;
}

/**
 * Looks at every active profile when the configuration changed (a new profile gets its key within a second) and once an hour;
 * profiles whose CA has not answered are tried again after 15 seconds, refused ones after 1, 2, 4 ... 60 minutes.
 */
export function raKeyJob(deps: RaKeyDeps): Job {
  const retries = new Map<string, Retry>();
  let epoch: number | undefined;
  let sweptAt = Number.NEGATIVE_INFINITY;

  async function tend(profile: Profile, now: number): Promise<void> {
    const before = retries.get(profile.id);
    if (before !== undefined && before.at > now) return;
    const outcome = await ensureRaKeys(profile, deps).catch((error: unknown) => {
      deps.log.error({ err: error, profileId: profile.id }, 'The RA keys of a profile could not be tended.');
      return 'waiting' as const;
    });
    if (outcome === 'ready') retries.delete(profile.id);
    else retries.set(profile.id, retryAfter(outcome, before, now));
  }

  return {
    name: 'ra-keys',
    everyMs: 500,
    async run() {
      const now = deps.clock.now().getTime();
      const current = await deps.profiles.configEpoch();
      const isRetryDue = [...retries.values()].some((retry) => retry.at <= now);
      if (current === epoch && now - sweptAt < sweepMs && !isRetryDue) return;
      const all = await deps.profiles.all(systemContext('worker:ra-keys'));
      const active = all.filter((profile) => profile.status === 'active');
      for (const id of retries.keys()) if (!active.some((profile) => profile.id === id)) retries.delete(id);
      await forEachAtOnce(active, (profile) => tend(profile, now));
      epoch = current;
      sweptAt = now;
    },
  };
}

function retryAfter(outcome: 'waiting' | 'refused', before: Retry | undefined, now: number): Retry {
  const refusals = before?.refusals ?? 0;
  if (outcome === 'waiting') return { at: now + waitingMs, refusals };
  return { at: now + Math.min(60_000 * 2 ** refusals, longestWaitMs), refusals: refusals + 1 };
}

/** A few at a time, so that one slow CA does not hold up the others. */
async function forEachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
