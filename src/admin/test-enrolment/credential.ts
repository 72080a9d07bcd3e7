import { uuidv7 } from '../../runtime/ids.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { Secret } from '../../runtime/secret.js';
import type { TenantContext } from '../../tenancy/context.js';
import { challengeMac, generateCredential } from '../../tenancy/credentials.js';
import type { CmpProfile, Profile, ScepProfile } from '../../tenancy/profile.js';
import type { AdminParts, DeviceUnderTest } from '../ports.js';

const lifeMs = 600_000;

/** What the played device shows, in which words, and how it is taken away afterwards. */
export interface TestCredential {
  readonly shown: Pick<DeviceUnderTest, 'challenge' | 'secret' | 'registrationToken'>;
  readonly detail: string;
  withdraw(): Promise<void>;
}

/** Makes a secret for one device and one order that lives ten minutes; `deviceName` is its reference. Fails in words where no device can be played. */
export function makeCredential(profile: Profile, deviceName: string, context: TenantContext, deps: AdminParts): Promise<Result<TestCredential, string>> {
  return profile.protocol === 'scep' ? scepCredential(profile, deviceName, context, deps) : cmpCredential(profile, deviceName, context, deps);
}

async function scepCredential(profile: ScepProfile, deviceName: string, context: TenantContext, deps: AdminParts): Promise<Result<TestCredential, string>> {
  const withdraw = async () => {};
  if (profile.challengeMode === 'none') return ok({ shown: {}, detail: 'The profile asks for no challenge.', withdraw });
  const challenge = await mintChallenge(profile, deviceName, context, deps);
  const judge =
    profile.challengeMode === 'webhook' || profile.challengeMode === 'intune' ? ` What judges challenges in mode ${profile.challengeMode} is not asked.` : '';
  return ok({ shown: { challenge }, detail: `A one-time challenge was made for this device.${judge}`, withdraw });
}

async function cmpCredential(profile: CmpProfile, reference: string, context: TenantContext, deps: AdminParts): Promise<Result<TestCredential, string>> {
  const { deviceSecrets } = deps;
  const { protection, registrationTokens } = profile.policy.cmp;
  if (!protection.includes('mac') || deviceSecrets === undefined) {
    return fail('The policy takes no message protection by shared secret (policy.cmp.protection), and a device of a vendor cannot be played.');
  }
  const [id, value] = [uuidv7(deps.clock.now().getTime()), generateCredential()];
  const secret = { id, profileId: profile.id, reference, label: 'Test enrolment', subject: null, sans: null, maxUses: 1, ...until(deps) };
  if (!(await deviceSecrets.mint(context, { ...secret, secret: new Secret(Buffer.from(value, 'utf8')) }))) return fail(`The reference ${reference} is taken.`);
  const token = registrationTokens === 'demand' ? { registrationToken: await mintChallenge(profile, reference, context, deps) } : {};
  return ok({
    shown: { secret: { reference, value }, ...token },
    detail: `A shared secret was made for this device${token.registrationToken === undefined ? '' : ', and a registration token'}.`,
    withdraw: async () => void (await deviceSecrets.remove(context, profile.id, id)),
  });
}

async function mintChallenge(profile: Profile, deviceId: string, context: TenantContext, deps: AdminParts): Promise<string> {
  const challenge = generateCredential();
  const mac = challengeMac(deps.challengeMacKey, profile.id, challenge);
  const id = uuidv7(deps.clock.now().getTime());
  await deps.challenges.mint(context, { id, profileId: profile.id, mac, subject: null, sans: null, deviceId, maxUses: 1, ...until(deps) });
  return challenge;
}

function until({ clock }: AdminParts): { readonly expiresAt: Date } {
  return { expiresAt: new Date(clock.now().getTime() + lifeMs) };
}
