import { type Cursor, der, type Element, tag } from '../der/index.js';
import { encodeFreeText, readFreeText } from './status.js';

/** RFC 9810 section 5.3.22: PollReqContent ::= SEQUENCE OF SEQUENCE { certReqId INTEGER }. Throws `DerError`. */
export function readPollReqContent(cursor: Cursor): number[] {
  return cursor.sequence().each((item) => {
    const fields = item.sequence();
    const certReqId = fields.smallInteger();
    fields.end();
    return certReqId;
  });
}

export function encodePollReqContent(certReqIds: readonly number[]): Element {
  return der.sequence(...certReqIds.map((certReqId) => der.sequence(der.integer(certReqId))));
}

/** RFC 9810 section 5.3.22
 *  PollRepContent ::= SEQUENCE OF SEQUENCE {
 *    certReqId   INTEGER,
 *    checkAfter  INTEGER,  -- time in seconds
 *    reason      PKIFreeText OPTIONAL } */
export interface PollRep {
  readonly certReqId: number;
  readonly checkAfter: number;
  readonly reason?: readonly string[];
}

/** Throws `DerError`. */
export function readPollRepContent(cursor: Cursor): PollRep[] {
  return cursor.sequence().each((item) => {
    const fields = item.sequence();
    const certReqId = fields.smallInteger();
    const checkAfter = fields.smallInteger();
    const reason = fields.at(tag.sequence) ? readFreeText(fields) : undefined;
    fields.end();
    return { certReqId, checkAfter, ...(reason && { reason }) };
  });
}

export function encodePollRepContent(entries: readonly PollRep[]): Element {
  return der.sequence(
    ...entries.map((entry) => der.sequence(der.integer(entry.certReqId), der.integer(entry.checkAfter), entry.reason && encodeFreeText(entry.reason))),
  );
}
