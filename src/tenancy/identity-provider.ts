import type { Role } from './role.js';

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
  /** Slugs of tenants; empty: may not use Gatehouse; null: every tenant. */
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
