import { type AlgorithmIdentifier, algorithmIdentifier, type GeneralName, readAlgorithmIdentifier, readGeneralName } from '../../pkix/index.js';
import { type Cursor, DerError, der, type Element, generalizedTime } from '../der/index.js';
import { encodeInfoTypeAndValue, type InfoTypeAndValue, readInfoTypeAndValue } from './general-info.js';
import { optionalExplicit } from './optional.js';
import { encodeFreeText, readFreeText } from './status.js';

/** RFC 9810 section 5.1.1
 *  PKIHeader ::= SEQUENCE {
 *    pvno               INTEGER { cmp1999(1), cmp2000(2), cmp2021(3) },
 *    sender             GeneralName,
 *    recipient          GeneralName,
 *    messageTime    [0] GeneralizedTime      OPTIONAL,
 *    protectionAlg  [1] AlgorithmIdentifier  OPTIONAL,
 *    senderKID      [2] KeyIdentifier        OPTIONAL,
 *    recipKID       [3] KeyIdentifier        OPTIONAL,
 *    transactionID  [4] OCTET STRING         OPTIONAL,
 *    senderNonce    [5] OCTET STRING         OPTIONAL,
 *    recipNonce     [6] OCTET STRING         OPTIONAL,
 *    freeText       [7] PKIFreeText          OPTIONAL,
 *    generalInfo    [8] SEQUENCE SIZE (1..MAX) OF InfoTypeAndValue OPTIONAL }
 *  The module has EXPLICIT tags. */
export interface PkiHeader {
  readonly pvno: number;
  readonly sender: GeneralName;
  readonly recipient: GeneralName;
  readonly messageTime?: Date;
  readonly protectionAlg?: AlgorithmIdentifier;
  readonly senderKID?: Buffer;
  readonly recipKID?: Buffer;
  readonly transactionID?: Buffer;
  readonly senderNonce?: Buffer;
  readonly recipNonce?: Buffer;
  readonly freeText?: readonly string[];
  readonly generalInfo?: readonly InfoTypeAndValue[];
}

const octets = (cursor: Cursor): Buffer => cursor.octetString();

/** Throws `DerError`; messageTime with a fraction or an offset is `bad-value` (RFC 9810 section 5.2.9). */
export function readPkiHeader(cursor: Cursor): PkiHeader {
  const fields = cursor.sequence();
  const pvno = fields.smallInteger();
  const sender = readGeneralName(fields);
  const recipient = readGeneralName(fields);
  const messageTime = optionalExplicit(fields, 0, (inside) => inside.generalizedTime());
  const protectionAlg = optionalExplicit(fields, 1, readAlgorithmIdentifier);
  const senderKID = optionalExplicit(fields, 2, octets);
  const recipKID = optionalExplicit(fields, 3, octets);
  const transactionID = optionalExplicit(fields, 4, octets);
  const senderNonce = optionalExplicit(fields, 5, octets);
  const recipNonce = optionalExplicit(fields, 6, octets);
  const freeText = optionalExplicit(fields, 7, readFreeText);
  const generalInfo = optionalExplicit(fields, 8, readGeneralInfo);
  fields.end();
  return {
    pvno,
    sender,
    recipient,
    ...(messageTime && { messageTime }),
    ...(protectionAlg && { protectionAlg }),
    ...(senderKID && { senderKID }),
    ...(recipKID && { recipKID }),
    ...(transactionID && { transactionID }),
    ...(senderNonce && { senderNonce }),
    ...(recipNonce && { recipNonce }),
    ...(freeText && { freeText }),
    ...(generalInfo && { generalInfo }),
  };
}

function readGeneralInfo(cursor: Cursor): InfoTypeAndValue[] {
  const offset = cursor.position;
  const items = cursor.sequence().each(readInfoTypeAndValue);
  if (items.length === 0) throw new DerError('bad-value', offset, 'generalInfo is empty.');
  return items;
}

const optionalOctets = (n: number, value: Buffer | undefined): Element | undefined => value && der.explicit(n, der.octetString(value));

/** The fields that say how a message is protected, and by whose key. */
export type ProtectionFields = Pick<PkiHeader, 'protectionAlg' | 'senderKID' | 'recipKID'>;

/** What `own` says of the protection goes before what the header says. */
export function encodePkiHeader(header: PkiHeader, own: ProtectionFields = header): Element {
  const { protectionAlg = header.protectionAlg, senderKID = header.senderKID, recipKID = header.recipKID } = own;
  return der.sequence(
    der.integer(header.pvno),
    header.sender.der,
    header.recipient.der,
    header.messageTime && der.explicit(0, generalizedTime(header.messageTime)),
    protectionAlg && der.explicit(1, algorithmIdentifier(protectionAlg)),
    optionalOctets(2, senderKID),
    optionalOctets(3, recipKID),
    optionalOctets(4, header.transactionID),
    optionalOctets(5, header.senderNonce),
    optionalOctets(6, header.recipNonce),
    header.freeText && der.explicit(7, encodeFreeText(header.freeText)),
    header.generalInfo && der.explicit(8, der.sequence(...header.generalInfo.map(encodeInfoTypeAndValue))),
  );
}
