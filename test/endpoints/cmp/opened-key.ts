import { createPublicKey, diffieHellman, pbkdf2Sync, privateDecrypt } from 'node:crypto';
import { readAlgorithmIdentifier } from '../../../src/pkix/index.js';
import { agreedKey, decryptContent, readContentCipher, unwrapKeyAes } from '../../../src/protocol/cms/index.js';
import { Cursor, contextConstructed, contextPrimitive, der, encode } from '../../../src/protocol/der/index.js';
import type { Key } from './stage.js';

/** What was in an EncryptedKey. */
export interface Opened {
  readonly version: number;
  readonly kind: 'ktri' | 'kari' | 'pwri';
  readonly contentType: string;
  readonly content: Buffer;
  readonly recipient: Buffer | undefined;
  readonly salt?: Buffer;
}

/** Opens an EncryptedKey as a device would, by its private key or by its shared secret. */
export function openKey(encryptedKey: Buffer | undefined, key: Key | Buffer): Opened {
  const fields = new Cursor(encryptedKey ?? Buffer.alloc(0)).enter(contextConstructed(0));
  const version = fields.smallInteger();
  const infos = fields.set();
  const kind = infos.at(contextConstructed(1)) ? 'kari' : infos.at(contextConstructed(3)) ? 'pwri' : 'ktri';
  const opened = kind === 'ktri' ? openTransport(infos, key as Key) : kind === 'kari' ? openAgreement(infos, key as Key) : openPassword(infos, key as Buffer);
  if (!infos.isEmpty) throw new Error('more than one recipient');
  const encrypted = fields.sequence();
  const contentType = encrypted.oid();
  const choice = readContentCipher(readAlgorithmIdentifier(encrypted));
  if (!choice.ok || opened.contentKey === undefined) throw new Error('cannot be opened');
  const { content } = decryptContent(choice.value, opened.contentKey, encrypted.content(contextPrimitive(0)));
  return { version, kind, contentType, content, recipient: opened.recipient, ...(opened.salt && { salt: opened.salt }) };
}

interface ContentKey {
  readonly contentKey: Buffer | undefined;
  readonly recipient?: Buffer;
  readonly salt?: Buffer;
}

function openTransport(infos: Cursor, key: Key): ContentKey {
  const info = infos.sequence();
  info.smallInteger();
  const recipient = info.content(contextPrimitive(0));
  readAlgorithmIdentifier(info);
  const contentKey = privateDecrypt({ key: key.privateKey, oaepHash: 'sha256' }, info.octetString());
  return { contentKey, recipient };
}

function openAgreement(infos: Cursor, key: Key): ContentKey {
  const info = infos.enter(contextConstructed(1));
  info.smallInteger();
  const originator = info.enter(contextConstructed(0)).enter(contextConstructed(1));
  const spki = encode(der.sequence(originator.element(), originator.element()));
  const ukm = info.explicit(1)?.octetString();
  readAlgorithmIdentifier(info);
  const entry = info.sequence().sequence();
  const recipient = entry.enter(contextConstructed(0)).octetString();
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const shared = diffieHellman({ privateKey: key.privateKey, publicKey });
  return { contentKey: unwrapKeyAes('aes256', agreedKey(shared, ukm, 'aes256'), entry.octetString()), recipient };
}

function openPassword(infos: Cursor, password: Buffer): ContentKey {
  const info = infos.enter(contextConstructed(3));
  info.smallInteger();
  const parameters = new Cursor(readAlgorithmIdentifier(info, contextConstructed(0)).parameters ?? Buffer.alloc(0)).sequence();
  const salt = parameters.octetString();
  const kek = pbkdf2Sync(password, salt, parameters.smallInteger(), 32, 'sha256');
  readAlgorithmIdentifier(info);
  return { contentKey: unwrapKeyAes('aes256', kek, info.octetString()), salt };
}
