import { uuidv7 } from '../../runtime/ids.js';
import { Secret } from '../../runtime/secret.js';
import type { TenantContext } from '../../tenancy/context.js';
import { generateCredential } from '../../tenancy/credentials.js';
import type { AdminParts } from '../ports.js';
import { written } from '../write-fault.js';
import type { CmpCredentials } from './schema.js';

interface GivenCredentials {
  readonly reference?: string;
  readonly secret?: string;
}

interface AddedSecret {
  readonly id: string;
  readonly reference: string;
  readonly secret: string;
  readonly createdAt: Date;
}

/** Stores a shared secret for a profile, generating what was not given. */
export async function addSecret(deps: AdminParts, context: TenantContext, profileId: string, given: GivenCredentials = {}): Promise<AddedSecret> {
  const id = uuidv7(deps.clock.now().getTime());
  const reference = given.reference ?? generateCredential(16);
  const secret = given.secret ?? generateCredential();
  const bytes = new Secret(Buffer.from(secret, 'utf8'));
  const stored = written(await deps.credentials.addSharedSecret(context, { id, profileId, reference, secret: bytes, status: 'active', expiresAt: null }));
  return { id, reference, secret, createdAt: stored.createdAt };
}

/** What the creator of a profile is shown: a generated secret once, a secret of their own not again. */
export function shownOnce(added: AddedSecret, given: GivenCredentials): CmpCredentials {
  const { reference, secret, createdAt } = added;
  return { reference, ...(given.secret === undefined ? { secret } : {}), set: true, updatedAt: createdAt.toISOString() };
}
