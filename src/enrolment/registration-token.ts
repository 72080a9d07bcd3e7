import { fail, ok, type Result } from '../runtime/result.js';
import { type MintedChallenge, mayBeMinted } from '../tenancy/challenge.js';
import type { TenantContext } from '../tenancy/context.js';
import { challengeMac } from '../tenancy/credentials.js';
import type { Profile } from '../tenancy/profile.js';
import { checkBinding } from './challenge-binding.js';
import type { Grant } from './identify.js';
import { type Refusal, refusal } from './refusal.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';

interface TokenGrant {
  readonly label: string;
  /** What the order takes over: a token for one registration is used up in the commit that records it. */
  readonly grant: Pick<Grant, 'challenge'>;
}

/** Renewals have shown more than a token. */
export function isTokenWanted({ protocol, intent }: EnrolmentRequest, { policy }: Profile): boolean {
  return protocol === 'cmp' && policy.cmp.registrationTokens !== 'ignore' && intent !== 'renewal';
}

/**
 * Holds regToken and authenticator (RFC 4211 sections 6.1 and 6.2) against the tokens minted for the profile. A regToken is counted with the
 * order; an authenticator may be shown as often as its device likes until it expires. Found by their MAC, so that no comparison tells how much
 * of a guess was right. Wrong, expired and used up differ in the refusal's detail only.
 */
export async function registrationToken(
  request: EnrolmentRequest,
  profile: Profile,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Result<TokenGrant | undefined, Refusal>> {
  const { regToken, authenticator } = request.evidence.registration ?? {};
  if (regToken === undefined && authenticator === undefined) {
    const isDemanded = profile.policy.cmp.registrationTokens === 'demand' && request.intent === 'initial';
    return isDemanded ? fail(refusal('token-invalid', 'no regToken')) : ok(undefined);
  }
  const lasting = authenticator === undefined ? undefined : await findToken(authenticator, profile, context, deps);
  if (lasting?.ok === false) return lasting;
  const isBound = lasting === undefined || checkBinding({ subject: request.wanted.subject, sans: [] }, lasting.value).ok;
  if (!isBound) return fail(refusal('subject-binding', 'authenticator'));
  if (regToken === undefined) return ok({ label: `authenticator:${lasting?.value.id}`, grant: {} });
  const once = await findToken(regToken, profile, context, deps);
  if (!once.ok) return once;
  if (once.value.used >= once.value.maxUses) return fail({ ...refusal('token-invalid', 'used up'), reusedChallenge: once.value.id });
  return ok({ label: `regToken:${once.value.id}`, grant: { challenge: once.value } });
}

async function findToken(token: string, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Result<MintedChallenge, Refusal>> {
  const mac = challengeMac(deps.challengeMacKey, profile.id, token);
  const found = mayBeMinted(token) ? await deps.challenges.find(context, profile.id, mac) : undefined;
  if (found === undefined) return fail(refusal('token-invalid', 'unknown'));
  return found.isExpired ? fail(refusal('token-invalid', 'expired')) : ok(found);
}
