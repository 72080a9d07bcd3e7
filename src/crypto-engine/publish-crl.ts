import { authorityKeyIdentifierExtension, crlNumberExtension, signCrlInTurns } from '../pkix/index.js';
import type { Clock } from '../runtime/clock.js';
import type { LoadedCa } from './loaded-ca.js';
import type { EngineRevocation, EngineStore, PublishedCrl } from './ports.js';

const dayMs = 86_400_000;
const lifetimeMs = 7 * dayMs;
/** Another process may have revoked something: how long a cached list is trusted without a look at the store. */
const recheckMs = 30_000;

/** What is known of one CA's list. A revocation puts a new slot in place, so that a list begun before it is not kept after it. */
interface Slot {
  crl: PublishedCrl | undefined;
  /** What the list was made of: how many, the latest, and how many of them on hold. */
  revocations: string;
  checkedAt: number;
  underWay: Promise<PublishedCrl> | undefined;
}

const emptySlot = (): Slot => ({ crl: undefined, revocations: '', checkedAt: 0, underWay: undefined });

export interface CrlPublisher {
  current(ca: LoadedCa): Promise<PublishedCrl>;
  /** The next reader gets a new list. */
  forget(caId: string): void;
}

/**
 * CRLs made when they are asked for: kept for a day, made anew earlier when something was revoked. Concurrent readers wait
 * for one list. While the store cannot be read, a list that is still valid goes on being served.
 */
export function createCrlPublisher(store: EngineStore, clock: Clock): CrlPublisher {
  const slots = new Map<string, Slot>();

  async function refresh(ca: LoadedCa, slot: Slot): Promise<PublishedCrl> {
    const now = clock.now();
    const revocations = await store.revocations(ca.id);
    const isCurrent = slot.crl !== undefined && isYoung(slot.crl, now) && slot.revocations === markOf(revocations);
    const crl = isCurrent && slot.crl !== undefined ? slot.crl : await writeCrl(ca, revocations, await store.nextCrlNumber(ca.id), now);
    Object.assign(slot, { crl, revocations: markOf(revocations), checkedAt: now.getTime() });
    return crl;
  }

  function refreshOnce(ca: LoadedCa, slot: Slot): Promise<PublishedCrl> {
    slot.underWay ??= refresh(ca, slot).finally(() => {
      slot.underWay = undefined;
    });
    return slot.underWay;
  }

  return {
    async current(ca) {
      const slot = slots.get(ca.id) ?? emptySlot();
      slots.set(ca.id, slot);
      const age = clock.now().getTime() - slot.checkedAt;
      if (slot.crl !== undefined && age >= 0 && age < recheckMs) return slot.crl;
      try {
        return await refreshOnce(ca, slot);
      } catch (error) {
        if (slot.crl === undefined || slot.crl.nextUpdate <= clock.now()) throw error;
        return slot.crl;
      }
    },
    forget(caId) {
      slots.set(caId, { ...emptySlot(), crl: slots.get(caId)?.crl, revocations: 'none' });
    },
  };
}

/** Changes whenever something is revoked, released, or revoked for good after a hold. */
function markOf(revocations: readonly EngineRevocation[]): string {
  const latest = revocations.reduce((time, { revokedAt }) => Math.max(time, revokedAt.getTime()), 0);
  return `${revocations.length} ${latest} ${revocations.filter(({ reason }) => reason === 6).length}`;
}

function isYoung(crl: PublishedCrl, now: Date): boolean {
  return now.getTime() - crl.thisUpdate.getTime() < dayMs;
}

async function writeCrl(ca: LoadedCa, revocations: readonly EngineRevocation[], number: number, now: Date): Promise<PublishedCrl> {
  const thisUpdate = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const nextUpdate = new Date(thisUpdate.getTime() + lifetimeMs);
  const der = await signCrlInTurns(
    {
      issuer: ca.certificate.subject,
      thisUpdate,
      nextUpdate,
      revoked: revocations.map(({ serial, revokedAt, reason }) => ({ serial: Buffer.from(serial, 'hex'), revokedAt, reason })),
      extensions: [authorityKeyIdentifierExtension(ca.keyIdentifier), crlNumberExtension(number)],
    },
    ca.signer,
  );
  return { der, number, thisUpdate, nextUpdate };
}
