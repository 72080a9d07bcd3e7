import type { IssuedCertificate } from '../../enrolment/ports.js';
import { type Caller, contextOf } from '../caller.js';
import type { AdminParts } from '../ports.js';
import { visible } from '../tenant-scope.js';

/** Throws 404 for one that the caller may not see. */
export async function findCertificate(deps: AdminParts, caller: Caller, id: string): Promise<IssuedCertificate> {
  return visible(caller, await deps.certificates.find(contextOf(caller), id));
}
