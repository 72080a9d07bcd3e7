import type { IdentityParts } from './admin/index.js';
import type { Config } from './config.js';
import { createAddressGuard } from './connectors/address-guard.js';
import { createOidcProvider } from './connectors/oidc/index.js';
import type { Clock } from './runtime/clock.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import { endSessionsJob } from './workers/end-sessions.js';
import type { Job } from './workers/loop.js';

export interface IdentityRoom {
  readonly identity: IdentityParts;
  readonly job: Job;
}

/** Who signs in, how long it lasts, and the job that forgets it. */
export function createIdentityRoom(config: Config, store: Store, clock: Clock, log: Log): IdentityRoom {
  const { users, totp, sessions, signInLimits: limits, access: tokens } = store;
  const times = { idleMs: config.sessionIdleMinutes * 60_000, absoluteMs: config.sessionHours * 3_600_000 };
  return {
    identity: { users, totp, sessions, limits, tokens, times, totpRoles: config.totpRoles, ...providerOf(config, log) },
    job: endSessionsJob({ sessions, limits, idleMs: times.idleMs, clock, log }),
  };
}

/** Beside what connectors may reach, the provider's own host: the operator named it. */
function providerOf({ oidc, connectorAllow, mode, adminUrl }: Config, log: Log): Pick<IdentityParts, 'provider'> {
  if (oidc === undefined) return {};
  const guard = createAddressGuard([...connectorAllow, new URL(oidc.issuer).hostname], mode === 'dev');
  const redirectUrl = `${adminUrl}/api/v1/session/provider/callback`;
  return { provider: createOidcProvider({ ...oidc, redirectUrl, homeUrl: `${adminUrl}/` }, { guard, log }) };
}
