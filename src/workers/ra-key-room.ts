import type { Issuer } from '../enrolment/ports.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { EncryptionKeyType } from '../tenancy/cmp-keys.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { RaKey, RaKeyUsage } from '../tenancy/credentials.js';
import { encryptionKeyTypeOf, wantedEncryptionKeys } from '../tenancy/encryption-key.js';
import type { CredentialStore, ProfileStore } from '../tenancy/ports.js';
import type { Profile } from '../tenancy/profile.js';

export interface RaKeyDeps {
  readonly profiles: Pick<ProfileStore, 'all' | 'configEpoch'>;
  readonly credentials: Pick<CredentialStore, 'addRaKey' | 'setRaCertificate' | 'setRaKeyState' | 'putRaKeyInUse' | 'listRaKeys'>;
  readonly issuers: { forProfile(profile: Profile): Promise<Issuer | undefined> };
  readonly clock: Clock;
  readonly log: Log;
}

/** The work that keys are wanted for; `kind`: of those that CMP devices encrypt to. */
export interface WantedKeys {
  readonly usage: RaKeyUsage;
  readonly kind?: EncryptionKeyType;
}

/** The keys of one profile that do one kind of work. */
export interface Room extends WantedKeys {
  readonly context: TenantContext;
  readonly profile: Profile;
}

export function contextOf(profile: Profile): TenantContext {
  return tenantContext(profile.tenantId, 'worker:ra-keys');
}

/** SCEP's keys to encrypt to come first: without one a profile serves nobody. */
export function wantedKeys({ protocol, policy }: Profile): readonly WantedKeys[] {
  if (protocol === 'cmp') return [{ usage: 'both' }, ...wantedEncryptionKeys(policy).map((kind) => ({ usage: 'encrypt' as const, kind }))];
  return policy.scep.raKeys === 'two' ? [{ usage: 'encrypt' }, { usage: 'sign' }] : [{ usage: 'both' }];
}

export function doesWork(key: RaKey, { usage, kind }: WantedKeys): boolean {
  return key.usage === usage && (kind === undefined || encryptionKeyTypeOf(key.spki) === kind);
}

export async function listKeys(room: Room, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const { context, profile } = room;
  const keys = await deps.credentials.listRaKeys(context, profile.id);
  return keys
    .filter((key) => key.purpose === profile.protocol && doesWork(key, room) && key.origin === 'generated')
    .sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime() || (left.id < right.id ? -1 : 1));
}

/** The keys of this usage that were made here, oldest first; when two processes both made one active, all but the oldest retire. */
export async function settleRivals(room: Room, deps: RaKeyDeps): Promise<readonly RaKey[]> {
  const keys = await listKeys(room, deps);
  const [, ...rivals] = keys.filter((key) => key.state === 'active');
  if (rivals.length === 0) return keys;
  for (const rival of rivals) await deps.credentials.setRaKeyState(room.context, rival.id, 'retiring');
  return listKeys(room, deps);
}
