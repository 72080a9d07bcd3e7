import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  type Extension,
  encodeExtension,
  type Name,
  readAlgorithmIdentifier,
  readExtensions,
  readName,
} from '../../pkix/index.js';
import type { Result } from '../../runtime/result.js';
import {
  type BitString,
  type Cursor,
  certificateTime,
  contextConstructed,
  contextPrimitive,
  Cursor as DerCursor,
  DerError,
  type DerError as DerFailure,
  der,
  type Element,
  encode,
  guarded,
  tag,
} from '../der/index.js';
import { optionalExplicit } from './optional.js';

/** RFC 4211 section 5
 *  CertTemplate ::= SEQUENCE {
 *    version      [0] Version               OPTIONAL,
 *    serialNumber [1] INTEGER               OPTIONAL,
 *    signingAlg   [2] AlgorithmIdentifier   OPTIONAL,
 *    issuer       [3] Name                  OPTIONAL,
 *    validity     [4] OptionalValidity      OPTIONAL,
 *    subject      [5] Name                  OPTIONAL,
 *    publicKey    [6] SubjectPublicKeyInfo  OPTIONAL,
 *    issuerUID    [7] UniqueIdentifier      OPTIONAL,
 *    subjectUID   [8] UniqueIdentifier      OPTIONAL,
 *    extensions   [9] Extensions            OPTIONAL }
 *  The module has IMPLICIT tags; Name is a CHOICE and therefore explicit. publicKey and extensions stay undecoded here, so
 *  that a bad one is a fault of the template (badCertTemplate), not of the message (badDataFormat). */
export interface CertTemplate {
  readonly version?: number;
  /** Content octets. */
  readonly serialNumber?: Buffer;
  readonly signingAlg?: AlgorithmIdentifier;
  readonly issuer?: Name;
  readonly validity?: OptionalValidity;
  readonly subject?: Name;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey?: Buffer;
  readonly issuerUID?: BitString;
  readonly subjectUID?: BitString;
  /** Extensions, DER. */
  readonly extensions?: Buffer;
}

/** RFC 4211 section 5
 *  OptionalValidity ::= SEQUENCE {
 *    notBefore  [0] Time OPTIONAL,
 *    notAfter   [1] Time OPTIONAL }   -- at least one MUST be present
 *  Time is a CHOICE: its tags are explicit. */
export interface OptionalValidity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** The content as received, where it was received. */
  readonly received?: Buffer;
}

/** Throws `DerError`. */
export function readCertTemplate(cursor: Cursor): CertTemplate {
  const fields = cursor.sequence();
  const version = fields.at(contextPrimitive(0)) ? fields.smallInteger(contextPrimitive(0)) : undefined;
  const serialNumber = fields.at(contextPrimitive(1)) ? fields.integer(contextPrimitive(1)) : undefined;
  const signingAlg = fields.at(contextConstructed(2)) ? readAlgorithmIdentifier(fields, contextConstructed(2)) : undefined;
  const issuer = optionalExplicit(fields, 3, readName);
  const validity = fields.at(contextConstructed(4)) ? readOptionalValidity(fields.content(contextConstructed(4))) : undefined;
  const subject = optionalExplicit(fields, 5, readName);
  const publicKey = fields.at(contextConstructed(6)) ? der.retagged(tag.sequence, fields.element()) : undefined;
  const issuerUID = fields.at(contextPrimitive(7)) ? fields.bitString(contextPrimitive(7)) : undefined;
  const subjectUID = fields.at(contextPrimitive(8)) ? fields.bitString(contextPrimitive(8)) : undefined;
  const extensions = fields.at(contextConstructed(9)) ? der.retagged(tag.sequence, fields.element()) : undefined;
  fields.end();
  return {
    ...(version !== undefined && { version }),
    ...(serialNumber && { serialNumber }),
    ...(signingAlg && { signingAlg }),
    ...(issuer && { issuer }),
    ...(validity && { validity }),
    ...(subject && { subject }),
    ...(publicKey && { publicKey }),
    ...(issuerUID && { issuerUID }),
    ...(subjectUID && { subjectUID }),
    ...(extensions && { extensions }),
  };
}

function readOptionalValidity(received: Buffer): OptionalValidity {
  const fields = new DerCursor(received);
  const notBefore = optionalExplicit(fields, 0, (inside) => inside.time());
  const notAfter = optionalExplicit(fields, 1, (inside) => inside.time());
  fields.end();
  if (notBefore === undefined && notAfter === undefined) throw new DerError('bad-value', 0, 'OptionalValidity is empty.');
  return { received, ...(notBefore && { notBefore }), ...(notAfter && { notAfter }) };
}

const bitStringContent = (value: BitString): Buffer => Buffer.concat([Buffer.of(value.unusedBits), value.bytes]);

export function encodeCertTemplate(template: CertTemplate): Element {
  const { version, serialNumber, signingAlg, issuer, validity, subject, publicKey, issuerUID, subjectUID, extensions } = template;
  return der.sequence(
    version === undefined ? undefined : der.integer(version, contextPrimitive(0)),
    serialNumber && der.implicitPrimitive(1, serialNumber),
    signingAlg && der.retagged(contextConstructed(2), encode(algorithmIdentifier(signingAlg))),
    issuer && der.explicit(3, issuer.der),
    validity && encodeOptionalValidity(validity),
    subject && der.explicit(5, subject.der),
    publicKey && der.retagged(contextConstructed(6), publicKey),
    issuerUID && der.implicitPrimitive(7, bitStringContent(issuerUID)),
    subjectUID && der.implicitPrimitive(8, bitStringContent(subjectUID)),
    extensions && der.retagged(contextConstructed(9), extensions),
  );
}

function encodeOptionalValidity(validity: OptionalValidity): Element {
  if (validity.received !== undefined) return der.primitive(contextConstructed(4), validity.received);
  const { notBefore, notAfter } = validity;
  return der.constructed(
    contextConstructed(4),
    notBefore && der.explicit(0, certificateTime(notBefore)),
    notAfter && der.explicit(1, certificateTime(notAfter)),
  );
}

/** The extensions asked for; none when the field is absent. */
export function templateExtensions(template: CertTemplate): Result<readonly Extension[], DerFailure> {
  const { extensions } = template;
  return guarded(() => (extensions === undefined ? [] : readExtensions(new DerCursor(extensions).sequence())));
}

/** Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension, as `CertTemplate.extensions` carries it. */
export function encodeTemplateExtensions(extensions: readonly Extension[]): Buffer {
  return encode(der.sequence(...extensions.map(encodeExtension)));
}
