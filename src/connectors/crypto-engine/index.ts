/** Connector to a Crypto Engine: the one inside this process, or one that speaks Crypto Engine API v1. */
export { type CryptoEngineDeps, checkCryptoEngineConfig, createCryptoEngineIssuer, embeddedUrl } from './issuer.js';
