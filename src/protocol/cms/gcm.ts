import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type Cursor, contextPrimitive, DerError, der, type Element, encode, oids, tag } from '../der/index.js';
import type { CipherChoice, Decrypted } from './content-cipher.js';

const usualTagLength = 16;

/** RFC 5084 §3.2
 *  GCMParameters ::= SEQUENCE {
 *    aes-nonce   OCTET STRING,
 *    aes-ICVlen  AES-GCM-ICVlen DEFAULT 12 }
 *  Go's pkcs7 packages write the nonce as [4] and put the whole into a second SEQUENCE; both forms are read. Throws `DerError`. */
export function readGcmParameters(cursor: Cursor): { readonly iv: Buffer; readonly tagLength: number } {
  const outer = cursor.sequence();
  const isNested = outer.at(tag.sequence);
  const fields = isNested ? outer.sequence() : outer;
  if (isNested) outer.end();
  const iv = fields.at(contextPrimitive(4)) ? fields.content(contextPrimitive(4)) : fields.octetString();
  const tagLength = fields.isEmpty ? 12 : fields.smallInteger();
  fields.end();
  if (tagLength < 12 || tagLength > 16) throw new DerError('bad-value', 0, `A tag of ${tagLength} octets.`);
  return { iv, tagLength };
}

export function gcmParameters({ iv, tagLength = usualTagLength }: CipherChoice): Element {
  return der.sequence(der.octetString(iv), der.integer(tagLength));
}

/** The ciphertext with its tag behind it, as RFC 5083 readers of EnvelopedData in the field expect it. */
export function sealGcm(choice: CipherChoice, key: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv(nodeName(choice), key, choice.iv, { authTagLength: choice.tagLength ?? usualTagLength });
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Everything decrypted also under a wrong tag, so that both cases do the same work (see `Decrypted`); never throws. */
export function openGcm(choice: CipherChoice, key: Buffer, encrypted: Buffer): Decrypted {
  const tagLength = choice.tagLength ?? usualTagLength;
  if (encrypted.length < tagLength) return { isPadded: false, content: Buffer.alloc(0) };
  const decipher = createDecipheriv(nodeName(choice), key, choice.iv, { authTagLength: tagLength });
  decipher.setAuthTag(encrypted.subarray(encrypted.length - tagLength));
  const content = decipher.update(encrypted.subarray(0, encrypted.length - tagLength));
  try {
    decipher.final();
    return { isPadded: true, content };
  } catch {
    return { isPadded: false, content };
  }
}

function nodeName(choice: CipherChoice): 'aes-128-gcm' | 'aes-256-gcm' {
  return choice.cipher === 'aes128-gcm' ? 'aes-128-gcm' : 'aes-256-gcm';
}

/** An AlgorithmIdentifier of AES-GCM up to the tag of its parameters, by key length. */
const heads = [oids.aes128Gcm, oids.aes256Gcm].map((oid) => encode(der.oid(oid)));
const primitiveSequence = 0x10;

/**
 * Go's pkcs7 packages leave out the constructed bit of the SEQUENCE around GCM's parameters, which no DER reader takes. The same
 * bytes with that bit set; the very bytes given where there is nothing to mend.
 */
export function mendGoGcm(envelope: Buffer): Buffer {
  for (const head of heads) {
    const at = envelope.indexOf(head);
    const parameters = at + head.length;
    if (at < 0 || envelope[parameters] !== primitiveSequence) continue;
    const mended = Buffer.from(envelope);
    mended[parameters] = tag.sequence;
    return mended;
  }
  return envelope;
}
