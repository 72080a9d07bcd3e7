import type { KeyObject } from 'node:crypto';
import {
  type AlgorithmIdentifier,
  algorithmIdentifier,
  type Certificate,
  type Extension,
  type Name,
  type PublicKey,
  parseCsr,
  type Signer,
  signCsr,
} from '../pkix/index.js';
import {
  type AttributeTypeAndValue,
  authenticatorControl,
  buildCertRequest,
  type CertReqMsg,
  type CertRequest,
  certProfileItem,
  dhMac,
  dhMacAlgorithm,
  encodeAgreeMac,
  encodeSubsequentMessage,
  encodeTemplateExtensions,
  implicitConfirmItem,
  oldCertIdControl,
  type PkiBody,
  type PkiHeader,
  type ProofOfPossession,
  provePossession,
  type RequestType,
  regTokenControl,
} from '../protocol/cmp/index.js';
import { der, encode } from '../protocol/der/index.js';
import { agreed, asGeneralName, buildMessage, type CmpTransaction, dhParameters, type Nonces } from './cmp-messages.js';

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

/** The first message of a transaction: ir, cr, kur, p10cr or ccr. */
export function buildRequest(transaction: CmpTransaction, nonces: Nonces, wish: CertificateWish, messageTime?: Date): Buffer {
  return buildMessage(transaction, nonces, requestBody(wish), requestHeader(wish, messageTime));
}

export function requestHeader(wish: Pick<CertificateWish, 'implicitConfirm' | 'certProfile'>, messageTime?: Date): Partial<PkiHeader> {
  const generalInfo = [...(wish.implicitConfirm ? [implicitConfirmItem] : []), ...(wish.certProfile === undefined ? [] : [certProfileItem(wish.certProfile)])];
  return { ...(messageTime && { messageTime }), ...(generalInfo.length > 0 && { generalInfo }) };
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
