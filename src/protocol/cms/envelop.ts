import { algorithmIdentifier } from '../../pkix/index.js';
import { randomOctets } from '../../runtime/random.js';
import { type Constructed, contextConstructed, der, type Element, oids } from '../der/index.js';
import { type ContentCipher, contentCipherAlgorithm, contentCiphers, encryptContent } from './content-cipher.js';
import type { Recipient } from './recipient-info.js';

/**
 * An EnvelopedData (RFC 5652 section 6.1) without a ContentInfo around it, for one recipient, with a fresh key and IV.
 * `contentType`: of what is inside, id-data or id-signedData. `unprotectedAttrs`: Attributes, which anyone can read.
 */
export function envelop(
  content: Buffer,
  recipient: Recipient,
  contentType: string = oids.data,
  cipher: ContentCipher = 'aes256-cbc',
  unprotectedAttrs: readonly Element[] = [],
): Constructed {
  const { keyLength, blockLength } = contentCiphers[cipher];
  const random = randomOctets(keyLength + blockLength);
  const key = random.subarray(0, keyLength);
  const choice = { cipher, iv: random.subarray(keyLength) };
  const encryptedContentInfo = der.sequence(
    der.oid(contentType),
    algorithmIdentifier(contentCipherAlgorithm(choice)),
    der.implicitPrimitive(0, encryptContent(choice, key, content)),
  );
  const attributes = unprotectedAttrs.length === 0 ? undefined : der.constructed(contextConstructed(1), ...unprotectedAttrs);
  return der.sequence(der.integer(recipient.version), der.set(recipient.recipientInfo(key)), encryptedContentInfo, attributes);
}
