/** Reading and writing DER (X.690): a strict forward-only cursor, a one-pass writer, and the one gateway for untrusted bytes. */
export { type BitString, Cursor } from './cursor.js';
export { DerError, type DerFault, derFaults } from './fault.js';
export { decode, decodeBer, guarded } from './gateway.js';
export { cmpLimits, type Limits, scepLimits } from './limits.js';
export { isOid, oidElement, oids } from './oid.js';
export { contextConstructed, contextPrimitive, tag } from './tag.js';
export { decodeText, isPrintable, isVisibleAscii } from './text.js';
export { certificateTime, generalizedTime } from './time.js';
export * as der from './writer.js';
export { type Constructed, type Element, encode } from './writer.js';
