import type { OrderDecisions } from '../enrolment/approve.js';
import type { DuplicateReader } from '../enrolment/duplicate-reader.js';
import type { OrderStore } from '../enrolment/ports.js';
import type { Clock } from '../runtime/clock.js';
import { systemContext, tenantContext } from '../tenancy/context.js';
import type { ProfileStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import type { Job } from './loop.js';

export interface DuplicateDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly duplicates: DuplicateReader;
  readonly orders: Pick<OrderStore, 'move'> & Pick<OrderDecisions, 'changeHeld'>;
  readonly clock: Clock;
}

/** What a first run looks back on, so that a worker that was away for some days misses nothing. */
const firstLookBackMs = 7 * 86_400_000;
/** Other nodes' clocks differ, and a certificate is signed before its order is committed. */
const overlapMs = 600_000;
const superseded = 4;
const reason = 'A new enrolment of the same device replaced the certificate.';

/**
 * Profiles whose duplicates replace (row SCEP-151): once a device has enrolled anew, its older certificates are revoked, also one on hold: it must not come back. Done after the
 * fact and from what is recorded, so that no crash between issuance and revocation leaves two.
 */
export function replaceDuplicatesJob(deps: DuplicateDeps): Job {
  let epoch: number | undefined;
  let replacing: readonly Profile[] = [];
  let since = deps.clock.now().getTime() - firstLookBackMs;

  async function readProfiles(): Promise<void> {
    const current = await deps.profiles.configEpoch();
    if (current === epoch) return;
    const all = await deps.profiles.all(systemContext('worker:duplicates'));
    replacing = all.filter(({ policy }) => policy.duplicates === 'replace');
    epoch = current;
  }

  return {
    name: 'replace-duplicates',
    everyMs: 2_000,
    async run() {
      const begun = deps.clock.now().getTime();
      await readProfiles();
      for (const profile of replacing) await replaceDuplicates(profile, new Date(since), deps);
      since = begun - overlapMs;
    },
  };
}

async function replaceDuplicates(profile: Profile, since: Date, deps: DuplicateDeps): Promise<void> {
  const context = tenantContext(profile.tenantId, 'worker:duplicates');
  for (const { orderId, certificateId, isHeld } of await deps.duplicates.replaced(context, profile.id, since)) {
    if (isHeld) await deps.orders.changeHeld(context, orderId, certificateId, reason, superseded);
    else await deps.orders.move(context, orderId, ['ISSUED', 'DELIVERED', 'CONFIRMED'], 'REVOKE_WANTED', reason, superseded);
  }
}
