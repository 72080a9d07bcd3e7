import * as client from 'openid-client';
import type { Log } from '../../runtime/log.js';
import type { Secret } from '../../runtime/secret.js';
import { type ClaimMapping, mapped } from '../../tenancy/claim-mapping.js';
import type { IdentityProvider, LoginState, ProvidedUser } from '../../tenancy/identity-provider.js';
import type { Role } from '../../tenancy/role.js';
import type { AddressGuard } from '../address-guard.js';
import { createOutbound, type Outbound } from '../outbound.js';

export interface OidcSettings {
  readonly name: string;
  /** As in its discovery document, without a slash it does not have. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** Where the browser comes back to. */
  readonly redirectUrl: string;
  /** Where it goes after signing out there. */
  readonly homeUrl: string;
  /** The claim that roles and tenants are read from. */
  readonly claim: string;
  readonly roles: ClaimMapping<Role>;
  /** To slugs; `*` stands for every tenant. */
  readonly tenants: ClaimMapping<string>;
}

export interface OidcDeps {
  readonly guard: AddressGuard;
  readonly log: Log;
}

const callMs = 10_000;

/** OpenID Connect: authorization code flow (Core section 3.1) with PKCE (RFC 7636), state and nonce. The provider is asked at the first login, not at start. */
export function createOidcProvider(settings: OidcSettings, { guard, log }: OidcDeps): IdentityProvider {
  const outbound = createOutbound({ guard, concurrency: 4 });
  let known: Promise<client.Configuration> | undefined;
  const configuration = (): Promise<client.Configuration> => {
    known ??= discover(settings, outbound).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    name: settings.name,
    async begin() {
      try {
        return await authorizationUrl(await configuration(), settings);
      } catch (error) {
        log.error({ err: error, issuer: settings.issuer }, 'the identity provider could not be reached');
        return undefined;
      }
    },
    async finish(query, login) {
      try {
        return await providedUser(await configuration(), settings, query, login);
      } catch (error) {
        log.warn({ err: error, issuer: settings.issuer }, 'a login at the identity provider did not verify');
        return undefined;
      }
    },
    async endUrl(idToken) {
      const config = await configuration().catch(() => undefined);
      if (config?.serverMetadata().end_session_endpoint === undefined) return undefined;
      return client.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: settings.homeUrl }).href;
    },
  };
}

function discover({ issuer, clientId, clientSecret }: OidcSettings, outbound: Outbound): Promise<client.Configuration> {
  const execute = issuer.startsWith('http:') ? [client.allowInsecureRequests] : [];
  return client.discovery(new URL(issuer), clientId, undefined, client.ClientSecretBasic(clientSecret.reveal()), {
    execute,
    timeout: callMs / 1000,
    [client.customFetch]: throughGuard(outbound),
  });
}

/** The library's calls leave by the one way out that every connector has. */
function throughGuard(outbound: Outbound): client.CustomFetch {
  return async (url, { method, headers, body }) => {
    const sent = body === undefined || body === null ? {} : { body: String(body) };
    const outcome = await outbound.send({ method: method as 'GET' | 'POST', url, headers, ...sent }, AbortSignal.timeout(callMs));
    if (outcome.kind !== 'answered') throw new Error(outcome.reason);
    const type = outcome.header('content-type');
    const content = [204, 304].includes(outcome.status) ? null : new Uint8Array(outcome.body);
    return new Response(content, { status: outcome.status, headers: type === undefined ? {} : { 'content-type': type } });
  };
}

async function authorizationUrl(
  config: client.Configuration,
  { redirectUrl, scopes }: OidcSettings,
): Promise<{ readonly url: string; readonly login: LoginState }> {
  const login = { state: client.randomState(), nonce: client.randomNonce(), codeVerifier: client.randomPKCECodeVerifier() };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUrl,
    scope: ['openid', ...scopes].join(' '),
    code_challenge: await client.calculatePKCECodeChallenge(login.codeVerifier),
    code_challenge_method: 'S256',
    state: login.state,
    nonce: login.nonce,
  });
  return { url: url.href, login };
}

async function providedUser(config: client.Configuration, settings: OidcSettings, query: string, login: LoginState): Promise<ProvidedUser | undefined> {
  const tokens = await client.authorizationCodeGrant(config, new URL(`${settings.redirectUrl}?${query}`), {
    pkceCodeVerifier: login.codeVerifier,
    expectedState: login.state,
    expectedNonce: login.nonce,
    idTokenExpected: true,
  });
  const idClaims = tokens.claims();
  if (idClaims === undefined || tokens.id_token === undefined) return undefined;
  const hasUserInfo = config.serverMetadata().userinfo_endpoint !== undefined;
  const more = hasUserInfo ? await client.fetchUserInfo(config, tokens.access_token, idClaims.sub) : {};
  const claims: Readonly<Record<string, unknown>> = { ...more, ...idClaims };
  const values = valuesOf(claims[settings.claim]);
  const tenants = mapped(settings.tenants, values);
  return {
    issuer: idClaims.iss,
    subject: idClaims.sub,
    username: textOf(claims.preferred_username) ?? textOf(claims.email) ?? idClaims.sub,
    email: textOf(claims.email) ?? null,
    displayName: textOf(claims.name) ?? '',
    roles: mapped(settings.roles, values),
    tenants: tenants.includes('*') ? null : tenants,
    idToken: tokens.id_token,
  };
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** One text, or a list of them. */
function valuesOf(claim: unknown): readonly string[] {
  return [claim].flat().filter((value): value is string => typeof value === 'string');
}
