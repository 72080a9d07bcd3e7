import type { Sealer } from '../runtime/seal.js';
import type { SessionStore } from '../tenancy/session.js';
import type { SignInLimits } from '../tenancy/sign-in-limit.js';
import type { TotpStore, UserStore } from '../tenancy/user.js';
import type { Boot } from './audit.js';
import type { Connection } from './connection/connection.js';
import { sessionStore } from './sessions.js';
import { signInLimits } from './sign-in-limits.js';
import { totpStore } from './user-totp.js';
import { userStore } from './users.js';

/** People who sign in, and everything of their signing in. */
export interface UserRoom {
  readonly users: UserStore;
  readonly totp: TotpStore;
  readonly sessions: SessionStore;
  readonly signInLimits: SignInLimits;
}

export function userRoom(connection: Connection, boot: Boot, sealer: Sealer): UserRoom {
  return {
    users: userStore(connection, boot),
    totp: totpStore(connection, boot, sealer),
    sessions: sessionStore(connection, sealer),
    signInLimits: signInLimits(connection),
  };
}
