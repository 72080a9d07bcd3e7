/** SCEP as a device speaks it (RFC 8894), written for the measurements: shares the DER layer with the server, not its SCEP and CMS code. */
import { constants, createCipheriv, createDecipheriv, createHash, type KeyObject, privateDecrypt, publicEncrypt, randomBytes, sign, verify } from 'node:crypto';
import { type Certificate, parseCertificate } from '../../../src/pkix/index.js';
import { Cursor, contextConstructed, der, encode, oids, tag } from '../../../src/protocol/der/index.js';

const contentCiphers = {
  aes128: { oid: oids.aes128Cbc, name: 'aes-128-cbc', keyBytes: 16 },
  aes256: { oid: oids.aes256Cbc, name: 'aes-256-cbc', keyBytes: 32 },
} as const;
export type ContentCipher = keyof typeof contentCiphers;

/** What signs a request: an RSA key and the certificate (self-signed for a first one) that shows it. */
export interface ScepSigner {
  readonly privateKey: KeyObject;
  readonly certificate: Certificate;
}

export interface ScepRequest {
  readonly messageType: 'PKCSReq' | 'CertPoll';
  readonly transactionId: string;
  readonly senderNonce: Buffer;
  /** A PKCS#10, or IssuerAndSubject for CertPoll; DER. */
  readonly content: Buffer;
}

const messageTypes = { PKCSReq: '19', CertPoll: '20' } as const;
const sha256Algorithm = encode(der.sequence(der.oid(oids.sha256)));
const rsaAlgorithm = encode(der.sequence(der.oid(oids.rsaEncryption), der.nullValue()));

function issuerAndSerial(certificate: Certificate) {
  return der.sequence(certificate.issuer.der, der.integerContent(certificate.serial));
}

/** RFC 5652 section 6.1, one key transport recipient with PKCS#1 v1.5. */
function envelopedData(content: Buffer, recipient: Certificate, recipientKey: KeyObject, cipher: ContentCipher): Buffer {
  const { oid, name, keyBytes } = contentCiphers[cipher];
  const key = randomBytes(keyBytes);
  const iv = randomBytes(16);
  const encryption = createCipheriv(name, key, iv);
  const encrypted = Buffer.concat([encryption.update(content), encryption.final()]);
  const encryptedKey = publicEncrypt({ key: recipientKey, padding: constants.RSA_PKCS1_PADDING }, key);
  const recipientInfo = der.sequence(der.integer(0), issuerAndSerial(recipient), rsaAlgorithm, der.octetString(encryptedKey));
  const contentInfo = der.sequence(der.oid(oids.data), der.sequence(der.oid(oid), der.octetString(iv)), der.implicitPrimitive(0, encrypted));
  return encode(der.sequence(der.oid(oids.envelopedData), der.explicit(0, der.sequence(der.integer(0), der.set(recipientInfo), contentInfo))));
}

function attribute(oid: string, value: Buffer) {
  return der.sequence(der.oid(oid), der.set(value));
}

/** Writes a pkiMessage (RFC 8894 section 3.2): the enveloped content, signed. */
export function encodeScepRequest(request: ScepRequest, signer: ScepSigner, ra: Certificate, raKey: KeyObject, cipher: ContentCipher): Buffer {
  const content = envelopedData(request.content, ra, raKey, cipher);
  const attributes = der.setOf([
    attribute(oids.contentType, der.oid(oids.data)),
    attribute(oids.messageDigest, der.octetString(createHash('sha256').update(content).digest())),
    attribute(oids.scepMessageType, der.printableString(messageTypes[request.messageType])),
    attribute(oids.scepTransactionId, der.printableString(request.transactionId)),
    attribute(oids.scepSenderNonce, der.octetString(request.senderNonce)),
  ]);
  const signature = sign('sha256', encode(attributes), signer.privateKey);
  const signerInfo = der.sequence(
    der.integer(1),
    issuerAndSerial(signer.certificate),
    sha256Algorithm,
    der.implicit(0, attributes),
    rsaAlgorithm,
    der.octetString(signature),
  );
  const signedData = der.sequence(
    der.integer(1),
    der.set(sha256Algorithm),
    der.sequence(der.oid(oids.data), der.explicit(0, der.octetString(content))),
    der.constructed(contextConstructed(0), signer.certificate.der),
    der.set(signerInfo),
  );
  return encode(der.sequence(der.oid(oids.signedData), der.explicit(0, signedData)));
}

export interface CertRep {
  readonly status: 'success' | 'failure' | 'pending';
  readonly failInfo: string;
  readonly transactionId: string;
  readonly recipientNonce: Buffer;
  /** The enveloped certificates, DER ContentInfo; absent unless success. */
  readonly content: Buffer | undefined;
  isSignedBy(raKey: KeyObject): boolean;
}

const statuses: Readonly<Record<string, CertRep['status']>> = { '0': 'success', '2': 'failure', '3': 'pending' };

/** Reads a CertRep without decrypting it. Throws on anything that is not one. */
export function readCertRep(bytes: Buffer): CertRep {
  const signedData = contentOf(bytes, oids.signedData);
  signedData.skip();
  signedData.skip();
  const encapsulated = signedData.sequence();
  encapsulated.oid();
  const content = encapsulated.explicit(0)?.octetString();
  signedData.enterOptional(contextConstructed(0));
  signedData.enterOptional(contextConstructed(1));
  const signerInfo = signedData.set().sequence();
  signerInfo.skip();
  signerInfo.skip();
  signerInfo.skip();
  const signed = Buffer.from(signerInfo.elementOf(contextConstructed(0)));
  signed[0] = tag.set;
  signerInfo.skip();
  const signature = signerInfo.octetString();
  const attributes = readAttributes(signed);
  const text = (oid: string) => new Cursor(attributes.get(oid) ?? missing(oid)).text();
  const status = statuses[text(oids.scepPkiStatus)] ?? missing('pkiStatus');
  return {
    status,
    failInfo: status === 'failure' ? text(oids.scepFailInfo) : '',
    transactionId: text(oids.scepTransactionId),
    recipientNonce: new Cursor(attributes.get(oids.scepRecipientNonce) ?? missing('recipientNonce')).octetString(),
    content: content === undefined || content.length === 0 ? undefined : content,
    isSignedBy: (raKey) => {
      const digest = new Cursor(attributes.get(oids.messageDigest) ?? missing('messageDigest')).octetString();
      const isWhole = createHash('sha256')
        .update(content ?? Buffer.alloc(0))
        .digest()
        .equals(digest);
      return isWhole && verify('sha256', signed, raKey, signature);
    },
  };
}

function missing(what: string): never {
  throw new Error(`No ${what} in the CertRep.`);
}

function contentOf(bytes: Buffer, type: string): Cursor {
  const outer = new Cursor(bytes).sequence();
  const found = outer.oid();
  const content = outer.explicit(0);
  if (found !== type || content === undefined) throw new Error(`Expected ${type}, found ${found}.`);
  return content.sequence();
}

function readAttributes(set: Buffer): ReadonlyMap<string, Buffer> {
  const pairs = new Cursor(set).set().each((cursor): [string, Buffer] => {
    const fields = cursor.sequence();
    return [fields.oid(), fields.set().element()];
  });
  return new Map(pairs);
}

/** Decrypts the content of a successful CertRep and returns the certificate with the device's key. Throws when there is none. */
export function openCertRep(content: Buffer, privateKey: KeyObject, spki: Buffer): Certificate {
  const certificates = contentOf(decryptEnveloped(content, privateKey), oids.signedData);
  certificates.skip();
  certificates.skip();
  certificates.skip();
  const all = certificates.enterOptional(contextConstructed(0))?.each((cursor) => parseCertificate(cursor.element())) ?? [];
  const own = all.find((item) => item.ok && item.value.publicKey.spki.equals(spki));
  if (own === undefined || !own.ok) throw new Error('No certificate with the key of the request in the CertRep.');
  return own.value;
}

function decryptEnveloped(bytes: Buffer, privateKey: KeyObject): Buffer {
  const enveloped = contentOf(bytes, oids.envelopedData);
  enveloped.skip();
  const recipient = enveloped.set().sequence();
  recipient.skip();
  recipient.skip();
  recipient.skip();
  const padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, recipient.octetString());
  const key = padded.subarray(padded.indexOf(0, 2) + 1);
  const contentInfo = enveloped.sequence();
  contentInfo.skip();
  const algorithm = contentInfo.sequence();
  const oid = algorithm.oid();
  const cipher = Object.values(contentCiphers).find((item) => item.oid === oid);
  if (cipher === undefined) throw new Error(`Content cipher ${oid} is not known here.`);
  const decryption = createDecipheriv(cipher.name, key, algorithm.octetString());
  return Buffer.concat([decryption.update(contentInfo.content(0x80)), decryption.final()]);
}
