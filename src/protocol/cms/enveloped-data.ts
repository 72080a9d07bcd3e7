import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../../pkix/index.js';
import { type Cursor, contextConstructed, contextPrimitive, DerError, oids, tag } from '../der/index.js';
import { readContentInfo } from './content-info.js';
import { type Identifier, readIdentifier } from './identifier.js';
import { type PasswordRecipient, readPasswordRecipient } from './password-recipient.js';

/** RFC 5652 §6.2.1
 *  KeyTransRecipientInfo ::= SEQUENCE {
 *    version                 CMSVersion,  -- 0 with issuerAndSerialNumber, 2 with subjectKeyIdentifier
 *    rid                     RecipientIdentifier,
 *    keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
 *    encryptedKey            OCTET STRING } */
export interface KeyTransRecipient {
  readonly version: number;
  readonly rid: Identifier;
  readonly algorithm: AlgorithmIdentifier;
  readonly encryptedKey: Buffer;
}

export interface EnvelopedData {
  readonly version: number;
  /** Those of kind KeyTransRecipientInfo; `recipientCount` counts all kinds. */
  readonly recipients: readonly KeyTransRecipient[];
  readonly passwordRecipients: readonly PasswordRecipient[];
  readonly recipientCount: number;
  readonly contentType: string;
  readonly contentAlgorithm: AlgorithmIdentifier;
  readonly encryptedContent: Buffer;
}

/** RFC 5652 §6.1
 *  EnvelopedData ::= SEQUENCE {
 *    version                   CMSVersion,
 *    originatorInfo        [0] IMPLICIT OriginatorInfo OPTIONAL,
 *    recipientInfos            SET SIZE (1..MAX) OF RecipientInfo,
 *    encryptedContentInfo      EncryptedContentInfo,
 *    unprotectedAttrs      [1] IMPLICIT UnprotectedAttributes OPTIONAL }
 *  EncryptedContentInfo ::= SEQUENCE {
 *    contentType                 ContentType,
 *    contentEncryptionAlgorithm  ContentEncryptionAlgorithmIdentifier,
 *    encryptedContent        [0] IMPLICIT EncryptedContent OPTIONAL }
 *  Reads the ContentInfo around it too; throws `DerError`. */
export function readEnvelopedData(cursor: Cursor): EnvelopedData {
  return readContentInfo(cursor, oids.envelopedData, (content) => {
    const fields = content.sequence();
    const version = fields.smallInteger();
    fields.enterOptional(contextConstructed(0));
    const recipients: KeyTransRecipient[] = [];
    const passwordRecipients: PasswordRecipient[] = [];
    const all = fields.set().each((item) => {
      if (item.at(tag.sequence)) recipients.push(readKeyTransRecipient(item));
      else if (item.at(contextConstructed(3))) passwordRecipients.push(readPasswordRecipient(item));
      else item.skip();
    });
    const encrypted = fields.sequence();
    const contentType = encrypted.oid();
    const contentAlgorithm = readAlgorithmIdentifier(encrypted);
    const encryptedContent = readEncryptedContent(encrypted);
    encrypted.end();
    fields.enterOptional(contextConstructed(1));
    fields.end();
    return { version, recipients, passwordRecipients, recipientCount: all.length, contentType, contentAlgorithm, encryptedContent };
  });
}

function readKeyTransRecipient(cursor: Cursor): KeyTransRecipient {
  const fields = cursor.sequence();
  const version = fields.smallInteger();
  const rid = readIdentifier(fields);
  const algorithm = readAlgorithmIdentifier(fields);
  const encryptedKey = fields.octetString();
  fields.end();
  return { version, rid, algorithm, encryptedKey };
}

/** `[0] IMPLICIT OCTET STRING`: primitive, or cut into OCTET STRINGs as BER writers do (the gateway cannot tell that from a SEQUENCE). */
function readEncryptedContent(cursor: Cursor): Buffer {
  if (cursor.at(contextPrimitive(0))) return cursor.content(contextPrimitive(0));
  const parts = cursor.explicit(0);
  if (parts === undefined) throw new DerError('truncated', cursor.position, 'No encrypted content.');
  return Buffer.concat(parts.each((part) => part.octetString()));
}
