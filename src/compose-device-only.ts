import { embeddedUrl } from './connectors/crypto-engine/index.js';
import { handedOverIssuer } from './connectors/handed-over-issuer.js';
import { createIssuers, type IssuerFactory, type IssuerRegistry } from './connectors/issuers.js';
import type { Backlog } from './enrolment/backlog.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import type { Job } from './workers/loop.js';

/** The issuers of a node that only serves devices: the engine inside signs here, every other CA is left to nodes that may call it. */
export function handedOver({ store, make, log }: { readonly store: Store; readonly make: IssuerFactory; readonly log: Log }): IssuerRegistry {
  const handOver: IssuerFactory = (connector, overrides) => {
    if (connector.type === 'smtp') return undefined;
    return connector.config.url === embeddedUrl ? make(connector, overrides) : handedOverIssuer(connector, JSON.stringify(overrides), store.issuerViews);
  };
  return createIssuers({ connectors: store.connectors, profiles: store.profiles, make: handOver, log });
}

/** How much waits for each CA, on a node that calls none and has nothing to tell of them. */
export function countBacklogJob(backlog: Backlog, store: Pick<Store, 'circuits'>): Job {
  return { name: 'count-backlog', everyMs: 1_000, run: async () => backlog.update(await store.circuits.waiting()) };
}
