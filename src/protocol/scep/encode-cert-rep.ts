import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../../pkix/index.js';
import {
  attribute,
  type CmsSigner,
  type ContentCipher,
  certificatesOnly,
  encodeEnvelopedData,
  encodePasswordEnvelopedData,
  encodeSignedData,
  type KeyTransport,
} from '../cms/index.js';
import { der, type Element, oids } from '../der/index.js';
import { nonceAttribute, numberAttribute, transactionIdAttribute } from './attributes.js';
import type { ReplyHeader } from './decode-request.js';
import { failInfos, messageTypes, pkiStatuses, type ScepFailInfo } from './message-type.js';

/**
 * For whom and how a SUCCESS is encrypted: the certificate that signed the request, and only that one, or the challenge of a client
 * whose key cannot decrypt (RFC 8894 §3.1).
 */
export type ReplyRecipient =
  | {
      readonly certificate: Certificate;
      readonly publicKey: KeyObject;
      readonly cipher: ContentCipher;
      readonly transport: KeyTransport;
    }
  | { readonly password: Buffer; readonly cipher: ContentCipher };

export type CertRepBody =
  /** A GetCRL is answered with a CRL and no certificate, everything else with certificates and no CRL. */
  | { readonly status: 'SUCCESS'; readonly certificates: readonly Buffer[]; readonly crls?: readonly Buffer[]; readonly recipient: ReplyRecipient }
  | { readonly status: 'FAILURE'; readonly failInfo: ScepFailInfo; readonly failInfoText?: string }
  | { readonly status: 'PENDING' };

/**
 * A CertRep (RFC 8894 §3.3.2) in DER, signed by the RA. SUCCESS envelops a degenerate SignedData with the issued certificate first;
 * FAILURE and PENDING leave eContent absent, not empty. `senderNonce`: 16 fresh random bytes.
 */
export function encodeCertRep(header: ReplyHeader, senderNonce: Buffer, body: CertRepBody, signer: CmsSigner): Buffer {
  const attributes: Element[] = [
    transactionIdAttribute(header.transactionId),
    numberAttribute(oids.scepMessageType, messageTypes.CertRep),
    numberAttribute(oids.scepPkiStatus, pkiStatuses[body.status]),
    nonceAttribute(oids.scepSenderNonce, senderNonce),
  ];
  if (header.recipientNonce !== undefined) attributes.push(nonceAttribute(oids.scepRecipientNonce, header.recipientNonce));
  if (body.status === 'FAILURE') attributes.push(...failureAttributes(body.failInfo, body.failInfoText));
  const content = body.status === 'SUCCESS' ? enveloped(certificatesOnly(body.certificates, body.crls), body.recipient) : undefined;
  return encodeSignedData({ content, digest: header.digest, signer, attributes, certificates: [signer.certificate.der] });
}

const maxText = 255;

/** failInfoText is a UTF8String (RFC 8894 §3.2.1.4). */
function failureAttributes(failInfo: ScepFailInfo, text: string | undefined): Element[] {
  const number = numberAttribute(oids.scepFailInfo, failInfos[failInfo]);
  return text === undefined ? [number] : [number, attribute(oids.scepFailInfoText, der.utf8String(text.slice(0, maxText)))];
}

function enveloped(content: Buffer, recipient: ReplyRecipient): Buffer {
  if ('password' in recipient) return encodePasswordEnvelopedData({ content, cipher: recipient.cipher, password: recipient.password });
  const { certificate, publicKey, cipher, transport } = recipient;
  return encodeEnvelopedData({ content, cipher, recipient: certificate, publicKey, transport });
}
