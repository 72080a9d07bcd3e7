import { setTimeout as sleep } from 'node:timers/promises';
import { openStates } from './enrolment/order.js';
import type { Clock } from './runtime/clock.js';
import type { Figure } from './runtime/metrics.js';
import type { Store } from './store/store.js';
import type { RaKeyUsage } from './tenancy/credentials.js';
import type { LoadedRaKey } from './tenancy/directory.js';
import type { DirectoryCache } from './tenancy/directory-cache.js';
import { type Profile, protocols } from './tenancy/profile.js';
import { watchedFigures } from './watch-figures.js';

interface Parts {
  readonly store: Pick<Store, 'countOpenOrders' | 'ping' | 'watchFigures'> & { readonly auditChain: Pick<Store['auditChain'], 'state'> };
  readonly endpoints: Pick<DirectoryCache, 'all'>;
  readonly clock: Clock;
}

const patienceMs = 2_000;
const dayMs = 86_400_000;

/**
 * What is the same for every process of the installation, so that it is asked once per scrape. Never rejects: while the database is
 * away, what only it knows is left out, and `gatehouse_database_up` is 0.
 */
export async function installationFigures(parts: Parts, processes: number): Promise<readonly Figure[]> {
  const { store, endpoints, clock } = parts;
  const found = await withinPatience(Promise.all([store.countOpenOrders(), store.watchFigures(clock.now()), store.auditChain.state(), store.ping()]));
  return [
    level('gatehouse_processes', 'Processes of this node whose figures are in this text', [{ labels: {}, value: processes }]),
    level('gatehouse_database_up', 'Whether the database answers and takes writes', [{ labels: {}, value: found === undefined ? 0 : 1 }]),
    ...(found === undefined ? [] : [pending(found[0]), ...watchedFigures(found[1], found[2])]),
    raCertificates(endpoints, clock.now()),
  ];
}

function withinPatience<T>(asked: Promise<T>): Promise<T | undefined> {
  const answered = asked.catch(() => undefined);
  return Promise.race([answered, sleep(patienceMs, undefined, { ref: false })]);
}

function pending(counted: Awaited<ReturnType<Store['countOpenOrders']>>): Figure {
  const values = protocols.flatMap((protocol) =>
    openStates.map((state) => {
      const found = counted.find((item) => item.protocol === protocol && item.state === state);
      return { labels: { protocol, state }, value: found?.count ?? 0 };
    }),
  );
  return level('gatehouse_orders_pending', 'Orders that wait for an answer', values);
}

/** The key in use of every profile. A SCEP profile without one serves nobody, and says 0; a CMP profile may have none. */
function raCertificates(endpoints: Parts['endpoints'], now: Date): Figure {
  const values = endpoints.all().flatMap((endpoint) => {
    const { profile, raKeys } = endpoint;
    const labels = { protocol: profile.protocol, profile: profile.endpointPath };
    const encryption = 'encryptionKeys' in endpoint ? (endpoint.encryptionKeys ?? []) : [];
    const active = raKeys.filter(({ state }) => state === 'active');
    const missing = missingUsages(profile, active);
    return [
      ...active.map(({ usage, certificate }) => ({ labels: { ...labels, usage }, value: daysLeft(certificate, now) })),
      ...encryption
        .filter(({ state }) => state === 'active')
        .map(({ secret, certificate }) => ({ labels: { ...labels, usage: secret.kind }, value: daysLeft(certificate, now) })),
      ...missing.map((usage) => ({ labels: { ...labels, usage }, value: 0 })),
    ];
  });
  return level('gatehouse_ra_certificate_days_left', 'Days until the RA certificate in use of a profile expires', values);
}

function daysLeft({ notAfter }: LoadedRaKey['certificate'], now: Date): number {
  return Math.round(((notAfter.getTime() - now.getTime()) / dayMs) * 100) / 100;
}

function missingUsages({ protocol, policy }: Profile, active: readonly LoadedRaKey[]): readonly RaKeyUsage[] {
  if (protocol !== 'scep' || active.some(({ usage }) => usage === 'both')) return [];
  const needed = policy.scep.raKeys === 'two' || active.length > 0 ? (['encrypt', 'sign'] as const) : (['both'] as const);
  return needed.filter((usage) => !active.some((key) => key.usage === usage));
}

function level(name: string, help: string, values: Figure['values']): Figure {
  return { name, help, type: 'gauge', aggregator: 'max', values };
}
