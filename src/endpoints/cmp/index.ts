/** CMP as devices meet it: HTTP (RFC 9811), the profile's rules (RFC 9483), and the way to and from the core. */
export type { CmpContext, CmpDeps, CmpReply } from './exchange.js';
export { handleCmpMessage } from './handle.js';
export { type CmpRouteDeps, registerCmp, serveLegacyCmp } from './route.js';
export { createSignerMemory } from './signer-memory.js';
