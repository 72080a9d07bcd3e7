import { type Cursor, DerError, der, type Element } from '../der/index.js';

/** RFC 5652 §3
 *  ContentInfo ::= SEQUENCE {
 *    contentType  ContentType,
 *    content  [0] EXPLICIT ANY DEFINED BY contentType }
 *  Enters the content of a ContentInfo that must be of type `contentType`; throws `DerError`. */
export function readContentInfo<T>(cursor: Cursor, contentType: string, read: (content: Cursor) => T): T {
  const start = cursor.position;
  const fields = cursor.sequence();
  const type = fields.oid();
  if (type !== contentType) throw new DerError('bad-value', start, `Content type ${type} where ${contentType} belongs.`);
  const content = fields.explicit(0);
  if (content === undefined) throw new DerError('truncated', start, 'ContentInfo without content.');
  const value = read(content);
  content.end();
  fields.end();
  return value;
}

export function contentInfo(contentType: string, content: Element): Element {
  return der.sequence(der.oid(contentType), der.explicit(0, content));
}
