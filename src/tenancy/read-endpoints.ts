import { type Certificate, fromPem, keyUsageOf, parseCertificate } from '../pkix/index.js';
import type { Log } from '../runtime/log.js';
import { systemContext } from './context.js';
import type { LoadedRaKey } from './directory.js';
import { byState, type LoadedEncryptionKey, loadEncryptionKey } from './encryption-key.js';
import { byUse, createKeyCache, type RaKeyCache } from './load-ra-key.js';
import type { CredentialStore, ProfileStore } from './ports.js';
import type { Profile } from './profile.js';

/** What the database says of all endpoints at one moment. */
export interface Snapshot {
  /** Active ones, oldest first. */
  readonly profiles: readonly Profile[];
  readonly raKeys: ReadonlyMap<string, readonly LoadedRaKey[]>;
  readonly encryptionKeys: ReadonlyMap<string, readonly LoadedEncryptionKey[]>;
}

/** Keys of both kinds that were loaded before. */
interface KeyCaches {
  readonly raKeys: RaKeyCache;
  readonly encryptionKeys: RaKeyCache<LoadedEncryptionKey>;
}

interface Sources {
  readonly profiles: Pick<ProfileStore, 'all'>;
  readonly credentials: Pick<CredentialStore, 'listRaKeys'>;
  readonly log: Log;
}

const context = systemContext('directory');
const parallelReads = 8;

/** Active profiles with their usable RA keys; a key that cannot be loaded is logged and left out. Rejects when the database cannot be read. */
export async function readSnapshot(
  deps: Sources,
  raKeyCache: RaKeyCache,
  encryptionKeyCache: RaKeyCache<LoadedEncryptionKey> = createKeyCache(loadEncryptionKey),
): Promise<Snapshot> {
  const caches: KeyCaches = { raKeys: raKeyCache, encryptionKeys: encryptionKeyCache };
  const all = await deps.profiles.all(context);
  const active = all.filter((profile) => profile.status === 'active').sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime());
  const raKeys = new Map<string, readonly LoadedRaKey[]>();
  const encryptionKeys = new Map<string, readonly LoadedEncryptionKey[]>();
  for (let at = 0; at < active.length; at += parallelReads) {
    await Promise.all(
      active.slice(at, at + parallelReads).map(async (profile) => {
        const keys = await readRaKeys(deps, caches, profile);
        raKeys.set(profile.id, keys.signing);
        if (keys.encryption.length > 0) encryptionKeys.set(profile.id, keys.encryption);
      }),
    );
  }
  caches.raKeys.sweep();
  caches.encryptionKeys.sweep();
  return { profiles: active, raKeys, encryptionKeys };
}

interface KeysOfProfile {
  readonly signing: readonly LoadedRaKey[];
  readonly encryption: readonly LoadedEncryptionKey[];
}

async function readRaKeys(deps: Sources, caches: KeyCaches, profile: Profile): Promise<KeysOfProfile> {
  const keys = await deps.credentials.listRaKeys(context, profile.id);
  const signing: LoadedRaKey[] = [];
  const encryption: LoadedEncryptionKey[] = [];
  for (const key of keys) {
    if (key.certificate === null || key.state === 'destroyed') continue;
    const isForEncryption = key.purpose === 'cmp' && key.usage === 'encrypt';
    const result = isForEncryption ? caches.encryptionKeys.load(key) : caches.raKeys.load(key);
    if (!result.ok) deps.log.error({ profileId: profile.id, raKeyId: key.id }, `An RA key is left out: ${result.error}.`);
    else if ('secret' in result.value) encryption.push(result.value);
    else signing.push(noteMisleadingCa(result.value, profile, deps.log));
  }
  return { signing: signing.sort(byUse), encryption: encryption.sort(byState) };
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
