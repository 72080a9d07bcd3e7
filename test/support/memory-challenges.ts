import type { Clock } from '../../src/runtime/clock.js';
import type { ChallengeStore, MintedChallenge, NewChallenge } from '../../src/tenancy/challenge.js';

export interface MemoryChallenges extends ChallengeStore {
  /** Uses one up; false when it is used up, expired or unknown. */
  spend(id: string): boolean;
}

const monthMs = 30 * 86_400_000;

/** Minted challenges in memory. */
export function memoryChallenges(clock: Clock): MemoryChallenges {
  const challenges = new Map<string, NewChallenge & { readonly tenantId: string; used: number }>();
  const isExpired = (challenge: NewChallenge): boolean => challenge.expiresAt <= clock.now();
  const find: ChallengeStore['find'] = async (context, profileId, mac) => {
    const found = [...challenges.values()].find((one) => one.profileId === profileId && one.mac.equals(mac));
    if (found === undefined || (context.tenantId !== null && context.tenantId !== found.tenantId)) return undefined;
    const { mac: _mac, tenantId: _tenantId, ...fields } = found;
    return { ...fields, isExpired: isExpired(found) } satisfies MintedChallenge;
  };
  return {
    async admit(context, challenge) {
      const isKnown = [...challenges.values()].some(({ mac }) => mac.equals(challenge.mac));
      if (!isKnown) challenges.set(challenge.id, { ...challenge, tenantId: context.tenantId, used: 0 });
      return (await find(context, challenge.profileId, challenge.mac)) as MintedChallenge;
    },
    find,
    async mint(context, challenge) {
      challenges.set(challenge.id, { ...challenge, tenantId: context.tenantId, used: 0 });
    },
    async forget() {
      const old = [...challenges.values()].filter(({ expiresAt }) => expiresAt.getTime() < clock.now().getTime() - monthMs);
      for (const { id } of old) challenges.delete(id);
      return old.length;
    },
    spend(id) {
      const challenge = challenges.get(id);
      if (challenge === undefined || isExpired(challenge) || challenge.used >= challenge.maxUses) return false;
      challenge.used += 1;
      return true;
    },
  };
}
