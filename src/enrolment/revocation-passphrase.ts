import { fail, ok, type Result } from '../runtime/result.js';
import type { Secret } from '../runtime/secret.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { recognise } from './recognise.js';
import { type Refusal, refusal } from './refusal.js';
import type { Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** A passphrase that a device left for the day it has lost its key (RFC 9810 appendix B). */
export interface StoredPassphrase {
  readonly id: string;
  /** Whose certificates it revokes: `certificate:<serial>` or `secret:<reference>`, as orders name their credential. */
  readonly owner: string;
  readonly passphrase: Secret<Buffer>;
}

export interface NewPassphrase extends Omit<StoredPassphrase, 'id'> {
  readonly profileId: string;
  /** By which the device names it: the senderKID of its rr, 1 to 64 octets. */
  readonly keyId: Buffer;
  readonly expiresAt: Date;
}

export interface PassphraseStore {
  /** In the place of the one its owner left before. False, and nothing done, where another owner uses the identifier. */
  keep(context: TenantContext, passphrase: NewPassphrase): Promise<boolean>;
  /** One that has not expired. */
  find(context: TenantContext, profileId: string, keyId: Buffer): Promise<StoredPassphrase | undefined>;
}

/** What a protocol does with passphrases, after it has decrypted and verified them. */
export interface RevocationPassphrases {
  keep(profile: Profile, evidence: Evidence, keyId: Buffer, passphrase: Secret<Buffer>): Promise<Result<true, Refusal>>;
  find(profile: Profile, keyId: Buffer): Promise<StoredPassphrase | undefined>;
}

/** One left under a secret of a single device serves as long as its certificates last. */
const secretLifetimeMs = 10 * 365 * 86_400_000;

export function createRevocationPassphrases(store: PassphraseStore, deps: EnrolmentDeps): RevocationPassphrases {
  return {
    async keep(profile, evidence, keyId, passphrase) {
      const context = tenantContext(profile.tenantId, 'device');
      const known = await recognise(evidence, profile, context, deps);
      if (!known.ok) return known;
      const owner = await ownerOf(profile, evidence, context, deps);
      if (!owner.ok) return owner;
      const { label, expiresAt } = owner.value;
      const isKept = await store.keep(context, { profileId: profile.id, keyId, owner: label, passphrase, expiresAt });
      await deps.audit.append({
        at: deps.clock.now(),
        tenantId: profile.tenantId,
        actor: 'device',
        action: 'revocation-passphrase.kept',
        object: `profile:${profile.id}`,
        outcome: isKept ? 'success' : 'failure',
        details: { owner: label, keyId: keyId.toString('hex') },
      });
      return isKept ? ok(true) : fail(refusal('not-authorised', 'another owner uses this identifier for its passphrase'));
    },
    find: (profile, keyId) => store.find(tenantContext(profile.tenantId, 'device'), profile.id, keyId),
  };
}

interface Owner {
  readonly label: string;
  readonly expiresAt: Date;
}

/** The holder of a certificate of the profile, or a device with a secret of its own: a secret that many share would let each revoke the others. */
async function ownerOf(profile: Profile, { secret, signer }: Evidence, context: TenantContext, deps: EnrolmentDeps): Promise<Result<Owner, Refusal>> {
  if (secret !== undefined) {
    const { limits, reference } = secret;
    if (limits === undefined) return fail(refusal('not-authorised', 'a passphrase under a secret that many devices share'));
    return ok({ label: `secret:${reference}`, expiresAt: new Date(deps.clock.now().getTime() + secretLifetimeMs) });
  }
  const issued = signer && (await deps.certificates.findByFingerprint(context, deps.fingerprint(signer.certificate.der)));
  if (issued?.profileId !== profile.id) return fail(refusal('signer-not-trusted', 'not a certificate of this profile'));
  return ok({ label: `certificate:${issued.serial}`, expiresAt: issued.notAfter });
}
