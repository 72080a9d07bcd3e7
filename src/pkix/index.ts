/** X.509 words every room shares: names, keys, signatures, requests, certificates, chains (RFC 5280, RFC 2986). */
export * from './algorithm.js';
export * from './certificate.js';
export * from './certificate-policies.js';
export * from './chain.js';
export * from './crl.js';
export * from './csr.js';
export * from './extension.js';
export * from './general-name.js';
export * from './name.js';
export * from './name-constraints.js';
export * from './name-text.js';
export { shortNames } from './name-types.js';
export * from './pem.js';
export * from './post-quantum.js';
export * from './public-key.js';
export * from './revocation.js';
export * from './signature.js';
