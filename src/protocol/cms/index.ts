/** SignedData and EnvelopedData (RFC 5652) as SCEP and CMP use them: read strictly, written in DER, keys come as arguments. */
export * from './certificates-only.js';
export * from './content-cipher.js';
export * from './content-info.js';
export * from './enveloped-data.js';
export * from './gcm.js';
export * from './identifier.js';
export * from './key-transport.js';
export * from './key-wrap.js';
export * from './oaep.js';
export * from './open-envelope.js';
export * from './password-recipient.js';
export * from './signed-attributes.js';
export * from './signed-data.js';
export * from './unwrap.js';
export * from './verify-signer.js';
export * from './write-enveloped-data.js';
export * from './write-signed-data.js';
