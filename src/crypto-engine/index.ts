/** The embedded Crypto Engine: CA keys, issuance, revocation lists, and its HTTP API. */
export { type CaKeyType, caKeyTypes, issuingId, rootId } from './create-cas.js';
export { createEngine, type EngineOptions } from './engine.js';
export type { Engine, EngineCa, EngineRevocation, EngineStore, PublishedCrl, SigningRequest } from './ports.js';
