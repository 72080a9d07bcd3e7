/** Connector to EJBCA: its REST API with a client certificate, its web service where a request has no PKCS#10. */
export type { Choice } from './choices.js';
export { type EjbcaFaultCode, ejbcaFaults } from './faults.js';
export { checkEjbcaConfig, createEjbcaIssuer, type EjbcaDeps, type EjbcaSecrets, listEjbcaChoices, testEjbcaConnector } from './issuer.js';
