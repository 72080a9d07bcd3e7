import { generateEcKey } from '../../src/device-client/scep-message.js';
import { algorithmIdentifier, buildName, createSigner, signCertificate } from '../../src/pkix/index.js';
import { type Attribute, asReceived, type Identifier, inDerOrder } from '../../src/protocol/cms/index.js';
import { certificateTime, contextConstructed, decodeBer, der, type Element, encode, oids, scepLimits } from '../../src/protocol/der/index.js';
import type { ScepRequest } from '../../src/protocol/scep/index.js';
import { type Node, parseTree } from '../support/der-tree.js';

/** What our reader passes over in a SignedData: nothing it says is acted upon. */
export const unreadParts = ['version', 'digestAlgorithms', 'certificates', 'crls', 'signerVersion', 'unsignedAttributes'] as const;
export type UnreadPart = (typeof unreadParts)[number];
export type Unread = Readonly<Partial<Record<UnreadPart, Element>>>;

/** The message in DER, as our gateway takes it. */
export function inDer(message: Buffer): Buffer {
  const whole = decodeBer(message, scepLimits, (cursor) => cursor.element());
  if (!whole.ok) throw whole.error;
  return whole.value;
}

/** The unread parts as they stand in a message in DER. */
export function unreadOf(message: Buffer): Unread {
  const signedData = parseTree(message)?.children[1]?.children[0];
  const signerInfo = signedData?.children.at(-1)?.children[0];
  const [version, digestAlgorithms] = signedData?.children ?? [];
  const [signerVersion] = signerInfo?.children ?? [];
  const tagged = (parent: Node | undefined, wanted: number) => parent?.children.find(({ tag }) => tag === wanted)?.raw;
  const found = {
    version: version?.raw,
    digestAlgorithms: digestAlgorithms?.raw,
    certificates: tagged(signedData, 0xa0),
    crls: tagged(signedData, 0xa1),
    signerVersion: signerVersion?.raw,
    unsignedAttributes: tagged(signerInfo, 0xa1),
  };
  return Object.fromEntries(Object.entries(found).filter(([, raw]) => raw !== undefined));
}

/** The signed attributes under the SET OF tag: as they stood, and in DER order where that is another one. */
export function attributeOrders({ signerInfo }: ScepRequest): readonly [Buffer, Buffer?] {
  const attributes = signerInfo.signedAttributes;
  if (attributes === undefined) throw new Error('A request without signed attributes was accepted.');
  const sorted = inDerOrder(attributes);
  return sorted === undefined ? [asReceived(attributes)] : [asReceived(attributes), sorted];
}

/** The message that our reader takes a request for: what it acts upon and nothing else, but for the unread parts given. */
export function plainForm({ signedData, signerInfo, signer }: ScepRequest, attributes: Buffer, unread: Unread): Buffer {
  const digestAlgorithm = algorithmIdentifier(signerInfo.digestAlgorithm);
  const info = der.sequence(
    unread.signerVersion ?? der.integer(signerInfo.sid.kind === 'issuerAndSerial' ? 1 : 3),
    identifier(signerInfo.sid),
    digestAlgorithm,
    der.retagged(contextConstructed(0), attributes),
    algorithmIdentifier(signerInfo.signatureAlgorithm),
    der.octetString(signerInfo.signature),
    unread.unsignedAttributes,
  );
  const content = der.sequence(der.oid(signedData.contentType), der.explicit(0, der.octetString(signedData.content ?? Buffer.alloc(0))));
  const whole = der.sequence(
    unread.version ?? der.integer(1),
    unread.digestAlgorithms ?? der.set(digestAlgorithm),
    content,
    unread.certificates ?? der.constructed(contextConstructed(0), signer.der),
    unread.crls,
    der.set(info),
  );
  return encode(der.sequence(der.oid(oids.signedData), der.explicit(0, whole)));
}

const issuer = generateEcKey();
const issuerName = buildName([[oids.commonName, 'Plain']]);
const [notBefore, notAfter] = [new Date('2020-01-01T00:00:00Z'), new Date('2040-01-01T00:00:00Z')];

/** The plain form with a plain certificate of the same key: what is proven when nothing but the key of the signer is believed. */
export function keyOnlyForm(request: ScepRequest, attributes: Buffer): Buffer {
  const { signerInfo, signer } = request;
  const fields = { serial: Buffer.of(1), issuer: issuerName, subject: issuerName, notBefore, notAfter, spki: signer.publicKey.spki, extensions: [] };
  const times = { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) };
  const certificate = signCertificate(fields, times, createSigner(issuer.privateKey, issuer.publicKey));
  const sid = { kind: 'issuerAndSerial', issuer: issuerName.der, serial: Buffer.of(1) } as const;
  const certificates = der.constructed(contextConstructed(0), certificate);
  return plainForm({ ...request, signerInfo: { ...signerInfo, sid } }, attributes, { certificates });
}

const readAttributes: readonly string[] = [
  oids.contentType,
  oids.messageDigest,
  oids.signingTime,
  oids.scepTransactionId,
  oids.scepMessageType,
  oids.scepSenderNonce,
];

/** The signed attributes nothing here acts upon. */
export function unreadAttributes({ signerInfo }: ScepRequest): readonly Attribute[] {
  return (signerInfo.signedAttributes?.attributes ?? []).filter(({ oid }) => !readAttributes.includes(oid));
}

/** The signed attributes with NULL for the values of those that nobody reads. No signature fits them any more. */
export function withoutUnreadValues({ signerInfo }: ScepRequest): Buffer {
  const { attributes = [] } = signerInfo.signedAttributes ?? {};
  const mended = attributes.map(({ oid, values }) => der.sequence(der.oid(oid), der.set(...(readAttributes.includes(oid) ? values : [der.nullValue()]))));
  return encode(der.set(...mended));
}

function identifier(sid: Identifier): Element {
  if (sid.kind === 'subjectKeyIdentifier') return der.implicitPrimitive(0, sid.keyIdentifier);
  return der.sequence(sid.issuer, der.integerContent(sid.serial));
}
