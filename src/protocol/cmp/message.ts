import type { Result } from '../../runtime/result.js';
import { type Cursor, cmpLimits, contextConstructed, Cursor as DerCursor, DerError, decode, der, encode, guarded, tag } from '../der/index.js';
import { encodePkiBody, type PkiBody, readPkiBody } from './body.js';
import { type BodyType, bodyTypes } from './body-type.js';
import { encodePkiHeader, type PkiHeader, type ProtectionFields, readPkiHeader } from './header.js';
import { optionalExplicit } from './optional.js';

/** extraCerts beyond this are not a chain but a load. */
export const maxExtraCerts = 20;

/** RFC 9810 section 5.1
 *  PKIMessage ::= SEQUENCE {
 *    header           PKIHeader,
 *    body             PKIBody,
 *    protection   [0] PKIProtection OPTIONAL,
 *    extraCerts   [1] SEQUENCE SIZE (1..MAX) OF CMPCertificate OPTIONAL }
 *  The body is decoded apart (`decodePkiBody`), so that a message whose body is malformed can still be checked and answered. */
export interface PkiMessage {
  readonly header: PkiHeader;
  /** As received. */
  readonly headerDer: Buffer;
  readonly bodyType: BodyType;
  /** The whole PKIBody as received. */
  readonly bodyDer: Buffer;
  readonly protection?: Buffer;
  /** Certificates, DER, not yet looked at. */
  readonly extraCerts: readonly Buffer[];
}

/** The one door for received messages: size, depth, count, strict DER, then header and envelope. */
export function decodePkiMessage(bytes: Buffer): Result<PkiMessage, DerError> {
  return decode(bytes, cmpLimits, readPkiMessage);
}

function readPkiMessage(cursor: Cursor): PkiMessage {
  const fields = cursor.sequence();
  const headerDer = fields.elementOf(tag.sequence);
  const header = readPkiHeader(new DerCursor(headerDer));
  const bodyType = bodyTypeAt(fields);
  const bodyDer = fields.element();
  const protection = optionalExplicit(fields, 0, (inside) => inside.bitStringOctets());
  const extraCerts = optionalExplicit(fields, 1, readExtraCerts) ?? [];
  fields.end();
  return { header, headerDer, bodyType, bodyDer, extraCerts, ...(protection && { protection }) };
}

function bodyTypeAt(cursor: Cursor): BodyType {
  const type = bodyTypes[cursor.peekTag() - contextConstructed(0)];
  if (type === undefined) throw new DerError('bad-tag', cursor.position, 'PKIBody.');
  return type;
}

function readExtraCerts(cursor: Cursor): Buffer[] {
  const offset = cursor.position;
  const certificates = cursor.sequence().each((item) => item.elementOf(tag.sequence));
  if (certificates.length === 0 || certificates.length > maxExtraCerts) throw new DerError('bad-value', offset, 'extraCerts.');
  return certificates;
}

export function decodePkiBody(message: PkiMessage): Result<PkiBody, DerError> {
  return guarded(() => {
    const cursor = new DerCursor(message.bodyDer);
    const body = readPkiBody(cursor, message.bodyType);
    cursor.end();
    return body;
  });
}

/** RFC 9810 section 5.1.3: ProtectedPart ::= SEQUENCE { header PKIHeader, body PKIBody }, over the octets as sent or received. */
export function protectedPart(headerDer: Buffer, bodyDer: Buffer): Buffer {
  return encode(der.sequence(headerDer, bodyDer));
}

/** How a message is protected: what its header says of it, and the value over the protected part. */
export interface Protector {
  readonly header: ProtectionFields;
  protect(part: Buffer): Buffer;
}

export interface MessageToSend {
  readonly header: PkiHeader;
  readonly body: PkiBody;
  readonly extraCerts?: readonly Buffer[];
}

/** The whole PKIMessage; without a protector it goes out unprotected. */
export function encodePkiMessage(message: MessageToSend, protector?: Protector): Buffer {
  const headerDer = encode(encodePkiHeader(message.header, protector?.header));
  const bodyDer = encode(encodePkiBody(message.body));
  const { extraCerts = [] } = message;
  const protection = protector && der.explicit(0, der.bitString(protector.protect(protectedPart(headerDer, bodyDer))));
  return encode(der.sequence(headerDer, bodyDer, protection, extraCerts.length === 0 ? undefined : der.explicit(1, der.sequence(...extraCerts))));
}
