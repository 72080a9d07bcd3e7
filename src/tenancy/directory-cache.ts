import type { Log } from '../runtime/log.js';
import { createChainCache } from './chain-cache.js';
import type { CmpEndpoint, EndpointDirectory, ScepEndpoint } from './directory.js';
import { loadEncryptionKey } from './encryption-key.js';
import { buildMaps, directoryOver, type EndpointMaps } from './endpoint-maps.js';
import { createKeyCache, createRaKeyCache } from './load-ra-key.js';
import type { CredentialStore, ProfileStore } from './ports.js';
import type { Profile } from './profile.js';
import { warningsOf } from './profile-warnings.js';
import { readSnapshot, type Snapshot, trustAnchorsOf } from './read-endpoints.js';

export interface DirectoryDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly credentials: Pick<CredentialStore, 'listRaKeys'>;
  /** The CA chain of the profile's connector, issuing CA first, root last, DER; may be slow and may fail. */
  readonly chainOf: (profile: Profile) => Promise<readonly Buffer[]>;
  readonly log: Log;
  /** The chain of the CA that is to follow, in the same order; empty while none is known. */
  readonly nextChainOf?: (profile: Profile) => Promise<readonly Buffer[]>;
  /** Called before a changed configuration is read: what was made from the old one is no longer good. */
  readonly onChange?: () => void | Promise<void>;
  /** Whether legacy paths also match in another case (the servers they come from did); true by default. */
  readonly legacyPathsIgnoreCase?: boolean;
}

export interface DirectoryCache {
  readonly directory: EndpointDirectory;
  /** Every endpoint of this moment. */
  all(): readonly (ScepEndpoint | CmpEndpoint)[];
  /** Reads everything again when the configuration changed; true when it did. Never rejects: an outage keeps what is known. */
  refresh(): Promise<boolean>;
  /** Reads everything again; rejects when the database cannot be read. */
  refreshNow(): Promise<void>;
  start(intervalMs?: number): void;
  stop(): void;
}

/** How long one reading waits for CA chains: short, because a status change must arrive within a second. */
const chainPatienceMs = 200;
/** Chains that are still missing are asked for again in this interval. */
const chainRetryMs = 15_000;

/** The endpoints in memory; look-ups are synchronous and never touch the database. */
export function createDirectory(deps: DirectoryDeps): DirectoryCache {
  const { profiles, log } = deps;
  const raKeys = createRaKeyCache();
  const encryptionKeyCache = createKeyCache(loadEncryptionKey);
  const chains = createChainCache(deps.chainOf, log);
  const nextChains = createChainCache(deps.nextChainOf ?? (async () => []), log);
  let known: Snapshot = { profiles: [], raKeys: new Map(), encryptionKeys: new Map() };
  let maps: EndpointMaps = buildMaps([], [], log);
  let epoch: number | undefined;
  let chainsAskedAt = 0;
  let isAway = false;
  let warned: Set<string> = new Set();
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  async function read(newEpoch: number): Promise<void> {
    await deps.onChange?.();
    known = await readSnapshot(deps, raKeys, encryptionKeyCache);
    warn(known.profiles);
    await askChains();
    maps = mapsOf(known);
    epoch = newEpoch;
  }

  /** Once for each profile and run: who starts a node with an open endpoint must see it in the log. */
  function warn(all: readonly Profile[]): void {
    const said = warned;
    warned = new Set();
    for (const profile of all.filter(({ status }) => status === 'active')) {
      for (const warning of warningsOf(profile)) {
        const mark = `${profile.id} ${warning}`;
        warned.add(mark);
        if (!said.has(mark)) log.warn({ profileId: profile.id, profile: profile.name }, warning);
      }
    }
  }

  async function askChains(): Promise<void> {
    chainsAskedAt = performance.now();
    await Promise.all([chains.ask(known.profiles, chainPatienceMs), nextChains.ask(known.profiles, chainPatienceMs)]);
  }

  function mapsOf(snapshot: Snapshot): EndpointMaps {
    const endpoint = (profile: Profile) => ({ raKeys: snapshot.raKeys.get(profile.id) ?? [], caChain: chains.chainOf(profile) });
    const scep: ScepEndpoint[] = [];
    const cmp: CmpEndpoint[] = [];
    for (const profile of snapshot.profiles) {
      if (profile.protocol === 'scep') scep.push({ profile, ...endpoint(profile), nextCaChain: nextChains.chainOf(profile) });
      else cmp.push({ profile, ...endpoint(profile), ...encryptionKeysOf(profile, snapshot), trustAnchors: trustAnchorsOf(profile, log) });
    }
    return buildMaps(scep, cmp, log);
  }

  function encryptionKeysOf(profile: Profile, { encryptionKeys }: Snapshot): Pick<CmpEndpoint, 'encryptionKeys'> {
    const keys = encryptionKeys.get(profile.id);
    return keys === undefined ? {} : { encryptionKeys: keys };
  }

  /** Chains that came late, and those that never came. */
  async function catchUp(): Promise<void> {
    const isDue = performance.now() - chainsAskedAt > chainRetryMs && !chains.isComplete(known.profiles);
    const hasNews = [chains, nextChains].map((cache) => cache.takeNews()).includes(true);
    if (isDue) await askChains();
    if (isDue || hasNews) maps = mapsOf(known);
  }

  async function readIfChanged(): Promise<boolean> {
    const newEpoch = await profiles.configEpoch();
    const isChanged = newEpoch !== epoch;
    if (isChanged) await read(newEpoch);
    else await catchUp();
    return isChanged;
  }

  /** One reading at a time, in order. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = queue.then(work);
    queue = next.catch(() => undefined);
    return next;
  }

  async function refresh(): Promise<boolean> {
    try {
      const isChanged = await inTurn(readIfChanged);
      if (isAway) log.info('The endpoint directory can be read again.');
      isAway = false;
      return isChanged;
    } catch (error) {
      if (!isAway) log.error({ err: error }, 'The endpoint directory cannot be read; the last one stays in use.');
      isAway = true;
      return false;
    }
  }

  function schedule(intervalMs: number): void {
    const next = setTimeout(async () => {
      await refresh();
      if (timer === next) schedule(intervalMs);
    }, intervalMs);
    next.unref();
    timer = next;
  }

  return {
    directory: directoryOver(() => maps, deps.legacyPathsIgnoreCase ?? true),
    all: () => [...maps.scep.values(), ...maps.cmp.values()],
    refresh,
    refreshNow: () => inTurn(async () => read(await profiles.configEpoch())),
    start(intervalMs = 500) {
      if (timer === undefined) schedule(intervalMs);
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
