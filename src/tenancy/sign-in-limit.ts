import { createHash } from 'node:crypto';

/** After `free` tries each further one waits twice as long as the one before, from `firstMs` up to `longestMs`; a block always ends. */
export interface LimitRule {
  readonly free: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * `pair`: one account from one address. `source`: one address, whatever the account; larger, since many people share one. `account`: one
 * account from addresses it was never signed in from: who guesses from everywhere is slowed down, and the owner at the usual place is not.
 */
export const limitRules = {
  pair: { free: 5, firstMs: 30_000, longestMs: 15 * 60_000 },
  source: { free: 50, firstMs: 30_000, longestMs: 15 * 60_000 },
  account: { free: 20, firstMs: 30_000, longestMs: 5 * 60_000 },
} as const satisfies Record<string, LimitRule>;
export type LimitKind = keyof typeof limitRules;

/** Tries are forgotten when none came for so long. */
export const limitMemoryMs = 3_600_000;
/** How long an address counts as one of the account's own. */
export const knownSourceMs = 90 * 86_400_000;

export interface LimitKey {
  readonly kind: LimitKind;
  readonly hash: Buffer;
}

/** The keys of one try, and the mark of an address that the account was signed in from. All are hashes. */
export function limitKeys(username: string, source: string): { readonly keys: readonly LimitKey[]; readonly known: Buffer } {
  const place = networkOf(source);
  const keys = [
    { kind: 'pair', hash: hashOf('pair', username, place) },
    { kind: 'source', hash: hashOf('source', place) },
    { kind: 'account', hash: hashOf('account', username) },
  ] as const;
  return { keys, known: hashOf('known', username, place) };
}

/** Of IPv6 the /64, which one subscriber has to himself. */
function networkOf(source: string): string {
  if (!source.includes(':') || /\.\d+$/.test(source)) return source;
  const [head = '', tail] = source.toLowerCase().split('%')[0]?.split('::') ?? [];
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':');
}

function hashOf(...parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

/** How long the try after the `tries`-th has to wait, in milliseconds. */
export function waitAfter(tries: number, { free, firstMs, longestMs }: LimitRule): number {
  return tries < free ? 0 : Math.min(longestMs, firstMs * 2 ** Math.min(tries - free, 30));
}

/** Counters shared by all processes. */
export interface SignInLimits {
  /**
   * Counts a try before its outcome is known, so that tries made at once count as well. `known`: where this mark stands, the account's own
   * limit does not hold. Returns the milliseconds to wait when a block stands; then nothing is counted.
   */
  take(keys: readonly LimitKey[], known: Buffer, now: Date): Promise<number>;
  /** A try that succeeded: forgets those of this account and leaves the mark. */
  succeeded(keys: readonly LimitKey[], known: Buffer, now: Date): Promise<void>;
  /** Removes what is over. */
  forget(now: Date): Promise<number>;
}
