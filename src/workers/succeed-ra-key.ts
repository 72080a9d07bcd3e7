import type { Issuer, NextCa } from '../enrolment/ports.js';
import type { RaKey } from '../tenancy/credentials.js';
import { generateRaKey, obtainRaCertificate, type RaAnswer } from './prepare-ra-key.js';
import { listKeys, type RaKeyDeps, type Room, settleRivals } from './ra-key-room.js';
import { hasTime, isAnnounced } from './ra-key-times.js';

/** `ready`: an active key with a certificate stands. `waiting`: the CA has not answered yet. `refused`: the CA said no. */
export type RaKeyOutcome = 'ready' | 'waiting' | 'refused';

/** Stores a new key and returns the one to go on with: of keys made at once the first, ours is destroyed if it is not that. Undefined when a rival is already active. */
export async function addKey(room: Room, active: RaKey | undefined, deps: RaKeyDeps): Promise<RaKey | undefined> {
  const own = await deps.credentials.addRaKey(room.context, await generateRaKey(room.profile, room.usage, room.kind));
  const keys = await listKeys(room, deps);
  const isOvertaken = keys.some((key) => key.state === 'active' && key.id !== active?.id);
  const first = keys.find((key) => key.state === 'next') ?? own;
  if (isOvertaken || first.id !== own.id) await deps.credentials.setRaKeyState(room.context, own.id, 'destroyed');
  return isOvertaken ? undefined : first;
}

/** A key under the CA that follows: announced beside that CA, and active when that CA is. */
export async function announceFor(
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

/**
 * A key that the CA refused is given up, because its ref would only bring the same refusal again. A successor waits in state `next`,
 * where devices can learn of it (GetNextCACert), before it takes over.
 */
export async function certify(room: Room, next: RaKey, active: RaKey | undefined, issuer: Issuer, deps: RaKeyDeps): Promise<RaKeyOutcome> {
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

/** Empty while the connector cannot tell. */
export async function chainOf(issuer: Issuer | undefined): Promise<readonly Buffer[]> {
  try {
    return (await issuer?.chain()) ?? [];
  } catch {
    return [];
  }
}
