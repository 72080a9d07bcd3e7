/** Connector to the PKI secrets engine of OpenBao and HashiCorp Vault, with an AppRole. */
export type { Choice } from './choices.js';
export { type VaultFaultCode, vaultFaults } from './faults.js';
export { checkVaultConfig, createVaultIssuer, listVaultChoices, testVault, type VaultDeps, type VaultSecrets } from './issuer.js';
