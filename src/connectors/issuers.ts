import type { Order } from '../enrolment/order.js';
import type { Issuer, Issuers } from '../enrolment/ports.js';
import type { Log } from '../runtime/log.js';
import type { Connector } from '../tenancy/connector.js';
import { systemContext } from '../tenancy/context.js';
import type { ConnectorStore, ProfileStore } from '../tenancy/ports.js';
import type { IssuingOverrides, Profile } from '../tenancy/profile.js';
import type { Circuits } from './circuits.js';
import { measured } from './measured-issuer.js';
import { logged, type Recorder } from './monitoring/index.js';

/** Makes an issuer of a connector with a profile's settings laid over it; undefined when the type issues nothing. */
export type IssuerFactory = (connector: Connector, overrides: IssuingOverrides) => Issuer | undefined;

export interface IssuerRegistry extends Issuers {
  /** A connector by itself, without a profile's settings. */
  forConnector(connectorId: string): Promise<Issuer | undefined>;
  /** Forgets every issuer: the configuration has changed. */
  forget(): void;
}

/** One issuer per (connector, profile settings), made on first use and kept until the configuration changes. */
export function createIssuers(parts: {
  readonly connectors: ConnectorStore;
  readonly profiles: ProfileStore;
  readonly make: IssuerFactory;
  /** Whose breakers keep calls from CAs that are down; none where absent. */
  readonly circuits?: Pick<Circuits, 'guard' | 'held'>;
  /** Who writes a connector's calls down; nobody where absent. */
  readonly recorderOf?: (connector: Connector) => Recorder;
  readonly log: Log;
}): IssuerRegistry {
  let issuers = new Map<string, Promise<Issuer | undefined>>();

  const load = async (connectorId: string, overrides: IssuingOverrides): Promise<Issuer | undefined> => {
    const connector = await parts.connectors.find(systemContext('issuers'), connectorId);
    if (connector?.status !== 'active') return undefined;
    const issuer = parts.make(connector, overrides);
    if (issuer === undefined) return undefined;
    const recorder = parts.recorderOf?.(connector);
    const watched = measured(recorder === undefined ? issuer : logged(issuer, recorder), connector.type);
    return parts.circuits?.guard(connector.id, watched) ?? watched;
  };

  const issuerOf = (connectorId: string, overrides: IssuingOverrides): Promise<Issuer | undefined> => {
    const key = `${connectorId} ${JSON.stringify(overrides)}`;
    const known = issuers.get(key);
    if (known !== undefined) return known;
    const loading = load(connectorId, overrides);
    issuers.set(key, loading);
    loading.catch(() => issuers.delete(key));
    return loading;
  };

  return {
    forProfile: (profile: Profile) => issuerOf(profile.connectorId, profile.overrides),
    async forOrder(order: Order) {
      const profile = await parts.profiles.find(systemContext('issuers'), order.protocol, order.profileId);
      return issuerOf(order.connectorId, profile?.overrides ?? {});
    },
    forConnector: (connectorId) => issuerOf(connectorId, {}),
    held: () => parts.circuits?.held() ?? [],
    forget() {
      issuers = new Map();
    },
  };
}
