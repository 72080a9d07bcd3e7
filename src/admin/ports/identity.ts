import type { Context } from '../../tenancy/context.js';
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

/** What a browser carries from the start of a login at the identity provider to its end. */
export interface LoginState {
  readonly state: string;
  readonly nonce: string;
  /** RFC 7636. */
  readonly codeVerifier: string;
}

/** What the identity provider says of somebody, once verified. */
export interface ProvidedUser {
  readonly issuer: string;
  readonly subject: string;
  readonly username: string;
  readonly email: string | null;
  readonly displayName: string;
  /** Empty: may not use Gatehouse. */
  readonly roles: readonly Role[];
  /** Slugs of tenants; null: every tenant. */
  readonly tenants: readonly string[] | null;
  readonly idToken: string;
}

/** An OpenID Connect provider. */
export interface IdentityProvider {
  /** For the button: `Sign in with ...`. */
  readonly name: string;
  /** Where the browser goes; undefined when the provider cannot be reached. */
  begin(): Promise<{ readonly url: string; readonly login: LoginState } | undefined>;
  /** `query`: the query string the browser came back with. Undefined when it, or the provider's answer, does not verify. */
  finish(query: string, login: LoginState): Promise<ProvidedUser | undefined>;
  /** Where the browser goes to sign out there too; undefined where the provider has no such page. */
  endUrl(idToken: string): Promise<string | undefined>;
}
