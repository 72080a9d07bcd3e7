/** What the core needs of the world, by subject: CAs, orders, certificates, refusals, revocations. */
export { type CaRefusal, caRefusalOf } from './ca-refusal.js';
export * from './certificate-store.js';
export * from './issuer.js';
export * from './issuer-views.js';
export * from './order-reader.js';
export * from './order-store.js';
export * from './refusal-log.js';
export type { RevocationDue, RevocationQueue } from './revocation-ports.js';
