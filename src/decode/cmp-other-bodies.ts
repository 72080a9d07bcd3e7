import { crlReasons, readExtensions } from '../pkix/index.js';
import { decodePkiMessage, type PkiBody, readCertTemplate, readInfoTypeAndValue, readPkiStatusInfo } from '../protocol/cmp/index.js';
import { Cursor, guarded, oids, tag } from '../protocol/der/index.js';
import { infoItemsField } from './cmp-header.js';
import { templateField } from './cmp-request.js';
import { statusField } from './cmp-status.js';
import { extensionsField } from './extensions.js';
import { faultField } from './fault.js';
import { type Field, field, group, listed } from './field.js';
import { typedName } from './general-name.js';
import { byteCount } from './words.js';

type OtherBody = Extract<PkiBody, { readonly content: Buffer }>;

const maxItems = 20;

/** Bodies that the codec keeps undecoded, as far as people ask for them: revocation, general messages, nested ones. */
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
  rr: (cursor) => listed(cursor.sequence().each(readRevDetails), maxItems, (item) => item),
  rp: revocationAnswer,
  genm: (cursor) => [infoItemsField('GenMsgContent', cursor.sequence().each(readInfoTypeAndValue))],
  genp: (cursor) => [infoItemsField('GenRepContent', cursor.sequence().each(readInfoTypeAndValue))],
  nested: (cursor) =>
    listed(
      cursor.sequence().each((item) => item.element()),
      maxItems,
      nestedField,
    ),
};

/** RFC 9810 section 5.3.9
 *  RevDetails ::= SEQUENCE {
 *    certDetails      CertTemplate,
 *    crlEntryDetails  Extensions OPTIONAL } */
function readRevDetails(cursor: Cursor): Field {
  const fields = cursor.sequence();
  const template = readCertTemplate(fields);
  const extensions = fields.at(tag.sequence) ? readExtensions(fields.sequence()) : [];
  fields.end();
  const reason = extensions.find(({ oid }) => oid === oids.reasonCode);
  const number = reason === undefined ? undefined : guarded(() => new Cursor(reason.value).smallInteger(tag.enumerated));
  const words = number === undefined ? 'no reason given' : number.ok ? (crlReasons[number.value] ?? `reason ${number.value}`) : 'a malformed reason';
  return group('RevDetails', words, [templateField(template), ...(extensions.length === 0 ? [] : [extensionsField('crlEntryDetails', extensions)])]);
}

/** RFC 9810 section 5.3.10
 *  RevRepContent ::= SEQUENCE {
 *    status        SEQUENCE SIZE (1..MAX) OF PKIStatusInfo,
 *    revCerts  [0] SEQUENCE SIZE (1..MAX) OF CertId OPTIONAL,
 *    crls      [1] SEQUENCE SIZE (1..MAX) OF CertificateList OPTIONAL } */
function revocationAnswer(cursor: Cursor): Field[] {
  const fields = cursor.sequence();
  const statuses = fields.sequence().each(readPkiStatusInfo);
  const revoked =
    fields
      .explicit(0)
      ?.sequence()
      .each((item) => item.element()) ?? [];
  const crls =
    fields
      .explicit(1)
      ?.sequence()
      .each((item) => item.element()) ?? [];
  fields.end();
  return [
    ...listed(statuses, maxItems, (status) => statusField('status', status)),
    ...(revoked.length === 0 ? [] : [field('revCerts', revoked.length)]),
    ...(crls.length === 0 ? [] : [field('crls', crls.length)]),
  ];
}

/** RFC 9810 section 5.1.3.4: a whole PKIMessage, not looked into any deeper. */
function nestedField(bytes: Buffer, index: number): Field {
  const message = decodePkiMessage(bytes);
  if (!message.ok) return field(`PKIMessage [${index}]`, byteCount(bytes), { verdict: 'failed', note: message.error.message });
  const { bodyType, header } = message.value;
  return group(`PKIMessage [${index}]`, bodyType, [field('sender', typedName(header.sender)), field('size', byteCount(bytes))]);
}
