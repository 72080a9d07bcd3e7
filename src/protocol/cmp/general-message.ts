import { type AlgorithmIdentifier, algorithmIdentifier, type GeneralName, readGeneralName, readGeneralNames } from '../../pkix/index.js';
import { Cursor, certificateTime, contextConstructed, DerError, der, type Element, encode, oids, tag } from '../der/index.js';
import { type AttributeTypeAndValue, encodeControls, readControls } from './cert-request.js';
import { type CertTemplate, encodeCertTemplate, readCertTemplate } from './cert-template.js';
import { encodeInfoTypeAndValue, type InfoTypeAndValue, readInfoTypeAndValue } from './general-info.js';
import { optionalExplicit } from './optional.js';

/** RFC 9810 section 5.3.19: GenMsgContent ::= SEQUENCE OF InfoTypeAndValue, and GenRepContent alike. An empty list is one. */
export function readGeneralMessage(cursor: Cursor): InfoTypeAndValue[] {
  return cursor.sequence().each(readInfoTypeAndValue);
}

export function encodeGeneralMessage(items: readonly InfoTypeAndValue[]): Element {
  return der.sequence(...items.map(encodeInfoTypeAndValue));
}

/** The one value of an item; `read` must take all of it. Throws `DerError`. */
export function infoValueOf<T>(item: InfoTypeAndValue, read: (cursor: Cursor) => T): T {
  const cursor = new Cursor(item.infoValue ?? Buffer.alloc(0));
  const value = read(cursor);
  cursor.end();
  return value;
}

/** CaCertsValue, CRLsValue, SignKeyPairTypesValue and others: SEQUENCE SIZE (1..MAX) OF something; absent for none. */
export function listItem(infoType: string, elements: readonly Element[]): InfoTypeAndValue {
  return elements.length === 0 ? { infoType } : { infoType, infoValue: encode(der.sequence(...elements)) };
}

export function algorithmsItem(infoType: string, algorithms: readonly AlgorithmIdentifier[]): InfoTypeAndValue {
  return listItem(infoType, algorithms.map(algorithmIdentifier));
}

/** Throws `DerError`; an empty list is none of the lists above. */
export function readListOf<T>(cursor: Cursor, read: (item: Cursor) => T): T[] {
  const offset = cursor.position;
  const items = cursor.sequence().each(read);
  if (items.length === 0) throw new DerError('bad-value', offset, 'An empty list.');
  return items;
}

/** Throws `DerError`. */
export function readLanguageTags(cursor: Cursor): string[] {
  return readListOf(cursor, (item) => {
    if (!item.at(tag.utf8String)) throw new DerError('bad-tag', item.position, 'suppLangTags holds UTF8Strings.');
    return item.text();
  });
}

/** RFC 9810 section 5.3.19.15
 *  RootCaKeyUpdateContent ::= SEQUENCE {
 *    newWithNew      CMPCertificate,
 *    newWithOld  [0] CMPCertificate OPTIONAL,
 *    oldWithNew  [1] CMPCertificate OPTIONAL } */
export interface RootCaKeyUpdate {
  readonly newWithNew: Buffer;
  readonly newWithOld?: Buffer;
  readonly oldWithNew?: Buffer;
}

const certificate = (cursor: Cursor): Buffer => cursor.elementOf(tag.sequence);

/** Throws `DerError`. */
export function readRootCaKeyUpdate(cursor: Cursor): RootCaKeyUpdate {
  const fields = cursor.sequence();
  const newWithNew = certificate(fields);
  const newWithOld = optionalExplicit(fields, 0, certificate);
  const oldWithNew = optionalExplicit(fields, 1, certificate);
  fields.end();
  return { newWithNew, ...(newWithOld && { newWithOld }), ...(oldWithNew && { oldWithNew }) };
}

export function rootCaKeyUpdateItem({ newWithNew, newWithOld, oldWithNew }: RootCaKeyUpdate): InfoTypeAndValue {
  const value = der.sequence(newWithNew, newWithOld && der.explicit(0, newWithOld), oldWithNew && der.explicit(1, oldWithNew));
  return { infoType: oids.rootCaKeyUpdate, infoValue: encode(value) };
}

/** RFC 9810 section 5.3.13: CAKeyUpdAnnContent ::= SEQUENCE { oldWithNew, newWithOld, newWithNew CMPCertificate }, deprecated with pvno 3. */
export function caKeyUpdateInfoItem({ newWithNew, newWithOld, oldWithNew }: Required<RootCaKeyUpdate>): InfoTypeAndValue {
  return { infoType: oids.caKeyUpdateInfo, infoValue: encode(der.sequence(oldWithNew, newWithOld, newWithNew)) };
}

/** RFC 9810 section 5.3.19.16
 *  CertReqTemplateContent ::= SEQUENCE {
 *    certTemplate  CertTemplate,
 *    keySpec       Controls OPTIONAL } */
export interface CertReqTemplate {
  readonly certTemplate: CertTemplate;
  readonly keySpec?: readonly AttributeTypeAndValue[];
}

/** Throws `DerError`. */
export function readCertReqTemplate(cursor: Cursor): CertReqTemplate {
  const fields = cursor.sequence();
  const certTemplate = readCertTemplate(fields);
  const keySpec = fields.at(tag.sequence) ? readControls(fields) : undefined;
  fields.end();
  return { certTemplate, ...(keySpec && { keySpec }) };
}

export function certReqTemplateItem({ certTemplate, keySpec }: CertReqTemplate): InfoTypeAndValue {
  const value = der.sequence(encodeCertTemplate(certTemplate), keySpec && encodeControls(keySpec));
  return { infoType: oids.certReqTemplate, infoValue: encode(value) };
}

/** RFC 9810 section 5.3.19.16: the controls algId (AlgorithmIdentifier) and rsaKeyLen (INTEGER). */
export function algIdControl(algorithm: AlgorithmIdentifier): AttributeTypeAndValue {
  return { type: oids.algIdCtrl, value: encode(algorithmIdentifier(algorithm)) };
}

export function rsaKeyLenControl(bits: number): AttributeTypeAndValue {
  return { type: oids.rsaKeyLenCtrl, value: der.integer(bits) };
}

/** RFC 9810 section 5.3.19.17
 *  CRLStatus ::= SEQUENCE {
 *    source      CRLSource,
 *    thisUpdate  Time OPTIONAL }
 *  CRLSource ::= CHOICE {
 *    dpn     [0] DistributionPointName,
 *    issuer  [1] GeneralNames }
 *  The names of either; those relative to the issuer of the CRL have none. */
export interface CrlStatus {
  readonly source: 'dpn' | 'issuer';
  readonly names: readonly GeneralName[];
  readonly thisUpdate?: Date;
}

/** Throws `DerError`. */
export function readCrlStatus(cursor: Cursor): CrlStatus {
  const fields = cursor.sequence();
  const source = fields.at(contextConstructed(0)) ? 'dpn' : 'issuer';
  const inside = fields.enter(contextConstructed(source === 'dpn' ? 0 : 1));
  const names = source === 'dpn' ? readDistributionPointName(inside) : readGeneralNames(inside);
  inside.end();
  const thisUpdate = fields.at(tag.utcTime) || fields.at(tag.generalizedTime) ? fields.time() : undefined;
  fields.end();
  return { source, names, ...(thisUpdate && { thisUpdate }) };
}

/** RFC 5280 section 4.2.1.13: fullName [0] GeneralNames, nameRelativeToCRLIssuer [1]; IMPLICIT tags. */
function readDistributionPointName(cursor: Cursor): GeneralName[] {
  if (cursor.at(contextConstructed(0))) return cursor.enter(contextConstructed(0)).each(readGeneralName);
  cursor.content(contextConstructed(1));
  return [];
}

export function crlStatusItem({ source, names, thisUpdate }: CrlStatus): InfoTypeAndValue {
  const elements = names.map((name) => name.der);
  const value = source === 'dpn' ? der.explicit(0, der.constructed(contextConstructed(0), ...elements)) : der.explicit(1, der.sequence(...elements));
  return listItem(oids.crlStatusList, [der.sequence(value, thisUpdate && certificateTime(thisUpdate))]);
}
