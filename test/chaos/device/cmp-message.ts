/** CMP as a device speaks it (RFC 9810, RFC 9483), written for the measurements: shares the DER layer with the server, not its CMP code. */
import { createHash, createHmac, hash, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import { type Certificate, emptyName, type Name, parseCertificate } from '../../../src/pkix/index.js';
import { Cursor, contextConstructed, der, type Element, encode, generalizedTime, oids, tag } from '../../../src/protocol/der/index.js';

/** How a message is protected: MAC under a shared secret (RFC 9810 section 5.1.3.1), or a P-256 signature. */
export type Protection =
  | { readonly kind: 'mac'; readonly reference: string; readonly secret: Buffer; readonly salt: Buffer; readonly iterations: number }
  | { readonly kind: 'signature'; readonly certificate: Certificate; readonly privateKey: KeyObject };

export interface CmpHeader {
  readonly transactionId: Buffer;
  readonly senderNonce: Buffer;
  readonly recipNonce?: Buffer;
  readonly recipient: Name;
  readonly implicitConfirm: boolean;
}

const directoryName = (name: Name): Element => der.explicit(4, name.der);
const sha256Algorithm = der.sequence(der.oid(oids.sha256));
const ecdsaSha256 = encode(der.sequence(der.oid(oids.ecdsaWithSha256)));

function pbmAlgorithm(salt: Buffer, iterations: number): Buffer {
  const mac = der.sequence(der.oid(oids.hmacSha256));
  return encode(der.sequence(der.oid(oids.passwordBasedMac), der.sequence(der.octetString(salt), sha256Algorithm, der.integer(iterations), mac)));
}

/** PasswordBasedMac's key: OWF applied `iterations` times to secret and salt. */
export function pbmKey(secret: Buffer, salt: Buffer, iterations: number): Buffer {
  let key = hash('sha256', Buffer.concat([secret, salt]), 'buffer');
  for (let round = 1; round < iterations; round += 1) key = hash('sha256', key, 'buffer');
  return key;
}

function encodeHeader(header: CmpHeader, protection: Protection): Element {
  const sender = protection.kind === 'mac' ? emptyName : protection.certificate.subject;
  const senderKid = protection.kind === 'mac' ? Buffer.from(protection.reference) : protection.certificate.publicKey.keyIdentifier;
  const algorithm = protection.kind === 'mac' ? pbmAlgorithm(protection.salt, protection.iterations) : ecdsaSha256;
  return der.sequence(
    der.integer(2),
    directoryName(sender),
    directoryName(header.recipient),
    der.explicit(0, generalizedTime(new Date())),
    der.explicit(1, algorithm),
    der.explicit(2, der.octetString(senderKid)),
    der.explicit(4, der.octetString(header.transactionId)),
    der.explicit(5, der.octetString(header.senderNonce)),
    header.recipNonce === undefined ? undefined : der.explicit(6, der.octetString(header.recipNonce)),
    header.implicitConfirm ? der.explicit(8, der.sequence(der.sequence(der.oid(oids.implicitConfirm), der.nullValue()))) : undefined,
  );
}

/** Protects and writes a PKIMessage. `key`: a PBM key derived before, to save the derivation. */
export function encodeCmp(header: CmpHeader, body: Element, protection: Protection, key?: Buffer): Buffer {
  const encodedHeader = encode(encodeHeader(header, protection));
  const encodedBody = encode(body);
  const protectedPart = encode(der.sequence(encodedHeader, encodedBody));
  const value =
    protection.kind === 'mac'
      ? createHmac('sha256', key ?? pbmKey(protection.secret, protection.salt, protection.iterations))
          .update(protectedPart)
          .digest()
      : sign('sha256', protectedPart, protection.privateKey);
  const extraCerts = protection.kind === 'mac' ? undefined : der.explicit(1, der.sequence(protection.certificate.der));
  return encode(der.sequence(encodedHeader, encodedBody, der.explicit(0, der.bitString(value)), extraCerts));
}

/** ir with one CertReqMsg and proof of possession by signature (RFC 4211). */
export function irBody(subject: Name, spki: Buffer, privateKey: KeyObject): Element {
  return der.explicit(0, certReqMessages(subject, spki, privateKey));
}

/** kur: as ir, for the subject of the certificate that signs. */
export function kurBody(subject: Name, spki: Buffer, privateKey: KeyObject): Element {
  return der.explicit(7, certReqMessages(subject, spki, privateKey));
}

function certReqMessages(subject: Name, spki: Buffer, privateKey: KeyObject): Element {
  const publicKey = Buffer.from(spki);
  publicKey[0] = contextConstructed(6);
  const template = der.sequence(der.explicit(5, subject.der), publicKey);
  const certReq = encode(der.sequence(der.integer(0), template));
  const popo = der.constructed(contextConstructed(1), ecdsaSha256, der.bitString(sign('sha256', certReq, privateKey)));
  return der.sequence(der.sequence(certReq, popo));
}

/** p10cr: a PKCS#10 as the body. */
export function p10crBody(pkcs10: Buffer): Element {
  return der.explicit(4, pkcs10);
}

export function pollReqBody(): Element {
  return der.explicit(25, der.sequence(der.sequence(der.integer(0))));
}

/** certConf that accepts the certificate. */
export function certConfBody(certificate: Buffer): Element {
  const status = der.sequence(der.octetString(createHash('sha256').update(certificate).digest()), der.integer(0));
  return der.explicit(24, der.sequence(status));
}

export interface CmpAnswer {
  /** `unavailable`: an error with systemUnavail, which asks to come again. */
  readonly body: 'issued' | 'waiting' | 'pollRep' | 'pkiconf' | 'rejected' | 'error' | 'unavailable';
  readonly transactionId: Buffer;
  readonly senderNonce: Buffer;
  readonly recipNonce: Buffer;
  /** DER, when issued. */
  readonly certificate: Buffer | undefined;
  /** PKIStatusInfo or the poll answer in hexadecimal, for reports. */
  readonly detail: string;
  readonly checkAfterSeconds: number;
  readonly isImplicitlyConfirmed: boolean;
  /** The PBM salt of the answer; absent when it is signed. */
  readonly salt: Buffer | undefined;
  readonly protectionAlgorithm: string;
  readonly extraCerts: readonly Buffer[];
  /** Checks the protection with the shared secret, or with the key of the answer's signer. */
  isProtectedBy(credential: Buffer | KeyObject): boolean;
}

/** Reads an answer; throws on anything that is no PKIMessage. */
export function readCmpAnswer(bytes: Buffer): CmpAnswer {
  const message = new Cursor(bytes).sequence();
  const header = message.element();
  const body = message.element();
  const protection = message.explicit(0)?.bitStringOctets();
  const extraCerts =
    message
      .explicit(1)
      ?.sequence()
      .each((cursor) => cursor.element()) ?? [];
  const fields = readHeader(header);
  return {
    ...fields,
    ...readBody(body),
    extraCerts,
    isProtectedBy: (credential) => protection !== undefined && isProtected(fields, encode(der.sequence(header, body)), protection, credential),
  };
}

interface HeaderFields {
  readonly transactionId: Buffer;
  readonly senderNonce: Buffer;
  readonly recipNonce: Buffer;
  readonly isImplicitlyConfirmed: boolean;
  readonly protectionAlgorithm: string;
  readonly salt: Buffer | undefined;
  readonly iterations: number;
}

function readHeader(header: Buffer): HeaderFields {
  const fields = new Cursor(header).sequence();
  fields.skip();
  fields.skip();
  fields.skip();
  fields.explicit(0);
  const algorithm = fields.explicit(1)?.sequence();
  const protectionAlgorithm = algorithm?.oid() ?? '';
  const pbm = protectionAlgorithm === oids.passwordBasedMac ? algorithm?.sequence() : undefined;
  const salt = pbm?.octetString();
  pbm?.skip();
  const iterations = pbm?.smallInteger() ?? 0;
  fields.explicit(2);
  fields.explicit(3);
  const octets = (n: number) => fields.explicit(n)?.octetString() ?? Buffer.alloc(0);
  const transactionId = octets(4);
  const senderNonce = octets(5);
  const recipNonce = octets(6);
  fields.explicit(7);
  const types =
    fields
      .explicit(8)
      ?.sequence()
      .each((info) => info.sequence().oid()) ?? [];
  return { transactionId, senderNonce, recipNonce, isImplicitlyConfirmed: types.includes(oids.implicitConfirm), protectionAlgorithm, salt, iterations };
}

function isProtected(fields: HeaderFields, data: Buffer, protection: Buffer, credential: Buffer | KeyObject): boolean {
  if (!Buffer.isBuffer(credential)) return verify('sha256', data, credential, protection);
  if (fields.salt === undefined) return false;
  const mac = createHmac('sha256', pbmKey(credential, fields.salt, fields.iterations))
    .update(data)
    .digest();
  return mac.length === protection.length && timingSafeEqual(mac, protection);
}

type BodyFields = Pick<CmpAnswer, 'body' | 'certificate' | 'detail' | 'checkAfterSeconds'>;

function readBody(body: Buffer): BodyFields {
  const type = (body[0] as number) & 0x1f;
  const none = { certificate: undefined, detail: body.toString('hex', 0, 120), checkAfterSeconds: 0 };
  const inside = new Cursor(body).enter(body[0] as number);
  if (type === 1 || type === 3 || type === 8) return readCertRepMessage(inside, none);
  if (type === 19) return { ...none, body: 'pkiconf' };
  if (type === 26) {
    const entry = inside.sequence().sequence();
    entry.skip();
    return { ...none, body: 'pollRep', checkAfterSeconds: entry.smallInteger() };
  }
  return { ...none, body: isUnavailable(inside) ? 'unavailable' : 'error' };
}

/** ErrorMsgContent's PKIStatusInfo with bit 24 of PKIFailureInfo (RFC 9810 section 5.2.3). */
function isUnavailable(inside: Cursor): boolean {
  const status = inside.sequence().sequence();
  status.skip();
  status.enterOptional(tag.sequence);
  return status.at(tag.bitString) && ((status.bitString().bytes[3] ?? 0) & 0x80) !== 0;
}

/** RFC 9810 section 5.3.4: the first CertResponse. */
function readCertRepMessage(inside: Cursor, none: Omit<BodyFields, 'body'>): BodyFields {
  const message = inside.sequence();
  message.explicit(1);
  const response = message.sequence().sequence();
  response.skip();
  const status = response.sequence().smallInteger();
  if (status === 3) return { ...none, body: 'waiting' };
  if (status > 1 || response.isEmpty) return { ...none, body: 'rejected' };
  const certificate = response.sequence().explicit(0)?.element();
  return { ...none, body: certificate === undefined ? 'rejected' : 'issued', certificate };
}

/** The certificate of an issued answer, parsed; throws when it is not one. */
export function certificateOf(answer: CmpAnswer): Certificate {
  const parsed = parseCertificate(answer.certificate ?? Buffer.alloc(0));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}
