import { type Certificate, fromPem, keyUsageOf, parseCertificate } from '../pkix/index.js';
import type { Log } from '../runtime/log.js';
import { systemContext } from './context.js';
import type { LoadedRaKey } from './directory.js';
import { byUse, type RaKeyCache } from './load-ra-key.js';
import type { CredentialStore, ProfileStore } from './ports.js';
import type { Profile } from './profile.js';

/** What the database says of all endpoints at one moment. */
export interface Snapshot {
  /** Active ones, oldest first. */
  readonly profiles: readonly Profile[];
  readonly raKeys: ReadonlyMap<string, readonly LoadedRaKey[]>;
}

interface Sources {
  readonly profiles: Pick<ProfileStore, 'all'>;
  readonly credentials: Pick<CredentialStore, 'listRaKeys'>;
  readonly log: Log;
}

const context = systemContext('directory');
const parallelReads = 8;

/** Active profiles with their usable RA keys; a key that cannot be loaded is logged and left out. Rejects when the database cannot be read. */
export async function readSnapshot(deps: Sources, cache: RaKeyCache): Promise<Snapshot> {
  const all = await deps.profiles.all(context);
  const active = all.filter((profile) => profile.status === 'active').sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime());
  const raKeys = new Map<string, readonly LoadedRaKey[]>();
  for (let at = 0; at < active.length; at += parallelReads) {
    await Promise.all(active.slice(at, at + parallelReads).map(async (profile) => raKeys.set(profile.id, await readRaKeys(deps, cache, profile))));
  }
  cache.sweep();
  return { profiles: active, raKeys };
}

async function readRaKeys(deps: Sources, cache: RaKeyCache, profile: Profile): Promise<readonly LoadedRaKey[]> {
  const keys = await deps.credentials.listRaKeys(context, profile.id);
  const loaded: LoadedRaKey[] = [];
  for (const key of keys) {
    if (key.certificate === null || key.state === 'destroyed') continue;
    const result = cache.load(key);
    if (result.ok) loaded.push(noteMisleadingCa(result.value, profile, deps.log));
    else deps.log.error({ profileId: profile.id, raKeyId: key.id }, `An RA key is left out: ${result.error}.`);
  }
  return loaded.sort(byUse);
}

const noted = new WeakSet<Certificate>();

/** GetCACert shows the RA beside its CA, and macOS encrypts to the first that carries keyEncipherment: said once for each RA certificate. */
function noteMisleadingCa(key: LoadedRaKey, profile: Profile, log: Log): LoadedRaKey {
  const [issuing] = key.chain;
  const usage = issuing === undefined ? undefined : keyUsageOf(issuing.extensions);
  if (profile.protocol !== 'scep' || !usage?.ok || !usage.value?.includes('keyEncipherment') || noted.has(key.certificate)) return key;
  noted.add(key.certificate);
  log.warn(
    { profileId: profile.id, raKeyId: key.id },
    'The CA certificate beside the RA certificate carries keyEncipherment; some clients will encrypt to it.',
  );
  return key;
}

/** The certificates in the policy; malformed ones are logged and left out. */
export function trustAnchorsOf(profile: Profile, log: Log): readonly Certificate[] {
  return profile.policy.cmp.trustAnchors.flatMap((pem) =>
    fromPem('CERTIFICATE', pem).flatMap((der) => {
      const parsed = parseCertificate(der);
      if (!parsed.ok) log.error({ profileId: profile.id }, 'A trust anchor of the policy is malformed and left out.');
      return parsed.ok ? [parsed.value] : [];
    }),
  );
}
