import type { Context } from '../../tenancy/context.js';
import type { IdentityProvider } from '../../tenancy/identity-provider.js';
import type { ApiToken, ListQuery, NewToken, Page } from '../../tenancy/ports.js';
import type { Role } from '../../tenancy/role.js';
import type { SessionStore, SessionTimes } from '../../tenancy/session.js';
import type { SignInLimits } from '../../tenancy/sign-in-limit.js';
import type { TotpStore, UserStore } from '../../tenancy/user.js';

/** API tokens as administrators see them. */
export interface TokenStore {
  addToken(context: Context, token: NewToken, tokenHash: Buffer): Promise<ApiToken>;
  findTokenById(context: Context, id: string): Promise<ApiToken | undefined>;
  listTokens(context: Context, query: ListQuery): Promise<Page<ApiToken>>;
  /** False when it was revoked before, or is not visible to `context`. */
  revokeToken(context: Context, id: string): Promise<boolean>;
}

/** Who may use the API, and how people sign in. */
export interface IdentityParts {
  readonly users: UserStore;
  readonly totp: TotpStore;
  readonly sessions: SessionStore;
  readonly limits: SignInLimits;
  readonly tokens: TokenStore;
  readonly times: SessionTimes;
  /** Roles that must have a second factor. */
  readonly totpRoles: readonly Role[];
  /** Where absent, users sign in by password only. */
  readonly provider?: IdentityProvider;
}
