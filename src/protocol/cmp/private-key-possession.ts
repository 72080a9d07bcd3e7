import { algorithmIdentifier } from '../../pkix/index.js';
import { Cursor, contextConstructed, contextPrimitive, der, type Element, guarded } from '../der/index.js';
import { type PkMacValue, readPkMacFields } from './proof-of-possession.js';

/** RFC 4211 section 4.2
 *  POPOPrivKey ::= CHOICE {
 *    thisMessage        [0] BIT STRING,         -- deprecated
 *    subsequentMessage  [1] SubsequentMessage,
 *    dhMAC              [2] BIT STRING,         -- deprecated
 *    agreeMAC           [3] PKMACValue,
 *    encryptedKey       [4] EnvelopedData }
 *  SubsequentMessage ::= INTEGER { encrCert (0), challengeResp (1) } */
export const subsequentMessages = ['encrCert', 'challengeResp'] as const;
export type SubsequentMessage = (typeof subsequentMessages)[number];

/** What a POPOPrivKey announces; undefined for every other alternative. */
export function subsequentMessageOf(privKey: Buffer): SubsequentMessage | undefined {
  const read = guarded(() => {
    const cursor = new Cursor(privKey);
    return cursor.at(contextPrimitive(1)) ? cursor.smallInteger(contextPrimitive(1)) : -1;
  });
  return read.ok ? subsequentMessages[read.value] : undefined;
}

export function encodeSubsequentMessage(message: SubsequentMessage): Element {
  return der.integer(subsequentMessages.indexOf(message), contextPrimitive(1));
}

/** The agreeMAC in a POPOPrivKey: a MAC over the DER of certReq under a key agreed between the new key and one of the RA; undefined for every other alternative. */
export function agreeMacOf(privKey: Buffer): PkMacValue | undefined {
  const read = guarded(() => {
    const cursor = new Cursor(privKey);
    if (!cursor.at(contextConstructed(3))) return undefined;
    const value = readPkMacFields(cursor.enter(contextConstructed(3)));
    cursor.end();
    return value;
  });
  return read.ok ? read.value : undefined;
}

export function encodeAgreeMac({ algId, value }: PkMacValue): Element {
  return der.constructed(contextConstructed(3), algorithmIdentifier(algId), der.bitString(value));
}
