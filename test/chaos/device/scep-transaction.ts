/** One SCEP enrolment: its PKCSReq, its polls, and what the answers say. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { buildName, type Certificate, signCsr } from '../../../src/pkix/index.js';
import { der, encode, oids } from '../../../src/protocol/der/index.js';
import type { DeviceKey } from './keys.js';
import { type ContentCipher, encodeScepRequest } from './scep-message.js';

/** What a device knows of its server: the RA (and, for polls, the CA) certificate from GetCACert and the challenge. */
export interface ScepServer {
  readonly ra: Certificate;
  readonly raKey: KeyObject;
  readonly ca: Certificate;
  readonly challenge: string;
}

export interface ScepTransaction {
  readonly transactionId: string;
  readonly commonName: string;
  readonly key: DeviceKey;
  readonly pkcs10: Buffer;
  readonly cipher: ContentCipher;
}

/** Makes and signs the PKCS#10 of a new transaction; `commonName` and transactionID are unique. */
export function newScepTransaction(commonName: string, key: DeviceKey, server: ScepServer, cipher: ContentCipher): ScepTransaction {
  const subject = buildName([[oids.commonName, commonName]]);
  const pkcs10 = signCsr({ subject, challengePassword: server.challenge }, key.signer);
  return { transactionId: randomBytes(16).toString('hex'), commonName, key, pkcs10, cipher };
}

function signerOf(key: DeviceKey) {
  return { privateKey: key.privateKey, certificate: key.certificate };
}

/** The transaction's PKCSReq; a new nonce and content key each time, the PKCS#10 stays. */
export function pkcsReq(transaction: ScepTransaction, server: ScepServer): Buffer {
  const { transactionId, pkcs10, cipher, key } = transaction;
  const request = { messageType: 'PKCSReq', transactionId, senderNonce: randomBytes(16), content: pkcs10 } as const;
  return encodeScepRequest(request, signerOf(key), server.ra, server.raKey, cipher);
}

/** CertPoll with IssuerAndSubject (RFC 8894 section 3.3.3). */
export function certPoll(transaction: ScepTransaction, server: ScepServer): Buffer {
  const { transactionId, commonName, cipher, key } = transaction;
  const content = encode(der.sequence(server.ca.subject.der, buildName([[oids.commonName, commonName]]).der));
  const request = { messageType: 'CertPoll', transactionId, senderNonce: randomBytes(16), content } as const;
  return encodeScepRequest(request, signerOf(key), server.ra, server.raKey, cipher);
}
