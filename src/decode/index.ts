/** Captured messages, field by field, with the verdict of every check: what came from a device, told in the words of the RFCs. */
export { maxInputBytes } from './bounds.js';
export { infoItemsField } from './cmp-general.js';
export { decodeCapture, verdictOf } from './decode-capture.js';
export { type Capture, type CaptureKind, captureKinds, type Field, type Verdict } from './field.js';
export { type CapturedInput, readInput, readTextInput } from './input.js';
export { type DecodeKeys, type DecryptionKey, decryptionKey } from './keys.js';
export { renderFields, renderText } from './render.js';
