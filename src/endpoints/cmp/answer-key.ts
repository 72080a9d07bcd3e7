import { type Certificate, directoryName, type GeneralName, readGeneralName, subjectKeyIdentifierOf } from '../../pkix/index.js';
import {
  type DhMacParameters,
  dhMacProtector,
  type KemMacParameters,
  kemMac,
  kemMacAlgorithm,
  kemMacKey,
  type PkiMessage,
  type Protector,
} from '../../protocol/cmp/index.js';
import { Cursor, encode } from '../../protocol/der/index.js';
import type { LoadedEncryptionKey } from '../../tenancy/encryption-key.js';
import { withoutSelfSigned } from './without-self-signed.js';

/** How answers to one peer are protected where neither a shared secret nor the signature of the RA does it: by a key that only the two have. */
export interface AnswerKey {
  /** The subject of the encryption certificate: who the key belongs to. */
  readonly sender: GeneralName;
  readonly protector: Protector;
  readonly extraCerts: readonly Buffer[];
}

/** DHBasedMac both ways under the parameters of the request (RFC 9810 section 5.1.3.2). */
export function dhAnswer(own: LoadedEncryptionKey, macKey: Buffer, parameters: DhMacParameters, device: Certificate): AnswerKey {
  const [senderKID, recipKID] = [own.certificate, device].map((item) => subjectKeyIdentifierOf(item.extensions));
  return answerOf(own, dhMacProtector(macKey, parameters, { ...(senderKID && { senderKID }), ...(recipKID && { recipKID }) }));
}

const kemParameters: KemMacParameters = { len: 32, mac: 'sha256' };

/** KemBasedMac by the secret that the device encapsulated for our key in this transaction (RFC 9810 section 5.1.3.4). */
export function kemAnswer(own: LoadedEncryptionKey, sharedSecret: Buffer, transactionID: Buffer): AnswerKey {
  const key = kemMacKey(sharedSecret, transactionID, kemParameters);
  const senderKID = subjectKeyIdentifierOf(own.certificate.extensions);
  const header = { protectionAlg: kemMacAlgorithm(kemParameters), ...(senderKID && { senderKID }) };
  return answerOf(own, { header, protect: (part) => kemMac(key, kemParameters, part) });
}

function answerOf({ certificate, chain }: LoadedEncryptionKey, protector: Protector): AnswerKey {
  return { sender: nameOf(certificate), protector, extraCerts: certificatesOf({ certificate, chain }) };
}

/** The certificate with the chain below the root (RFC 9483 section 3.3). */
export function certificatesOf({ certificate, chain }: Pick<LoadedEncryptionKey, 'certificate' | 'chain'>): readonly Buffer[] {
  return [certificate.der, ...withoutSelfSigned(chain)];
}

function nameOf({ subject }: Certificate): GeneralName {
  return readGeneralName(new Cursor(encode(directoryName(subject))));
}

/** Those a message may be meant for: the one that recipKID names, else every one. */
export function addressedKeys<T extends { readonly certificate: Certificate }>(keys: readonly T[], { header }: PkiMessage): readonly T[] {
  const { recipKID } = header;
  const named = recipKID && keys.filter(({ certificate }) => subjectKeyIdentifierOf(certificate.extensions)?.equals(recipKID));
  return named === undefined || named.length === 0 ? keys : named;
}
