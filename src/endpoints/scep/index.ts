/** The SCEP endpoint: HTTP in and out, and the one translation between SCEP messages and the core. */

export type { ScepCaller, ScepReply } from './answering.js';
export { registerScep, type ScepDeps, serveLegacyScep } from './route.js';
export { handlePkiOperation } from './translate.js';
