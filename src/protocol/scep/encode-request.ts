import type { KeyObject } from 'node:crypto';
import type { Certificate, Digest } from '../../pkix/index.js';
import { attribute, type CmsSigner, type ContentCipher, encodeEnvelopedData, encodeSignedData, type KeyTransport } from '../cms/index.js';
import { certificateTime, type Element, oids } from '../der/index.js';
import { nonceAttribute, numberAttribute, transactionIdAttribute } from './attributes.js';

export interface RequestOptions {
  /** Its number; not only the registered ones, so that refusals can be tried out. */
  readonly messageType: number;
  readonly transactionId: string;
  readonly senderNonce: Buffer;
  /** PKCS#10, IssuerAndSubject or IssuerAndSerialNumber, DER. */
  readonly messageData: Buffer;
  readonly signer: CmsSigner;
  readonly recipient: { readonly certificate: Certificate; readonly publicKey: KeyObject };
  readonly cipher: ContentCipher;
  readonly digest: Digest;
  readonly transport?: KeyTransport;
  readonly identifiedBy?: 'issuerAndSerial' | 'subjectKeyIdentifier';
  readonly signingTime?: Date;
  /** Further certificates, after the signer's. */
  readonly chain?: readonly Buffer[];
}

/** The transaction attributes of a request (RFC 8894 §3.2.1). */
export function requestAttributes(options: Pick<RequestOptions, 'messageType' | 'transactionId' | 'senderNonce' | 'signingTime'>): Element[] {
  const { signingTime } = options;
  return [
    ...(signingTime === undefined ? [] : [attribute(oids.signingTime, certificateTime(signingTime))]),
    transactionIdAttribute(Buffer.from(options.transactionId, 'latin1')),
    numberAttribute(oids.scepMessageType, options.messageType),
    nonceAttribute(oids.scepSenderNonce, options.senderNonce),
  ];
}

/** A pkiMessage as clients send it (RFC 8894 §3.2): the data enveloped for the RA, then signed. */
export function encodeRequest(options: RequestOptions): Buffer {
  const { messageData, recipient, cipher, transport, identifiedBy, signer, digest, chain = [] } = options;
  const content = encodeEnvelopedData({
    content: messageData,
    cipher,
    recipient: recipient.certificate,
    publicKey: recipient.publicKey,
    ...(transport === undefined ? {} : { transport }),
    ...(identifiedBy === undefined ? {} : { identifiedBy }),
  });
  return encodeSignedData({ content, digest, signer, attributes: requestAttributes(options), certificates: [signer.certificate.der, ...chain] });
}
