import { type Name, nameToText, parseName, serialHex } from '../pkix/index.js';
import {
  contentCiphers,
  type EnvelopedData,
  type Identifier,
  identifies,
  type KeyTransRecipient,
  type PasswordRecipient,
  type RecipientKey,
  readContentCipher,
  readKeyTransport,
} from '../protocol/cms/index.js';
import { type Field, field, group, listed } from './field.js';
import { byteCount, digestName, oidName } from './words.js';

const maxRecipients = 20;

/** Who a SignerIdentifier or RecipientIdentifier names. */
export function identifierText(identifier: Identifier): string {
  if (identifier.kind === 'subjectKeyIdentifier') return `subjectKeyIdentifier ${identifier.keyIdentifier.toString('hex')}`;
  return issuerAndSerialText(identifier.issuer, identifier.serial);
}

export function issuerAndSerialText(issuer: Buffer, serial: Buffer): string {
  const name = parseName(issuer);
  return `issuer ${name.ok ? orEmpty(name.value) : '(malformed name)'}, serialNumber ${serialHex(serial)}`;
}

const orEmpty = (name: Name): string => nameToText(name) || '(empty name)';

/** RFC 5652 section 6.1: for whom it is encrypted, and how. */
export function envelopeFields(envelope: EnvelopedData, keys: readonly RecipientKey[]): Field[] {
  const { recipients, passwordRecipients, recipientCount } = envelope;
  const others = recipientCount - recipients.length - passwordRecipients.length;
  return [
    field('version', envelope.version),
    group('recipientInfos', recipientCount, [
      ...listed(recipients, maxRecipients, (recipient, index) => recipientField(recipient, index, keys)),
      ...listed(passwordRecipients, maxRecipients, passwordField),
      ...(others === 0 ? [] : [field('other kinds', others, { verdict: 'unknown', note: 'not looked into' })]),
    ]),
    field('contentType', oidName(envelope.contentType)),
    cipherField(envelope),
    field('encryptedContent', byteCount(envelope.encryptedContent)),
  ];
}

function recipientField(recipient: KeyTransRecipient, index: number, keys: readonly RecipientKey[]): Field {
  const isOurs = keys.some((key) => identifies(recipient.rid, key.certificate));
  const transport = readKeyTransport(recipient.algorithm);
  return group(
    `KeyTransRecipientInfo [${index}]`,
    identifierText(recipient.rid),
    [
      field('version', recipient.version),
      field('keyEncryptionAlgorithm', transportText(recipient), transport.ok ? {} : { verdict: 'failed', note: 'refused with badAlg: not served' }),
      field('encryptedKey', byteCount(recipient.encryptedKey)),
    ],
    keys.length === 0 ? {} : { note: isOurs ? 'the certificate given' : 'another certificate than the one given' },
  );
}

/** RFC 5652 section 6.2.4; in SCEP the password is the challenge (RFC 8894 section 3.1). */
function passwordField({ keyDerivation, keyEncryption, encryptedKey }: PasswordRecipient, index: number): Field {
  return group(`PasswordRecipientInfo [${index}]`, 'for who knows the challenge', [
    field('keyDerivationAlgorithm', keyDerivation === undefined ? 'absent' : oidName(keyDerivation.oid)),
    field('keyEncryptionAlgorithm', oidName(keyEncryption.oid)),
    field('encryptedKey', byteCount(encryptedKey)),
  ]);
}

function transportText({ algorithm }: KeyTransRecipient): string {
  const transport = readKeyTransport(algorithm);
  if (!transport.ok || transport.value.kind === 'pkcs1') return oidName(algorithm.oid);
  const { digest, maskDigest } = transport.value;
  return `RSAES-OAEP with ${digestName(digest)} and MGF1 with ${digestName(maskDigest)}`;
}

function cipherField({ contentAlgorithm }: EnvelopedData): Field {
  const choice = readContentCipher(contentAlgorithm);
  if (!choice.ok) return field('contentEncryptionAlgorithm', oidName(contentAlgorithm.oid), { verdict: 'failed', note: 'refused with badAlg: not served' });
  const { cipher } = choice.value;
  const { keyLength } = contentCiphers[cipher];
  return field(
    'contentEncryptionAlgorithm',
    cipher,
    cipher === 'des-ede3-cbc' ? { note: 'weak: accepted only where a profile allows it' } : { note: `${keyLength * 8} bits` },
  );
}
