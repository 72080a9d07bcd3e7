/** The embedded Crypto Engine: CA keys, issuance, revocation lists, and its HTTP API. */
export type { EngineCaller } from './api/access-token.js';
export { createEngineClients, type EngineClients } from './api/clients.js';
export { type EngineApiDeps, registerEngineApi } from './api/index.js';
export { type CaKeyType, caKeyTypes, issuingId, rootId } from './create-cas.js';
export { createEngine, type EngineOptions } from './engine.js';
export {
  type Engine,
  type EngineCa,
  type EngineCaView,
  type EngineClient,
  type EngineClientStore,
  type EngineRevocation,
  type EngineScope,
  type EngineStore,
  engineScopes,
  type OcspAnswer,
  type OcspSigner,
  type PublishedCrl,
  type RecordedCertificate,
  type SignedByEngine,
  type SigningRequest,
} from './ports.js';
