import type { Certificate } from '../pkix/index.js';
import type { Log } from '../runtime/log.js';
import { parseAll } from './load-ra-key.js';
import type { Profile } from './profile.js';

export interface ChainCache {
  /** The chain as last heard; empty while unknown. */
  chainOf(profile: Profile): readonly Certificate[];
  /** Asks again for every profile; resolves when all have answered or `patienceMs` is over. Late answers still arrive in the cache. */
  ask(profiles: readonly Profile[], patienceMs: number): Promise<void>;
  /** True once after something arrived later than it was waited for. */
  takeNews(): boolean;
  /** Whose chain is still unknown. */
  isComplete(profiles: readonly Profile[]): boolean;
}

/**
 * CA chains come from connectors, which may be slow or away; the directory must not wait for them. A chain once known is
 * kept until a newer one is heard.
 */
export function createChainCache(fetchChain: (profile: Profile) => Promise<readonly Buffer[]>, log: Log): ChainCache {
  const chains = new Map<string, readonly Certificate[]>();
  let hasNews = false;

  async function fetchOne(profile: Profile): Promise<void> {
    try {
      const parsed = parseAll(await fetchChain(profile));
      if (parsed === undefined) return log.warn({ profileId: profile.id }, 'The CA chain has a malformed certificate.');
      if (isSameChain(chains.get(keyOf(profile)), parsed)) return;
      chains.set(keyOf(profile), parsed);
      hasNews = true;
    } catch (error) {
      log.warn({ err: error, profileId: profile.id }, 'The CA chain could not be fetched.');
    }
  }

  return {
    chainOf: (profile) => chains.get(keyOf(profile)) ?? [],
    async ask(profiles, patienceMs) {
      await atMost(Promise.all(profiles.map(fetchOne)), patienceMs);
      hasNews = false;
    },
    takeNews() {
      const news = hasNews;
      hasNews = false;
      return news;
    },
    isComplete: (profiles) => profiles.every((profile) => chains.has(keyOf(profile))),
  };
}

/** A profile that moves to another CA must not go on showing the old one's chain. */
function keyOf(profile: Profile): string {
  return [profile.id, profile.connectorId, profile.overrides.caId ?? '', profile.overrides.caName ?? ''].join(' ');
}

function isSameChain(left: readonly Certificate[] | undefined, right: readonly Certificate[]): boolean {
  return left !== undefined && left.length === right.length && left.every((item, index) => right[index]?.der.equals(item.der));
}

async function atMost(work: Promise<unknown>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
