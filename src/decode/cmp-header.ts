import type { PkiHeader } from '../protocol/cmp/index.js';
import { infoItemsField } from './cmp-general.js';
import { protectionAlgField } from './cmp-protection.js';
import { type Field, field, optional } from './field.js';
import { typedName } from './general-name.js';
import { byteCount, hexText, timeText } from './words.js';

const versions: Readonly<Record<number, string>> = { 1: 'cmp1999', 2: 'cmp2000', 3: 'cmp2021' };

/** RFC 9810 section 5.1.1. */
export function headerFields(header: PkiHeader): Field[] {
  const { pvno, sender, recipient, messageTime, protectionAlg, senderKID, recipKID, transactionID, senderNonce, recipNonce, freeText, generalInfo } = header;
  return [
    field('pvno', `${pvno} (${versions[pvno] ?? 'unknown'})`, pvno === 2 || pvno === 3 ? {} : { verdict: 'failed', note: 'only 2 and 3 are served' }),
    field('sender', typedName(sender)),
    field('recipient', typedName(recipient)),
    ...optional(messageTime, (time) => field('messageTime', timeText(time))),
    ...optional(protectionAlg, protectionAlgField),
    ...optional(senderKID, (identifier) => field('senderKID', keyIdText(identifier))),
    ...optional(recipKID, (identifier) => field('recipKID', keyIdText(identifier))),
    transactionID === undefined ? absent('transactionID') : field('transactionID', hexText(transactionID), lengthNote(transactionID)),
    senderNonce === undefined ? absent('senderNonce') : field('senderNonce', hexText(senderNonce), lengthNote(senderNonce)),
    ...optional(recipNonce, (nonce) => field('recipNonce', hexText(nonce), lengthNote(nonce))),
    ...optional(freeText, (texts) => field('freeText', texts.join(' | '))),
    ...optional(generalInfo, (items) => infoItemsField('generalInfo', items)),
  ];
}

/** RFC 9483 section 3.1: 128 bits of random. */
const lengthNote = (octets: Buffer) => (octets.length === 16 ? {} : { note: '16 bytes by RFC 9483' });

const absent = (name: string): Field => field(name, 'absent', { verdict: 'failed', note: 'required by RFC 9483' });

/** A reference is text most of the time, a key identifier is not. */
function keyIdText(identifier: Buffer): string {
  const text = identifier.toString('latin1');
  return identifier.length > 0 && /^[\x20-\x7e]*$/.test(text) ? `"${text}" (${byteCount(identifier)})` : hexText(identifier);
}
