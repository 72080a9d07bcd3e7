import { ok, type Result } from '../runtime/result.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { checkKeyHolder } from './certified-keys.js';
import type { Grant } from './identify.js';
import type { Checked } from './policy.js';
import { type Refusal, refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';
import { countVendorUse } from './vendor.js';

/** Whether anything beyond identity and policy has to be looked up or counted before this order; nothing for most. */
export function isAdmissionNeeded({ vendorDevice, deviceSecret }: Grant, { policy }: Profile): boolean {
  return vendorDevice !== undefined || deviceSecret !== undefined || policy.keys.sharing === 'refuse';
}

/**
 * Counts the order against a listed device or a device's own secret, and holds its key for its name. A retransmission counts no second
 * time. `byPolicy`: the device is who it says, and asks for what it may not have; else its credential is used up.
 */
export async function admit(
  grant: Grant,
  checked: Checked,
  transaction: Buffer,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<true, Refusal> & { readonly byPolicy?: true }> {
  const key = await checkKeyHolder(checked, profile, context, deps);
  if (!key.ok) return { ...key, byPolicy: true };
  const { vendorDevice, deviceSecret } = grant;
  if (vendorDevice !== undefined) return countVendorUse(vendorDevice, transaction, context, deps);
  if (deviceSecret === undefined) return ok(true);
  // However many other orders it placed since: what stands already is no new use.
  if ((await deps.orders.findTransaction(context, transaction)) !== undefined) return ok(true);
  const isCounted = await deps.deviceSecrets?.use(context, deviceSecret.id, transaction);
  return isCounted === true ? ok(true) : { ok: false, error: refusal('not-authorised', `the secret has been used ${deviceSecret.limits.maxUses} times`) };
}
