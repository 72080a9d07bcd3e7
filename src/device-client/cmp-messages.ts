import type { KeyObject } from 'node:crypto';
import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  buildName,
  type Certificate,
  directoryName,
  type Extension,
  type GeneralName,
  type Name,
  type PublicKey,
  parseCsr,
  readGeneralName,
  type Signer,
  signCsr,
  subjectKeyIdentifierOf,
} from '../pkix/index.js';
import {
  type AttributeTypeAndValue,
  authenticatorControl,
  buildCertRequest,
  type CertReqMsg,
  type CertRequest,
  type CertStatus,
  certProfileItem,
  type DhMacParameters,
  dhMac,
  dhMacAlgorithm,
  dhMacKey,
  dhMacProtector,
  encodeAgreeMac,
  encodePkiMessage,
  encodeSubsequentMessage,
  encodeTemplateExtensions,
  type InfoTypeAndValue,
  implicitConfirmItem,
  type MacParameters,
  macProtector,
  oldCertIdControl,
  type PkiBody,
  type PkiHeader,
  type ProofOfPossession,
  type Protector,
  provePossession,
  type RequestType,
  regTokenControl,
  signatureProtector,
} from '../protocol/cmp/index.js';
import { Cursor, der, encode, oids } from '../protocol/der/index.js';
import type { Opener } from './encrypted-key.js';

/** What a device proves itself with: a shared secret under its reference, or the key of a certificate, which signs or only decapsulates. */
export type CmpCredential = SecretCredential | CertificateCredential | KemCredential | AgreementCredential;

export interface SecretCredential {
  readonly kind: 'secret';
  readonly reference: string;
  readonly secret: Buffer;
  readonly parameters: MacParameters;
}

export interface CertificateCredential {
  readonly kind: 'certificate';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly signer: Signer;
  /** Opens what is encrypted to the certificate: a key pair made by the server. */
  readonly opener?: Opener;
}

/** RFC 9810 section 5.1.3.4: an ML-KEM certificate. */
export interface KemCredential {
  readonly kind: 'kem';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly opener: Opener;
  /** The shared secret in a cipher text; throws on one of another length. */
  decapsulate(cipherText: Buffer): Buffer;
}

/** RFC 9810 section 5.1.3.2: a certificate for key agreement, and the one of the RA to agree with. */
export interface AgreementCredential {
  readonly kind: 'agreement';
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly opener: Opener;
  readonly privateKey: KeyObject;
  readonly agreeWith: Certificate;
}

/** What we encapsulated for the KEM key of the RA, so that its answers can prove that they are its own (RFC 9810 appendix E). */
export interface ServerEncapsulation {
  readonly item: InfoTypeAndValue;
  readonly recipKID?: Buffer;
  readonly sharedSecret: Buffer;
}

/** What stays the same over the messages of one transaction. */
export interface CmpTransaction {
  readonly credential: CmpCredential;
  readonly protector: Protector;
  readonly transactionID: Buffer;
  readonly recipient: Name;
  /** 2 unless something in it needs 3 (RFC 9810 section 7). */
  readonly pvno?: 2 | 3;
  readonly encapsulation?: ServerEncapsulation;
  /** Tells messageTime, which RFC 9483 section 3.1 recommends and strict servers demand of every message. */
  readonly now?: () => Date;
}

/** What changes with every message. Nonces are 16 random octets (RFC 9483 section 3.1). */
export interface Nonces {
  readonly senderNonce: Buffer;
  readonly recipNonce?: Buffer;
}

/** The key to be certified: one that signs, or one that only decrypts or decapsulates. */
export type NewKey = Signer | { readonly publicKey: PublicKey };

/** How possession of the new key is proved: by its signature, by reading a certificate or a number that is encrypted to it, by a key agreed with the RA, by the word of an RA, not at all. */
export const possessions = ['signature', 'encrCert', 'challengeResp', 'agreeMAC', 'raVerified', 'none'] as const;
export type Possession = (typeof possessions)[number];

export interface CertificateWish {
  readonly type: RequestType | 'ccr';
  /** The new key; an AlgorithmIdentifier asks the server to make one of that kind, and `any` one of its choice (RFC 9483 section 4.1.6). */
  readonly newKey: NewKey | AlgorithmIdentifier | 'any';
  /** `signature` by default. */
  readonly possession?: Possession;
  /** For agreeMAC: the private key, and the certificate of the RA that it agrees with. */
  readonly agreement?: { readonly privateKey: KeyObject; readonly agreeWith: Certificate };
  readonly subject: Name;
  readonly extensions?: readonly Extension[];
  readonly notAfter?: Date;
  readonly implicitConfirm?: boolean;
  readonly certProfile?: string;
  /** RFC 4211 section 6.1: for this registration only. */
  readonly regToken?: string;
  /** RFC 4211 section 6.2: shown every time. */
  readonly authenticator?: string;
  /** kur: the certificate to be updated. */
  readonly oldCertificate?: Certificate;
}

/** How messages of this credential are protected; `key` is the one derived from the secret (`deriveMacKey`). */
export function protectorOf(credential: CmpCredential, key?: Buffer): Protector {
  if (credential.kind === 'kem') throw new TypeError('The server is asked for a cipher text first.');
  if (credential.kind === 'agreement') return agreedProtector(credential);
  if (credential.kind === 'certificate') return signatureProtector(credential.signer, credential.certificate);
  if (key === undefined) throw new TypeError('A secret protects with the key derived from it.');
  return macProtector(credential.parameters, key, Buffer.from(credential.reference, 'utf8'));
}

const dhParameters: DhMacParameters = { owf: 'sha256', mac: 'sha256' };

function agreedProtector({ certificate, privateKey, agreeWith }: AgreementCredential): Protector {
  const [senderKID, recipKID] = [certificate, agreeWith].map((item) => subjectKeyIdentifierOf(item.extensions));
  const kids = { ...(senderKID && { senderKID }), ...(recipKID && { recipKID }) };
  return dhMacProtector(agreed(privateKey, agreeWith), dhParameters, kids);
}

function agreed(privateKey: KeyObject, { publicKey }: Certificate): Buffer {
  const key = dhMacKey(privateKey, publicKey, dhParameters);
  if (key === undefined) throw new TypeError('The two keys are not of one curve.');
  return key;
}

/** The first message of a transaction: ir, cr, kur, p10cr or ccr. */
export function buildRequest(transaction: CmpTransaction, nonces: Nonces, wish: CertificateWish, messageTime?: Date): Buffer {
  return buildMessage(transaction, nonces, requestBody(wish), requestHeader(wish, messageTime));
}

export function requestHeader(wish: Pick<CertificateWish, 'implicitConfirm' | 'certProfile'>, messageTime?: Date): Partial<PkiHeader> {
  const generalInfo = [...(wish.implicitConfirm ? [implicitConfirmItem] : []), ...(wish.certProfile === undefined ? [] : [certProfileItem(wish.certProfile)])];
  return { ...(messageTime && { messageTime }), ...(generalInfo.length > 0 && { generalInfo }) };
}

/** Any message of the transaction; `more` are header fields beyond the usual ones. */
export function buildMessage(transaction: CmpTransaction, nonces: Nonces, body: PkiBody, more: Partial<PkiHeader> = {}): Buffer {
  const { credential, transactionID, recipient, protector, pvno = 2, encapsulation, now } = transaction;
  const header: PkiHeader = {
    pvno,
    sender: senderOf(credential),
    recipient: asGeneralName(recipient),
    transactionID,
    ...nonces,
    ...(now && { messageTime: now() }),
    ...more,
    ...(encapsulation && encapsulated(encapsulation, more)),
  };
  const extraCerts = credential.kind === 'secret' ? [] : [credential.certificate, ...credential.chain].map((item) => item.der);
  return encodePkiMessage({ header, body, extraCerts }, protector);
}

/** The cipher text goes with every message, so that no server needs to keep it. */
function encapsulated({ item, recipKID }: ServerEncapsulation, { generalInfo = [] }: Partial<PkiHeader>): Partial<PkiHeader> {
  return { pvno: 3, generalInfo: [...generalInfo, item], ...(recipKID && { recipKID }) };
}

/** RFC 9483 section 3.1: the certificate's subject, or a commonName that holds the reference. */
function senderOf(credential: CmpCredential): GeneralName {
  return asGeneralName(credential.kind === 'secret' ? buildName([[oids.commonName, credential.reference]]) : credential.certificate.subject);
}

export function asGeneralName(name: Name): GeneralName {
  return readGeneralName(new Cursor(encode(directoryName(name))));
}

function requestBody(wish: CertificateWish): PkiBody {
  const { type, newKey, subject, extensions = [] } = wish;
  if (type !== 'p10cr') return { type, messages: [certReqMsg(wish, 0)] };
  if (!isSigner(newKey)) throw new TypeError('A PKCS#10 is signed by its key.');
  const csr = parseCsr(signCsr({ subject, extensions }, newKey));
  if (!csr.ok) throw csr.error;
  return { type, csr: csr.value };
}

export function isSigner(key: CertificateWish['newKey']): key is Signer {
  return typeof key === 'object' && 'sign' in key;
}

/** The public key of a wish; undefined where the server shall make it. */
export function wishedKey({ newKey }: CertificateWish): PublicKey | undefined {
  return typeof newKey === 'object' && 'publicKey' in newKey ? newKey.publicKey : undefined;
}

/** RFC 9810 section 7: what must travel under pvno 3. */
export function pvnoOf(wish: CertificateWish): 2 | 3 {
  const needsThree: readonly (Possession | undefined)[] = ['encrCert', 'challengeResp', 'agreeMAC'];
  return wishedKey(wish) === undefined || needsThree.includes(wish.possession) ? 3 : 2;
}

/** One request of ir, cr, kur or ccr. */
export function certReqMsg(wish: CertificateWish, certReqId: number): CertReqMsg {
  const { subject, extensions = [], notAfter } = wish;
  const controls = controlsOf(wish);
  const spki = templateKey(wish);
  const certReq = buildCertRequest({
    certReqId,
    certTemplate: {
      ...(notAfter && { validity: { notAfter } }),
      subject,
      ...(spki && { publicKey: spki }),
      ...(extensions.length > 0 && { extensions: encodeTemplateExtensions(extensions) }),
    },
    ...(controls.length > 0 && { controls }),
  });
  const popo = proofOf(certReq, wish);
  return { certReq, ...(popo && { popo }) };
}

function controlsOf({ regToken, authenticator, oldCertificate }: CertificateWish): readonly AttributeTypeAndValue[] {
  return [
    ...(regToken === undefined ? [] : [regTokenControl(regToken)]),
    ...(authenticator === undefined ? [] : [authenticatorControl(authenticator)]),
    ...(oldCertificate === undefined ? [] : [oldCertIdControl({ issuer: asGeneralName(oldCertificate.issuer), serialNumber: oldCertificate.serial })]),
  ];
}

/** RFC 9483 section 4.1.6: for a key of the server no publicKey, or an algorithm with an empty BIT STRING. */
function templateKey(wish: CertificateWish): Buffer | undefined {
  const { newKey } = wish;
  if (newKey === 'any') return undefined;
  return 'publicKey' in newKey ? newKey.publicKey.spki : encode(der.sequence(algorithmIdentifier(newKey), der.bitString(Buffer.alloc(0))));
}

function proofOf(certReq: CertRequest, { newKey, possession = 'signature', agreement }: CertificateWish): ProofOfPossession | undefined {
  if (newKey === 'any' || !('publicKey' in newKey) || possession === 'none') return undefined;
  if (possession === 'raVerified') return { kind: 'raVerified' };
  if (possession === 'encrCert' || possession === 'challengeResp') {
    const kind = newKey.publicKey.type === 'ec' ? 'keyAgreement' : 'keyEncipherment';
    return { kind, privKey: encode(encodeSubsequentMessage(possession)) };
  }
  if (possession === 'agreeMAC') return agreeMacProof(certReq, agreement);
  if (!isSigner(newKey)) throw new TypeError('This key does not sign.');
  return provePossession(certReq, newKey);
}

/** RFC 4211 section 4.2. */
function agreeMacProof(certReq: CertRequest, agreement: CertificateWish['agreement']): ProofOfPossession {
  if (agreement === undefined) throw new TypeError('agreeMAC needs the encryption certificate of the RA.');
  const value = dhMac(agreed(agreement.privateKey, agreement.agreeWith), dhParameters, certReq.der);
  return { kind: 'keyAgreement', privKey: encode(encodeAgreeMac({ algId: dhMacAlgorithm(dhParameters), value })) };
}

export function buildCertConf(transaction: CmpTransaction, nonces: Nonces, ...statuses: readonly CertStatus[]): Buffer {
  return buildMessage(transaction, nonces, { type: 'certConf', statuses });
}

export function buildPollReq(transaction: CmpTransaction, nonces: Nonces, ...certReqIds: readonly number[]): Buffer {
  return buildMessage(transaction, nonces, { type: 'pollReq', certReqIds });
}
