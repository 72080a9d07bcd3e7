import type { Result } from '../../runtime/result.js';
import { type Cursor, Cursor as DerCursor, DerError, der, type Element, encode, guarded, oids, tag } from '../der/index.js';
import { type CertId, encodeCertId, readCertId } from './cert-id.js';
import { type CertTemplate, encodeCertTemplate, readCertTemplate } from './cert-template.js';
import { encodeProofOfPossession, isProofOfPossession, type ProofOfPossession, readProofOfPossession } from './proof-of-possession.js';

/** RFC 4211 section 3
 *  CertReqMsg ::= SEQUENCE {
 *    certReq   CertRequest,
 *    popo      ProofOfPossession  OPTIONAL,
 *    regInfo   SEQUENCE SIZE(1..MAX) OF AttributeTypeAndValue OPTIONAL } */
export interface CertReqMsg {
  readonly certReq: CertRequest;
  readonly popo?: ProofOfPossession;
  readonly regInfo?: readonly AttributeTypeAndValue[];
}

/** RFC 4211 section 5
 *  CertRequest ::= SEQUENCE {
 *    certReqId     INTEGER,
 *    certTemplate  CertTemplate,
 *    controls      Controls OPTIONAL } */
export interface CertRequest {
  readonly certReqId: number;
  readonly certTemplate: CertTemplate;
  readonly controls?: readonly AttributeTypeAndValue[];
  /** As received, or as built: what the proof of possession signs. */
  readonly der: Buffer;
}

/** RFC 4211 section 6
 *  AttributeTypeAndValue ::= SEQUENCE { type OBJECT IDENTIFIER, value ANY DEFINED BY type } */
export interface AttributeTypeAndValue {
  readonly type: string;
  /** The whole encoding. */
  readonly value: Buffer;
}

/** CertReqMessages ::= SEQUENCE SIZE (1..MAX) OF CertReqMsg. Throws `DerError`. */
export function readCertReqMessages(cursor: Cursor): CertReqMsg[] {
  const offset = cursor.position;
  const messages = cursor.sequence().each(readCertReqMsg);
  if (messages.length === 0) throw new DerError('bad-value', offset, 'CertReqMessages is empty.');
  return messages;
}

export function encodeCertReqMessages(messages: readonly CertReqMsg[]): Element {
  return der.sequence(...messages.map(encodeCertReqMsg));
}

function readCertReqMsg(cursor: Cursor): CertReqMsg {
  const fields = cursor.sequence();
  const certReq = readCertRequest(fields);
  const popo = isProofOfPossession(fields) ? readProofOfPossession(fields) : undefined;
  const regInfo = fields.at(tag.sequence) ? readControls(fields) : undefined;
  fields.end();
  return { certReq, ...(popo && { popo }), ...(regInfo && { regInfo }) };
}

function encodeCertReqMsg(message: CertReqMsg): Element {
  return der.sequence(
    encodeCertRequest(message.certReq),
    message.popo && encodeProofOfPossession(message.popo),
    message.regInfo && der.sequence(...message.regInfo.map(encodeAttribute)),
  );
}

function readCertRequest(cursor: Cursor): CertRequest {
  const whole = cursor.elementOf(tag.sequence);
  const fields = new DerCursor(whole).sequence();
  const certReqId = fields.smallInteger();
  const certTemplate = readCertTemplate(fields);
  const controls = fields.at(tag.sequence) ? readControls(fields) : undefined;
  fields.end();
  return { certReqId, certTemplate, der: whole, ...(controls && { controls }) };
}

function encodeCertRequest(request: Omit<CertRequest, 'der'>): Element {
  return der.sequence(der.integer(request.certReqId), encodeCertTemplate(request.certTemplate), request.controls && encodeControls(request.controls));
}

/** A CertRequest of our own making, with the bytes that its proof of possession signs. */
export function buildCertRequest(request: Omit<CertRequest, 'der'>): CertRequest {
  return { der: encode(encodeCertRequest(request)), ...request };
}

/** Controls ::= SEQUENCE SIZE(1..MAX) OF AttributeTypeAndValue. Throws `DerError`. */
export function readControls(cursor: Cursor): AttributeTypeAndValue[] {
  const offset = cursor.position;
  const attributes = cursor.sequence().each((item) => {
    const fields = item.sequence();
    const type = fields.oid();
    const value = fields.element();
    fields.end();
    return { type, value };
  });
  if (attributes.length === 0) throw new DerError('bad-value', offset, 'Empty list of attributes.');
  return attributes;
}

export function encodeControls(controls: readonly AttributeTypeAndValue[]): Element {
  return der.sequence(...controls.map(encodeAttribute));
}

function encodeAttribute(attribute: AttributeTypeAndValue): Element {
  return der.sequence(der.oid(attribute.type), attribute.value);
}

/** The oldCertID control of a request; undefined when absent. */
export function oldCertIdOf(request: CertRequest): Result<CertId | undefined, DerError> {
  const control = request.controls?.find((item) => item.type === oids.oldCertID);
  return guarded(() => {
    if (control === undefined) return undefined;
    const cursor = new DerCursor(control.value);
    const certId = readCertId(cursor);
    cursor.end();
    return certId;
  });
}

export function oldCertIdControl(certId: CertId): AttributeTypeAndValue {
  return { type: oids.oldCertID, value: encode(encodeCertId(certId)) };
}

/** RFC 4211 section 6.3
 *  PKIPublicationInfo ::= SEQUENCE {
 *    action    INTEGER { dontPublish (0), pleasePublish (1) },
 *    pubInfos  SEQUENCE SIZE (1..MAX) OF SinglePubInfo OPTIONAL }
 *  Advice that we do not follow; true when it is what the RFC allows ("pubInfos MUST NOT be present if action is dontPublish"). */
export function isSoundPublicationInfo(value: Buffer): boolean {
  const read = guarded(() => {
    const fields = new DerCursor(value).sequence();
    const action = fields.smallInteger();
    return action === 1 || (action === 0 && fields.isEmpty);
  });
  return read.ok && read.value;
}
