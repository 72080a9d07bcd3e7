import type { Certificate, Digest } from '../../pkix/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { digestOfSigner, findSigner, readSignedData, type SignedData, type SignerInfo, singleValue, verifySigner } from '../cms/index.js';
import { Cursor, decodeBer, guarded, oids, scepLimits } from '../der/index.js';
import { readRequestAttributes } from './attributes.js';
import { type ScepFault, scepFault } from './fault.js';
import { type RequestType, requestTypeOf } from './message-type.js';

/** What every CertRep repeats of the request it answers. */
export interface ReplyHeader {
  /** Content octets of the transactionID. */
  readonly transactionId: Buffer;
  /** The request's senderNonce; undefined when it had none. */
  readonly recipientNonce: Buffer | undefined;
  /** The request's digest where we know it, else SHA-256: clients that know one digest get that one (RFC 8894 §3.5.2). */
  readonly digest: Digest;
}

/** A pkiMessage whose outer layer was read. Nothing in it is proven before `verifyRequest`. */
export interface ScepRequest {
  readonly header: ReplyHeader;
  readonly messageType: number;
  /** Undefined for numbers that are no request. */
  readonly type: RequestType | undefined;
  readonly digest: Digest;
  readonly signer: Certificate;
  readonly signerInfo: SignerInfo;
  readonly signedData: SignedData;
  /** eContent: the pkcsPKIEnvelope. */
  readonly envelope: Buffer;
}

/** `header` is there when the client can be answered with a CertRep. */
export interface UndecodedRequest extends ScepFault {
  readonly header: ReplyHeader | undefined;
}

/**
 * Reads a pkiMessage (RFC 8894 §3.2): SignedData over id-data with exactly one signer, whose certificate is inside and whose signed
 * attributes name transactionID, messageType and senderNonce. BER is accepted (`decodeBer`).
 */
export function decodeRequest(bytes: Buffer): Result<ScepRequest, UndecodedRequest> {
  const decoded = decodeBer(bytes, scepLimits, readSignedData);
  if (!decoded.ok) return fail({ ...scepFault('unreadable', decoded.error.message), header: undefined });
  const signedData = decoded.value;
  const [signerInfo] = signedData.signers;
  const signed = signerInfo?.signedAttributes;
  const attributes = signed === undefined ? undefined : readRequestAttributes(signed.attributes);
  if (signerInfo === undefined || attributes?.transactionId === undefined) {
    return fail({ ...scepFault('unreadable', 'There is no transactionID.'), header: undefined });
  }

  const digest = digestOfSigner(signerInfo);
  const { transactionId, senderNonce, messageType, isAmbiguous } = attributes;
  const isNonceSane = senderNonce !== undefined && senderNonce.length >= 8 && senderNonce.length <= 64;
  const header: ReplyHeader = { transactionId, recipientNonce: isNonceSane ? senderNonce : undefined, digest: digest ?? 'sha256' };
  const refuse = (fault: ScepFault) => fail({ ...fault, header });

  if (signedData.signers.length !== 1) return refuse(scepFault('signers'));
  if (isAmbiguous || messageType === undefined) return refuse(scepFault('attributes'));
  // RFC 8894 §3.2.1.5: clients "MUST" send a senderNonce; 16 bytes by the book, 8 from old iOS.
  if (!isNonceSane) return refuse(scepFault('sender-nonce'));
  if (digest === undefined) return refuse(scepFault('digest-refused', `Digest ${signerInfo.digestAlgorithm.oid}.`));
  if (signedData.contentType !== oids.data || signedData.content === undefined) {
    return refuse(scepFault('not-enveloped', 'eContent is absent or not id-data.'));
  }
  const signer = findSigner(signedData, signerInfo.sid);
  if (signer === undefined) return refuse(scepFault('signer-certificate'));
  return ok({ header, messageType, type: requestTypeOf(messageType), digest, signer, signerInfo, signedData, envelope: signedData.content });
}

/** Checks the signature with the signer's own key, for every message type and before anything is decrypted (RFC 8894 §3.2.1.4, badMessageCheck). */
export function verifyRequest(request: ScepRequest): Result<true, ScepFault> {
  const verified = verifySigner(request.signedData, request.signerInfo, request.signer.publicKey);
  if (verified.ok) return verified;
  if (verified.error === 'algorithm') return fail(scepFault('digest-refused', `Signature algorithm ${request.signerInfo.signatureAlgorithm.oid}.`));
  return fail(scepFault('signature', `Signature check failed: ${verified.error}.`));
}

/** Self-issued: "may be self-signed" (RFC 8894 §2.3), and then it proves nothing about who sends (§2.4). */
export function isSelfSigned(certificate: Certificate): boolean {
  return certificate.issuer.der.equals(certificate.subject.der);
}

/** The signingTime (RFC 5652 §11.3) that the signature covers; `absent`, or `malformed` where it is no time or stands twice. */
export function signingTimeOf(request: ScepRequest): Date | 'absent' | 'malformed' {
  const value = singleValue(request.signerInfo.signedAttributes?.attributes ?? [], oids.signingTime);
  if (value === 'absent') return value;
  const time = value === 'ambiguous' ? undefined : guarded(() => new Cursor(value).time());
  return time?.ok ? time.value : 'malformed';
}
