import { type CryptoEngineDeps, createCryptoEngineIssuer, listCryptoEngineChoices, testCryptoEngine } from './connectors/crypto-engine/index.js';
import type { TestReport } from './connectors/test-steps.js';
import { createVaultIssuer, listVaultChoices, testVault } from './connectors/vault/index.js';
import type { Issuer } from './enrolment/ports.js';
import type { Secret } from './runtime/secret.js';
import type { CryptoEngineConfig } from './tenancy/connector.js';

type Secrets = Readonly<Record<string, { readonly value: Secret }>>;

/** A connector of type `crypto-engine` speaks one of two dialects; the embedded engine is neither's business. */
export function engineIssuer(config: CryptoEngineConfig, secrets: Secrets, deps: CryptoEngineDeps): Issuer {
  return config.dialect === 'vault' ? createVaultIssuer(config, secrets, deps) : createCryptoEngineIssuer(config, secrets, deps);
}

export function testEngine(config: CryptoEngineConfig, secrets: Secrets, deps: CryptoEngineDeps, whole: AbortSignal): Promise<TestReport> {
  return config.dialect === 'vault' ? testVault(config, secrets, deps, whole) : testCryptoEngine(config, secrets, deps, whole);
}

export function engineChoices(config: CryptoEngineConfig, secrets: Secrets, deps: CryptoEngineDeps, deadline: AbortSignal) {
  const list = config.dialect === 'vault' ? listVaultChoices : listCryptoEngineChoices;
  return list(config, secrets, deps, deadline);
}
