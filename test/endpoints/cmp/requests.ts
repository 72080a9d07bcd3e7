import { randomBytes } from 'node:crypto';
import type { CertificateWish } from '../../../src/device-client/certificate-wish.js';
import { type CmpCredential, type CmpTransaction, protectorOf } from '../../../src/device-client/cmp-messages.js';
import { type Certificate, directoryName, type GeneralName, type Name, readGeneralName, type Signer } from '../../../src/pkix/index.js';
import { decodePkiBody, decodePkiMessage, deriveMacKey, type PkiBody, type PkiMessage, pbmParameters } from '../../../src/protocol/cmp/index.js';
import { Cursor, encode } from '../../../src/protocol/der/index.js';
import { type Key, named, newKey, reference, secret } from './stage.js';

export function asGeneralName(name: Name): GeneralName {
  return readGeneralName(new Cursor(encode(directoryName(name))));
}

export function secretOf(name = reference, value = secret): CmpCredential {
  const parameters = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
  return { kind: 'secret', reference: name, secret: value, parameters };
}

export function certificateOf(device: { readonly certificate: Certificate; readonly key: Key }, chain: readonly Certificate[] = []): CmpCredential {
  return { kind: 'certificate', certificate: device.certificate, chain, signer: device.key.signer };
}

/** A transaction of a device, with a fresh transactionID unless one is given. */
export async function begin(credential: CmpCredential = secretOf(), transactionID: Buffer = randomBytes(16)): Promise<CmpTransaction> {
  const key = credential.kind === 'secret' ? await deriveMacKey(credential.parameters, credential.secret) : undefined;
  return { credential, protector: protectorOf(credential, key), transactionID, recipient: named('Stage Issuing CA') };
}

export const nonce = (): Buffer => randomBytes(16);

export function wish(fields: Partial<CertificateWish> = {}, newSigner: Signer = newKey().signer): CertificateWish {
  return { type: 'ir', newKey: newSigner, subject: named('device-77'), ...fields };
}

export interface ReadReply {
  readonly message: PkiMessage;
  readonly body: PkiBody;
}

export function readReply(bytes: Buffer): ReadReply {
  const message = decodePkiMessage(bytes);
  if (!message.ok) throw message.error;
  const body = decodePkiBody(message.value);
  if (!body.ok) throw body.error;
  return { message: message.value, body: body.value };
}

/** `ip rejection badPOP`, `error rejection badMessageCheck`, `ip accepted`, `pkiconf`. */
export function gist({ body }: ReadReply): string {
  if (body.type === 'rp') return [body.type, ...body.content.status.flatMap(({ status, failInfo = [] }) => [status, ...failInfo])].join(' ');
  const info =
    body.type === 'error' ? body.content.pKIStatusInfo : 'content' in body && 'response' in body.content ? body.content.response[0]?.status : undefined;
  return [body.type, info?.status, ...(info?.failInfo ?? [])].filter((word) => word !== undefined).join(' ');
}
