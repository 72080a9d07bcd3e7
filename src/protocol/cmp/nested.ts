import type { Result } from '../../runtime/result.js';
import { Cursor, DerError, der, encode, guarded, oids, tag } from '../der/index.js';
import type { InfoTypeAndValue } from './general-info.js';

/** More messages in one are a load, not a batch. */
export const maxNested = 100;

/** RFC 9810 section 5.1.3.5: NestedMessageContent ::= PKIMessages ::= SEQUENCE SIZE (1..MAX) OF PKIMessage. The messages as received. */
export function readNestedContent(content: Buffer): Result<readonly Buffer[], DerError> {
  return guarded(() => {
    const cursor = new Cursor(content);
    const messages = cursor.sequence().each((item) => item.elementOf(tag.sequence));
    cursor.end();
    if (messages.length === 0 || messages.length > maxNested) throw new DerError('bad-value', 0, `PKIMessages holds ${messages.length} messages.`);
    return messages;
  });
}

/** The content of a nested body. */
export function encodeNestedContent(messages: readonly Buffer[]): Buffer {
  return encode(der.sequence(...messages));
}

/** RFC 9810 section 5.1.1.3: OrigPKIMessageValue ::= PKIMessages. */
export function origPkiMessageItem(messages: readonly Buffer[]): InfoTypeAndValue {
  return { infoType: oids.origPKIMessage, infoValue: encodeNestedContent(messages) };
}
