import { connectorCredentials, raCredentials } from '../notification/credentials.js';
import type { Credential, NotificationStore } from '../notification/ports.js';
import { systemContext, tenantContext } from '../tenancy/context.js';
import type { ConnectorStore, CredentialStore, ProfileStore } from '../tenancy/ports.js';
import { gathering } from './gather-notifications.js';
import type { Job } from './loop.js';

interface Life {
  readonly kind: string;
  readonly subject: string;
  readonly notAfter: Date;
}

export interface WatchExpiryDeps {
  readonly notifications: Pick<NotificationStore, 'hasRules' | 'rulesFor' | 'gatherExpiring' | 'gatherCredentials'>;
  readonly profiles: Pick<ProfileStore, 'all'>;
  readonly credentials: Pick<CredentialStore, 'listRaKeys'>;
  readonly connectors: Pick<ConnectorStore, 'list'>;
  /** What of a connector ends by itself, as the last look at it found. */
  livesOf(connectorId: string): Promise<readonly Life[]>;
}

const actor = 'worker:expiry';

/** Warns of certificates that end: those of devices, and those Gatehouse itself works with. */
export function watchExpiryJob(deps: WatchExpiryDeps, options = gathering): Job {
  const { notifications } = deps;
  return {
    name: 'watch-expiry',
    everyMs: 3_600_000,
    async run() {
      if (!notifications.hasRules()) return;
      for (const rule of await notifications.rulesFor('certificate-expiring')) await notifications.gatherExpiring(rule, options);
      for (const rule of await notifications.rulesFor('credential-expiring')) {
        const found = await credentialsOf(rule.tenantId, deps);
        const wanted = found.filter(({ profileId }) => profileId === null || rule.profileIds.length === 0 || rule.profileIds.includes(profileId));
        await notifications.gatherCredentials(rule, wanted, options);
      }
    },
  };
}

async function credentialsOf(tenantId: string, deps: WatchExpiryDeps): Promise<readonly Credential[]> {
  const found: Credential[] = [];
  const profiles = await deps.profiles.all(systemContext(actor));
  for (const profile of profiles.filter((one) => one.tenantId === tenantId && one.status === 'active')) {
    found.push(...raCredentials(profile, await deps.credentials.listRaKeys(tenantContext(tenantId, actor), profile.id)));
  }
  for await (const connector of connectorsOf(tenantId, deps)) found.push(...connectorCredentials(connector, await deps.livesOf(connector.id)));
  return found;
}

async function* connectorsOf(tenantId: string, { connectors }: WatchExpiryDeps) {
  let cursor: string | undefined;
  do {
    const page = await connectors.list(tenantContext(tenantId, actor), { limit: 200, status: 'active', ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
