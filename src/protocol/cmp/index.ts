/** CMP messages (RFC 9810) with the CRMF in them (RFC 4211): bytes to typed messages and back, protection, proof of possession. */
export * from './body.js';
export * from './body-type.js';
export * from './cert-confirm.js';
export * from './cert-request.js';
export * from './cert-response.js';
export * from './cert-template.js';
export * from './error-message.js';
export * from './general-info.js';
export * from './header.js';
export * from './mac-key.js';
export * from './mac-parameters.js';
export * from './message.js';
export * from './polling.js';
export * from './proof-of-possession.js';
export * from './protection.js';
export * from './status.js';
export * from './verify-possession.js';
