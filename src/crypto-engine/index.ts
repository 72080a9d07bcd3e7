/** The embedded Crypto Engine: CA keys, issuance, revocation lists, and its HTTP API. */
export { type EngineCaller, type EngineScope, engineScopes } from './api/access-token.js';
export { authenticateFrom, type EngineApiDeps, registerEngineApi } from './api/index.js';
export { type CaKeyType, caKeyTypes, issuingId, rootId } from './create-cas.js';
export { createEngine, type EngineOptions } from './engine.js';
export type { Engine, EngineCa, EngineCaView, EngineRevocation, EngineStore, PublishedCrl, RecordedCertificate, SigningRequest } from './ports.js';
