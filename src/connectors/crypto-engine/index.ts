/** Connector to a Crypto Engine: the one inside this process, or one that speaks Crypto Engine API v1. */

export type { TestReport, TestStep } from '../test-steps.js';
export type { Choice } from './choices.js';
export {
  type CryptoEngineDeps,
  type CryptoEngineSecrets,
  checkCryptoEngineConfig,
  createCryptoEngineIssuer,
  embeddedUrl,
  listCryptoEngineChoices,
  testCryptoEngine,
} from './issuer.js';
