import type { MailRoom } from './compose-mail.js';
import type { AddressGuard } from './connectors/address-guard.js';
import type { CryptoEngineDeps } from './connectors/crypto-engine/index.js';
import { listEjbcaChoices, testEjbcaConnector } from './connectors/ejbca/index.js';
import { chainLives, clientCertificateLife, type TypeTesters } from './connectors/monitoring/index.js';
import { engineChoices, testEngine } from './engine-dialects.js';
import { cryptoEngineConfigSchema } from './tenancy/connector.js';
import { ejbcaConfigSchema } from './tenancy/ejbca-config.js';

export interface TesterDeps {
  readonly engine: CryptoEngineDeps;
  readonly guard: AddressGuard;
  /** Issuing CA first, root last, DER; none where the connector issues nothing. */
  chainOf(connectorId: string): Promise<readonly Buffer[]>;
  readonly mail: Pick<MailRoom, 'testSmtp'>;
}

/** How each type of connector is tested: one row per type. */
export function connectorTesters({ engine, guard, chainOf, mail }: TesterDeps): TypeTesters {
  return {
    'crypto-engine': {
      test: ({ config, secrets }, { deadline }) => testEngine(cryptoEngineConfigSchema.parse(config), secrets, engine, deadline),
      credentials: async ({ id }) => chainLives(await chainOf(id)),
      choices: ({ config, secrets }, deadline) => engineChoices(cryptoEngineConfigSchema.parse(config), secrets, engine, deadline),
    },
    ejbca: {
      test: ({ config, secrets }, { deadline }) => testEjbcaConnector(ejbcaConfigSchema.parse(config), secrets, { guard }, deadline),
      credentials: async ({ id, secrets }) => [...clientCertificateLife(secrets.pfx?.value.reveal()), ...chainLives(await chainOf(id))],
      choices: ({ config, secrets }) => listEjbcaChoices(ejbcaConfigSchema.parse(config), secrets, { guard }),
    },
    smtp: {
      test: (connector, { to, isProbe, deadline }) => mail.testSmtp(connector, isProbe ? undefined : to, deadline),
    },
  };
}
