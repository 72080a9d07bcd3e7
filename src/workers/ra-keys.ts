import { tenantContext } from '../tenancy/context.js';
import type { RaKey } from '../tenancy/credentials.js';
import type { Profile } from '../tenancy/profile.js';
import { generateRaKey } from './prepare-ra-key.js';
import { contextOf, listKeys, type RaKeyDeps, type Room, settleRivals, wantedKeys } from './ra-key-room.js';
import { isExpected, isIssuedBy, isRenewalDue, overlapMs } from './ra-key-times.js';
import { destroySpent, tidyOthers } from './retire-ra-keys.js';
import { addKey, announceFor, certify, chainOf, type RaKeyOutcome } from './succeed-ra-key.js';

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
