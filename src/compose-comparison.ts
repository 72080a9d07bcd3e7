import type { IssuerRegistry } from './connectors/issuers.js';
import type { CompareDeps, UnknownAction } from './enrolment/compare-with-ca.js';
import type { Log } from './runtime/log.js';
import type { Store } from './store/store.js';
import { systemContext } from './tenancy/context.js';

const context = systemContext('worker:compare');

/** What the job that compares CAs with the database needs: the issuers of a connector are those of its profiles, which may name other CAs. */
export function comparison(parts: {
  readonly store: Pick<Store, 'unknownCertificates' | 'connectors' | 'profiles'>;
  readonly issuers: IssuerRegistry;
  readonly log: Log;
}): CompareDeps {
  const { store, issuers, log } = parts;
  return {
    unknownCertificates: store.unknownCertificates,
    async comparable(connectorId) {
      const connector = await store.connectors.find(context, connectorId);
      if (connector?.status !== 'active') return undefined;
      const { unknownCertificates = 'report' } = connector.config as { readonly unknownCertificates?: UnknownAction };
      const profiles = (await store.profiles.all(context)).filter((profile) => profile.connectorId === connectorId);
      const all = await Promise.all([issuers.forConnector(connectorId), ...profiles.map((profile) => issuers.forProfile(profile))]);
      return { action: unknownCertificates, issuers: [...new Set(all)].filter((issuer) => issuer !== undefined) };
    },
    log,
  };
}
