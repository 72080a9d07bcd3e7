import type { Issuer, NextCa } from '../enrolment/ports.js';
import { isSameName, parseCertificate } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { EncryptionKeyType } from '../tenancy/cmp-keys.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { RaKey, RaKeyUsage } from '../tenancy/credentials.js';
import { encryptionKeyTypeOf, wantedEncryptionKeys } from '../tenancy/encryption-key.js';
import type { CredentialStore, ProfileStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import { generateRaKey, obtainRaCertificate, type RaAnswer } from './prepare-ra-key.js';

export interface RaKeyDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly credentials: Pick<CredentialStore, 'addRaKey' | 'setRaCertificate' | 'setRaKeyState' | 'putRaKeyInUse' | 'listRaKeys'>;
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
 * Sees to it that a profile has exactly one active RA key of each usage its policy wants, and a successor in time. The key is stored
 * before the CA is asked and its ref is its own id, so that every step may be cut off and done again, also by two processes at once: of
 * rival keys the one stored first stays. Rejects only when the database fails.
 */
export async function ensureRaKeys(profile: Profile, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  const wanted = wantedKeys(profile);
  const outcomes: RaKeyOutcome[] = [];
  for (const keys of wanted) outcomes.push(await ensureRaKey({ context: contextOf(profile), profile, ...keys }, deps));
  const outcome = outcomes.find((item) => item !== 'ready') ?? 'ready';
  await tidyOthers(profile, wanted, outcome === 'ready', deps);
  return outcome;
}

/**
 * Makes a successor for each active key now, ahead of its time: devices learn of it by GetNextCACert, and after the announcement it takes
 * over. Where a successor stands already it stays. The outcome is that of the CA's answers; `waiting` ones are asked for again by the job.
 */
export async function prepareNextRaKeys(profile: Profile, actor: string, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  for (const wanted of wantedKeys(profile)) {
    const room: Room = { context: tenantContext(profile.tenantId, actor), profile, ...wanted };
    const keys = await listKeys(room, deps);
    const active = keys.find((key) => key.state === 'active');
    if (active === undefined || keys.some((key) => key.state === 'next')) continue;
    const keepUntil = new Date(deps.clock.now().getTime() + overlapMs);
    await deps.credentials.addRaKey(room.context, { ...(await generateRaKey(profile, room.usage, room.kind)), keepUntil });
  }
  return ensureRaKeys(profile, deps);
}

/** The work that keys are wanted for; `kind`: of those that CMP devices encrypt to. */
interface WantedKeys {
  readonly usage: RaKeyUsage;
  readonly kind?: EncryptionKeyType;
}

/** The keys of one profile that do one kind of work. */
interface Room extends WantedKeys {
  readonly context: TenantContext;
  readonly profile: Profile;
}

function contextOf(profile: Profile): TenantContext {
  return tenantContext(profile.tenantId, 'worker:ra-keys');
}

/** SCEP's keys to encrypt to come first: without one a profile serves nobody. */
function wantedKeys({ protocol, policy }: Profile): readonly WantedKeys[] {
  if (protocol === 'cmp') return [{ usage: 'both' }, ...wantedEncryptionKeys(policy).map((kind) => ({ usage: 'encrypt' as const, kind }))];
  return policy.scep.raKeys === 'two' ? [{ usage: 'encrypt' }, { usage: 'sign' }] : [{ usage: 'both' }];
}

function doesWork(key: RaKey, { usage, kind }: WantedKeys): boolean {
  return key.usage === usage && (kind === undefined || encryptionKeyTypeOf(key.spki) === kind);
}

async function ensureRaKey(room: Room, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  const keys = await settleRivals(room, deps);
  const active = keys.find((key) => key.state === 'active');
  const issuer = await deps.issuers.forProfile(room.profile);
  const nextCa = issuer?.next?.();
  const [today] = await chainOf(issuer);
  const isDue = active === undefined || isRenewalDue(active, today, deps.clock);
  const isWanted = (key: RaKey): boolean => isDue || isExpected(key, today, nextCa);
  // A CA that cannot be asked may still want what it has certified.
  await destroySpent(room, keys, active, (key) => isWanted(key) || (today === undefined && key.certificate !== null), deps);
  const prepared = keys.find((key) => key.state === 'next' && isWanted(key));
  if (issuer === undefined) return active === undefined ? 'waiting' : 'ready';
  if (!isDue && nextCa !== undefined && (prepared === undefined || !isIssuedBy(prepared, today)))
    return announceFor(nextCa, room, prepared, active, issuer, deps);
  if (!isDue && prepared === undefined) return 'ready';
  const next = prepared ?? (await addKey(room, active, deps));
  return next === undefined ? 'ready' : certify(room, next, active, issuer, deps);
}

/** Made by hand, or certified by the CA of today or that of tomorrow. */
function isExpected(key: RaKey, today: Buffer | undefined, nextCa: NextCa | undefined): boolean {
  if (key.certificate === null) return key.keepUntil !== null || nextCa !== undefined;
  return isIssuedBy(key, nextCa?.chain[0]) || (key.keepUntil !== null && isIssuedBy(key, today));
}

function isIssuedBy(key: RaKey, ca: Buffer | undefined): boolean {
  const [certificate, issuing] = [key.certificate, ca].map((der) => parseCertificate(der ?? Buffer.alloc(0)));
  return certificate?.ok === true && issuing?.ok === true && isSameName(certificate.value.issuer, issuing.value.subject);
}

/** A key under the CA that follows: announced beside that CA, and active when that CA is. */
async function announceFor(
  nextCa: NextCa,
  room: Room,
  prepared: RaKey | undefined,
  active: RaKey | undefined,
  issuer: Issuer,
  deps: RaKeyDeps,
): Promise<RaKeyOutcome> {
  if (room.profile.protocol !== 'scep' || (prepared !== undefined && prepared.certificate !== null)) return 'ready';
  const next = prepared ?? (await addKey(room, active, deps));
  if (next === undefined) return 'ready';
  const answer = await obtainRaCertificate(room.profile, next, issuer, nextCa);
  if (answer.kind !== 'issued') return giveUpOrWait(room, next, answer, deps);
  await deps.credentials.setRaCertificate(room.context, next.id, answer.certificate, nextCa.chain, 'next');
  deps.log.info({ profileId: room.profile.id, raKeyId: next.id }, 'An RA key of the CA that follows is announced.');
  return 'ready';
}

/** The keys of this usage that were made here, oldest first; when two processes both made one active, all but the oldest retire. */
async function settleRivals(room: Room, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const keys = await listKeys(room, deps);
  const [, ...rivals] = keys.filter((key) => key.state === 'active');
  if (rivals.length === 0) return keys;
  for (const rival of rivals) await deps.credentials.setRaKeyState(room.context, rival.id, 'retiring');
  return listKeys(room, deps);
}

async function listKeys(room: Room, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const { context, profile } = room;
  const keys = await deps.credentials.listRaKeys(context, profile.id);
  return keys
    .filter((key) => key.purpose === profile.protocol && doesWork(key, room) && key.origin === 'generated')
    .sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime() || (left.id < right.id ? -1 : 1));
}

/** Within 30 days of its end (a third of its life where that is less), past it, or issued by a CA the profile no longer uses. */
function isRenewalDue(key: RaKey, today: Buffer | undefined, clock: Clock): boolean {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  if (!certificate?.ok) return true;
  const { notBefore, notAfter } = certificate.value;
  const window = Math.min(renewalWindowMs, (notAfter.getTime() - notBefore.getTime()) / 3);
  if (clock.now().getTime() >= notAfter.getTime() - window) return true;
  return today !== undefined && parseCertificate(today).ok && !isIssuedBy(key, today);
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
async function destroySpent(room: Room, keys: readonly RaKey[], active: RaKey | undefined, isWanted: (key: RaKey) => boolean, deps: RaKeyDeps): Promise<void> {
  if (active === undefined) return;
  const now = deps.clock.now().getTime();
  for (const key of keys) {
    const isSpent = key.state === 'retiring' && isRetirementOver(key, active, now);
    const isLeftover = key.state === 'next' && !isWanted(key) && now - key.createdAt.getTime() > leftoverMs;
    if (isSpent || isLeftover) await deps.credentials.setRaKeyState(room.context, key.id, 'destroyed');
  }
}

function isRetirementOver(key: RaKey, active: RaKey, now: number): boolean {
  return now - active.createdAt.getTime() > overlapMs + announcementMs || isExpired(key, now);
}

function isExpired(key: RaKey, now: number): boolean {
  const certificate = key.certificate === null ? undefined : parseCertificate(key.certificate);
  return certificate?.ok === true && certificate.value.notAfter.getTime() <= now;
}

/**
 * Keys of a usage that the policy no longer wants retire once those that replace them stand, and go as other retired keys do. Imported
 * ones go when their time is over, whatever their certificates say: their devices fetched those long ago.
 */
async function tidyOthers(profile: Profile, wanted: readonly WantedKeys[], isReady: boolean, deps: RaKeyDeps): Promise<void> {
  const context = contextOf(profile);
  const now = deps.clock.now().getTime();
  const keys = (await deps.credentials.listRaKeys(context, profile.id)).filter((key) => key.purpose === profile.protocol);
  const isWanted = (key: RaKey): boolean => wanted.some((work) => doesWork(key, work));
  const [active] = keys.filter((key) => key.state === 'active' && isWanted(key));
  for (const key of keys) {
    if (key.origin === 'imported') {
      if (key.keepUntil !== null && key.keepUntil.getTime() <= now) await deps.credentials.setRaKeyState(context, key.id, 'destroyed');
    } else if (!isWanted(key) && isReady && active !== undefined) {
      if (key.state === 'active') await deps.credentials.setRaKeyState(context, key.id, 'retiring');
      else if (key.state === 'next' || isRetirementOver(key, active, now)) await deps.credentials.setRaKeyState(context, key.id, 'destroyed');
    }
  }
}

/** Stores a new key and returns the one to go on with: of keys made at once the first, ours is destroyed if it is not that. Undefined when a rival is already active. */
async function addKey(room: Room, active: RaKey | undefined, deps: RaKeyDeps): Promise<RaKey | undefined> {
  const own = await deps.credentials.addRaKey(room.context, await generateRaKey(room.profile, room.usage, room.kind));
  const keys = await listKeys(room, deps);
  const isOvertaken = keys.some((key) => key.state === 'active' && key.id !== active?.id);
  const first = keys.find((key) => key.state === 'next') ?? own;
  if (isOvertaken || first.id !== own.id) await deps.credentials.setRaKeyState(room.context, own.id, 'destroyed');
  return isOvertaken ? undefined : first;
}

/**
 * A key that the CA refused is given up, because its ref would only bring the same refusal again. A successor waits in state `next`,
 * where devices can learn of it (GetNextCACert), before it takes over.
 */
async function certify(room: Room, next: RaKey, active: RaKey | undefined, issuer: Issuer, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  const { credentials, log, clock } = deps;
  if (next.certificate !== null) return isAnnounced(next, active, clock) ? 'ready' : activate(room, next, next.certificate, active, next.chain, deps);
  const answer = await obtainRaCertificate(room.profile, next, issuer);
  if (answer.kind !== 'issued') return giveUpOrWait(room, next, answer, deps);
  const chain = await chainOf(issuer);
  if (room.profile.protocol !== 'scep' || !hasTime(active, answer.certificate, clock)) {
    return activate(room, next, answer.certificate, active, chain, deps);
  }
  await credentials.setRaCertificate(room.context, next.id, answer.certificate, chain, 'next');
  log.info({ profileId: room.profile.id, raKeyId: next.id }, 'An RA key is announced.');
  return 'ready';
}

async function giveUpOrWait(room: Room, next: RaKey, answer: Exclude<RaAnswer, { kind: 'issued' }>, deps: RaKeyDeps): Promise<RaKeyOutcome> {
  deps.log.warn({ profileId: room.profile.id, raKeyId: next.id, reason: answer.reason }, 'An RA key has no certificate yet.');
  if (answer.kind !== 'refused') return 'waiting';
  await deps.credentials.setRaKeyState(room.context, next.id, 'destroyed');
  return 'refused';
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

/** The old key retires as the new one takes over: cut off before that, the next run finds the key and its ref and goes on. */
async function activate(
  room: Room,
  next: RaKey,
  certificate: Buffer,
  active: RaKey | undefined,
  chain: readonly Buffer[],
  deps: RaKeyDeps,
): Promise<RaKeyOutcome> {
  const { credentials, log } = deps;
  if (!(await credentials.putRaKeyInUse(room.context, { id: next.id, certificate, chain }, active?.id))) return 'waiting';
  await settleRivals(room, deps);
  log.info({ profileId: room.profile.id, raKeyId: next.id }, 'An RA key is active.');
  return 'ready';
}
