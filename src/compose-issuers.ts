import type { AddressGuard } from './connectors/address-guard.js';
import type { CryptoEngineDeps } from './connectors/crypto-engine/index.js';
import { createEjbcaIssuer } from './connectors/ejbca/index.js';
import type { IssuerFactory } from './connectors/issuers.js';
import { engineIssuer } from './engine-dialects.js';
import { cryptoEngineConfigSchema } from './tenancy/connector.js';
import { ejbcaConfigSchema } from './tenancy/ejbca-config.js';
import type { IssuingOverrides } from './tenancy/profile.js';

export interface IssuerParts {
  readonly engine: CryptoEngineDeps;
  readonly guard: AddressGuard;
}

/** Settings that a profile may lay over those of its connector, by the connector's type. */
const overridable = {
  'crypto-engine': ['caId', 'profileId'],
  ejbca: ['caName', 'endEntityProfile', 'certificateProfile'],
} as const satisfies Readonly<Record<string, readonly (keyof IssuingOverrides)[]>>;

/** Which connector issues how: one branch per type. `replacement` goes first, for tests. */
export function issuerFactory({ engine, guard }: IssuerParts, replacement?: IssuerFactory): IssuerFactory {
  return (connector, overrides) => {
    const replaced = replacement?.(connector, overrides);
    if (replaced !== undefined || connector.type === 'smtp') return replaced;
    const settings = { ...connector.config, ...chosen(overrides, overridable[connector.type]) };
    if (connector.type === 'ejbca') return createEjbcaIssuer(ejbcaConfigSchema.parse(settings), connector.secrets, { guard });
    return engineIssuer(cryptoEngineConfigSchema.parse(settings), connector.secrets, engine);
  };
}

function chosen(overrides: IssuingOverrides, names: readonly (keyof IssuingOverrides)[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.flatMap((name) => (overrides[name] === undefined ? [] : [[name, overrides[name]]])));
}
