/** The SCEP endpoint: HTTP in and out, and the one translation between SCEP messages and the core. */
export { registerScep, type ScepDeps, serveLegacyScep } from './route.js';
export { handlePkiOperation, type ScepCaller, type ScepReply } from './translate.js';
