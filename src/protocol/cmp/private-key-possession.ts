import { Cursor, contextPrimitive, der, type Element, guarded } from '../der/index.js';

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

/** What a POPOPrivKey announces; undefined for every other alternative, which would hand over a private key or needs one of ours. */
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
