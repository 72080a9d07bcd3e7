import type { IssuerViews } from '../enrolment/issuer-views.js';
import type { Issuers } from '../enrolment/ports.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { systemContext } from '../tenancy/context.js';
import type { ProfileStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';
import type { Job } from './loop.js';

export interface ShowIssuersDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly issuers: Pick<Issuers, 'forProfile'>;
  readonly issuerViews: Pick<IssuerViews, 'claim' | 'put'>;
  readonly clock: Clock;
  readonly log: Log;
}

const sweepMs = 60_000;
/** Larger ones are not passed on: renewals then go by our own record, as where a CA gives none. */
const largestCrl = 16 * 1_048_576;

/**
 * Puts down what the CAs outside show of themselves, once a minute and at every change of the configuration, for nodes that only serve devices
 * and hold no secrets to ask with. One process of all does so for each CA; a CA that does not answer keeps what it showed last.
 */
export function showIssuersJob(deps: ShowIssuersDeps): Job {
  let epoch: number | undefined;
  let sweptAt = Number.NEGATIVE_INFINITY;
  return {
    name: 'show-issuers',
    everyMs: 1_000,
    async run() {
      const now = deps.clock.now().getTime();
      const current = await deps.profiles.configEpoch();
      const isChanged = current !== epoch;
      if (!isChanged && now - sweptAt < sweepMs) return;
      const all = await deps.profiles.all(systemContext('worker:show-issuers'));
      const active = all.filter((profile) => profile.status === 'active');
      const byIssuer = new Map(active.map((profile) => [`${profile.connectorId} ${JSON.stringify(profile.overrides)}`, profile]));
      await Promise.all([...byIssuer.values()].map((profile) => show(profile, isChanged ? 0 : sweepMs - 5_000, deps)));
      [epoch, sweptAt] = [current, now];
    },
  };
}

async function show(profile: Profile, claimMs: number, { issuers, issuerViews, log }: ShowIssuersDeps): Promise<void> {
  const name = { connectorId: profile.connectorId, tenantId: profile.tenantId, overrides: JSON.stringify(profile.overrides) };
  try {
    const issuer = await issuers.forProfile(profile);
    if (issuer === undefined || issuer.local !== undefined || !(await issuerViews.claim(name, claimMs))) return;
    const [chain, crl] = await Promise.all([issuer.chain(), issuer.crl?.().catch(() => undefined)]);
    await issuerViews.put(name, { chain, crl: crl !== undefined && crl.length <= largestCrl ? crl : undefined });
  } catch (error) {
    log.debug({ err: error, connectorId: name.connectorId }, 'a CA does not show its certificates; what it showed last stands');
  }
}
