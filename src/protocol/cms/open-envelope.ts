import type { Certificate } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { oids } from '../der/index.js';
import { type CipherChoice, contentCiphers, type Decrypted, decryptContent, readContentCipher } from './content-cipher.js';
import type { EnvelopedData, KeyTransRecipient } from './enveloped-data.js';
import { identifies } from './identifier.js';
import { type KeyTransport, readKeyTransport } from './key-transport.js';
import { unwrapOaep } from './oaep.js';
import { openPasswordRecipient } from './password-recipient.js';
import type { KeyUnwrapper } from './unwrap.js';

/** What can be said openly about an envelope, before any secret is touched. */
export type EnvelopeFault = 'recipients' | 'wrong-recipient' | 'transport-unknown' | 'cipher-unknown' | 'content-type';

/** More recipients than any client sends; each costs the reader, and decoys serve only attacks. */
const maxRecipients = 9;

export interface RecipientKey {
  readonly certificate: Certificate;
}

/** An envelope that is for us, with everything needed to open it. */
export interface AddressedEnvelope<K extends RecipientKey> {
  readonly key: K;
  readonly recipient: KeyTransRecipient;
  readonly transport: KeyTransport;
  readonly content: CipherChoice;
  readonly encryptedContent: Buffer;
}

/**
 * Finds the one recipientInfo that names one of `keys`. Several for the same key are refused: the first would be used to learn
 * about the second (the two-recipients trick, CVE-2019-1563). Others' recipientInfos are ignored.
 */
export function addressEnvelope<K extends RecipientKey>(envelope: EnvelopedData, keys: readonly K[]): Result<AddressedEnvelope<K>, EnvelopeFault> {
  if (envelope.contentType !== oids.data) return fail('content-type');
  if (envelope.recipientCount > maxRecipients) return fail('recipients');
  const ours: { readonly recipient: KeyTransRecipient; readonly key: K }[] = [];
  for (const recipient of envelope.recipients) for (const key of keys) if (identifies(recipient.rid, key.certificate)) ours.push({ recipient, key });
  const [found, ...more] = ours;
  if (found === undefined) return fail('wrong-recipient');
  if (more.length > 0) return fail('recipients');
  const transport = readKeyTransport(found.recipient.algorithm);
  if (!transport.ok) return transport;
  const content = readContentCipher(envelope.contentAlgorithm);
  if (!content.ok) return content;
  return ok({ recipient: found.recipient, key: found.key, transport: transport.value, content: content.value, encryptedContent: envelope.encryptedContent });
}

/** Decrypts; wrong padding of key or content shows only in `isPadded` (see `Decrypted`). */
export function decryptEnvelope(envelope: AddressedEnvelope<RecipientKey>, unwrapper: KeyUnwrapper): Decrypted {
  const { recipient, transport, content, encryptedContent } = envelope;
  const { keyLength } = contentCiphers[content.cipher];
  const key =
    transport.kind === 'pkcs1' ? unwrapper.pkcs1(recipient.encryptedKey, keyLength) : unwrapOaep(unwrapper, transport, recipient.encryptedKey, keyLength);
  return decryptContent(content, key, encryptedContent);
}

/** Opens an envelope with exactly one password recipient by its password; `undecryptable` covers a wrong password and wrong padding. */
export function openPasswordEnvelope(envelope: EnvelopedData, password: Buffer): Result<Buffer, EnvelopeFault | 'undecryptable'> {
  const [recipient, ...more] = envelope.passwordRecipients;
  if (envelope.contentType !== oids.data) return fail('content-type');
  if (recipient === undefined) return fail('wrong-recipient');
  if (more.length > 0) return fail('recipients');
  const choice = readContentCipher(envelope.contentAlgorithm);
  if (!choice.ok) return choice;
  const key = openPasswordRecipient(recipient, password, contentCiphers[choice.value.cipher].keyLength);
  if (!key.ok) return fail(key.error === 'unknown' ? 'transport-unknown' : 'undecryptable');
  const { isPadded, content } = decryptContent(choice.value, key.value, envelope.encryptedContent);
  return isPadded ? ok(content) : fail('undecryptable');
}
