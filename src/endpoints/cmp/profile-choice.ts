import { knownGeneralInfo, type PkiHeader } from '../../protocol/cmp/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { CmpEndpoint } from '../../tenancy/directory.js';
import { endpointPathPattern } from '../../tenancy/profile.js';
import { type Fault, fault } from './fault.js';

export interface Choice {
  readonly endpoint: CmpEndpoint;
  /** Goes behind our nonces, so that the messages which follow find the same profile. */
  readonly nonceSuffix: string;
}

/** Finds another profile of the same tenant; absent where the path already names the profile. */
export type ChooseProfile = (name: string) => CmpEndpoint | undefined;

const nonceOctets = 16;

/**
 * The profile that certProfile names (RFC 9483 section 3.1). Where the path names none, it may be another profile of the tenant.
 * certConf and pollReq carry no certProfile but repeat our senderNonce as recipNonce: so that nonce carries the name, and any
 * node finds the profile without a look-up. A wrong name gains nothing: the credential is then checked against that profile.
 */
export function chooseEndpoint(header: PkiHeader, endpoint: CmpEndpoint, choose: ChooseProfile | undefined): Result<Choice, Fault> {
  const name = requestedProfile(header) ?? (choose && carriedProfile(header));
  if (name === undefined || name === endpoint.profile.endpointPath || name === endpoint.profile.name) return ok({ endpoint, nonceSuffix: '' });
  const chosen = choose?.(name);
  if (chosen === undefined || chosen.profile.tenantId !== endpoint.profile.tenantId) return fail(fault('cert-profile', name));
  return ok({ endpoint: chosen, nonceSuffix: chosen.profile.endpointPath });
}

function requestedProfile(header: PkiHeader): string | undefined {
  const known = knownGeneralInfo(header.generalInfo ?? []);
  return known.ok ? known.value.certProfile : undefined;
}

function carriedProfile(header: PkiHeader): string | undefined {
  const suffix = header.recipNonce?.subarray(nonceOctets).toString('latin1') ?? '';
  return endpointPathPattern.test(suffix) ? suffix : undefined;
}
