import type { BodyType } from '../../protocol/cmp/index.js';

/** RFC 9483 section 6.1, table 1: the operation that a path may name, and the request it is for. */
export const operationLabels = {
  initialization: 'ir',
  certification: 'cr',
  keyupdate: 'kur',
  pkcs10: 'p10cr',
  revocation: 'rr',
  getcacerts: 'genm',
  getrootupdate: 'genm',
  getcertreqtemplate: 'genm',
  getcrls: 'genm',
  nested: 'nested',
} as const satisfies Readonly<Record<string, BodyType>>;
export type OperationLabel = keyof typeof operationLabels;

export function isOperationLabel(text: string): text is OperationLabel {
  return Object.hasOwn(operationLabels, text);
}

const followUps: ReadonlySet<BodyType> = new Set(['certConf', 'pollReq', 'popdecr', 'error']);

/** What follows a request goes to the same path; what an RA forwards, to that of the message inside, which is looked at there (RFC 9483 section 6.1). */
export function fitsLabel(type: BodyType, label: OperationLabel | undefined): boolean {
  return label === undefined || followUps.has(type) || type === 'nested' || operationLabels[label] === type;
}
