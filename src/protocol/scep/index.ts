/** SCEP messages (RFC 8894): bytes to typed requests, typed answers to bytes, and the client's half of both. */
export * from './attributes.js';
export * from './ca-certificates.js';
export * from './capabilities.js';
export * from './decode-request.js';
export * from './encode-cert-rep.js';
export * from './encode-request.js';
export * from './fault.js';
export * from './message-data.js';
export * from './message-type.js';
export * from './open-request.js';
export * from './read-cert-rep.js';
