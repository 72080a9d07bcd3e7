import type { AuditLog } from '../audit/event.js';
import type { Clock } from '../runtime/clock.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { systemContext } from './context.js';
import { hashPassword, needsRehash, verifyPassword } from './password.js';
import { limitKeys, type SignInLimits } from './sign-in-limit.js';
import { hashBackupCode, isBackupCode, matchingStep } from './totp.js';
import type { TotpStore, User, UserStore } from './user.js';

export interface SignInDeps {
  readonly users: UserStore;
  readonly totp: TotpStore;
  readonly limits: SignInLimits;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export interface SignInAttempt {
  readonly username: string;
  readonly password: string;
  /** Six digits of the second factor, or a backup code. */
  readonly code?: string | undefined;
  /** Address it comes from. */
  readonly source: string;
}

/**
 * `wrong`: the user, the password or the code; which of them, or that the user is inactive, is not told. `code-required`: the password is
 * right and the user has a second factor.
 */
export type SignInFault = { readonly kind: 'wrong' } | { readonly kind: 'code-required' } | { readonly kind: 'too-many'; readonly waitMs: number };

/** As typed, or as an identity provider writes it. */
export function plainUsername(text: string): string {
  return text.trim().normalize('NFKC').toLowerCase();
}

/** Checks password and second factor. The work is the same for users that do not exist. Throws `GateCrowded` in a flood. */
export async function signIn(attempt: SignInAttempt, deps: SignInDeps): Promise<Result<User, SignInFault>> {
  const username = plainUsername(attempt.username);
  const { keys, known } = limitKeys(username, attempt.source);
  const waitMs = await deps.limits.take(keys, known, deps.clock.now());
  if (waitMs > 0) return fail({ kind: 'too-many', waitMs });
  const found = await deps.users.findByName(username);
  const active = found?.user.status === 'active' ? found : undefined;
  const matches = await verifyPassword(attempt.password, active?.passwordHash ?? undefined);
  if (!matches || active === undefined) return refused('password', found?.user, attempt, deps);
  const { user } = active;
  if (user.hasTotp && attempt.code === undefined) return fail({ kind: 'code-required' });
  if (user.hasTotp && !(await isCodeRight(user, attempt.code ?? '', deps))) return refused('code', user, attempt, deps);
  await deps.limits.succeeded(keys, known, deps.clock.now());
  await refreshHash(active, attempt.password, deps);
  return ok(user);
}

/** The second factor: the code of this moment, once, or a backup code, once. */
export async function isCodeRight(user: User, code: string, deps: Pick<SignInDeps, 'totp' | 'clock'>): Promise<boolean> {
  if (isBackupCode(code)) return deps.totp.spendBackup(systemContext(`user:${user.id}`), user.id, hashBackupCode(code));
  const kept = await deps.totp.secretOf(user.id);
  if (kept?.isConfirmed !== true) return false;
  const step = matchingStep(kept.secret.reveal(), code.replace(/\s/g, ''), deps.clock.now());
  return step !== undefined && deps.totp.spendStep(user.id, step);
}

/** A name nobody has is not written down: what is typed there is now and then a password. */
async function refused(factor: 'password' | 'code', user: User | undefined, attempt: SignInAttempt, deps: SignInDeps): Promise<Result<never, SignInFault>> {
  const tenantId = user?.tenantIds?.length === 1 ? (user.tenantIds[0] ?? null) : null;
  const object = user === undefined ? 'user:unknown' : `user:${user.id}`;
  const details = { factor, source: attempt.source };
  await deps.audit.append({ at: deps.clock.now(), tenantId, actor: object, action: 'login.failed', object, outcome: 'failure', details });
  return fail({ kind: 'wrong' });
}

async function refreshHash(found: { readonly user: User; readonly passwordHash: string | null }, password: string, deps: SignInDeps): Promise<void> {
  if (found.passwordHash === null || !needsRehash(found.passwordHash)) return;
  await deps.users.rehash(found.user.id, found.passwordHash, await hashPassword(password));
}
