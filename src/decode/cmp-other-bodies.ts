import { decodePkiMessage, type PkiBody } from '../protocol/cmp/index.js';
import { Cursor, guarded } from '../protocol/der/index.js';
import { faultField } from './fault.js';
import { type Field, field, group, listed } from './field.js';
import { typedName } from './general-name.js';
import { byteCount } from './words.js';

type OtherBody = Extract<PkiBody, { readonly content: Buffer }>;

const maxItems = 20;

/** Bodies that the codec keeps undecoded, as far as people ask for them: nested ones. */
export function otherBodyFields({ type, content }: OtherBody): Field[] {
  const reader = readers[type];
  if (reader === undefined) return [field('content', byteCount(content), { note: 'not looked into' })];
  const read = guarded(() => {
    const cursor = new Cursor(content);
    const fields = reader(cursor);
    cursor.end();
    return fields;
  });
  return read.ok ? read.value : [faultField(read.error, type)];
}

const readers: Readonly<Partial<Record<OtherBody['type'], (cursor: Cursor) => Field[]>>> = {
  nested: (cursor) =>
    listed(
      cursor.sequence().each((item) => item.element()),
      maxItems,
      nestedField,
    ),
};

/** RFC 9810 section 5.1.3.4: a whole PKIMessage, not looked into any deeper. */
function nestedField(bytes: Buffer, index: number): Field {
  const message = decodePkiMessage(bytes);
  if (!message.ok) return field(`PKIMessage [${index}]`, byteCount(bytes), { verdict: 'failed', note: message.error.message });
  const { bodyType, header } = message.value;
  return group(`PKIMessage [${index}]`, bodyType, [field('sender', typedName(header.sender)), field('size', byteCount(bytes))]);
}
