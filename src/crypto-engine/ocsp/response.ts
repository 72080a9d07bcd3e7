import { algorithmIdentifier, encodeExtension, type Signer } from '../../pkix/index.js';
import { der, type Element, encode, generalizedTime, tag } from '../../protocol/der/index.js';
import { ocspOids } from './oids.js';
import type { CertId } from './request.js';

/** RFC 6960 section 4.2.1, OCSPResponseStatus. */
export const ocspFaults = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;
export type OcspFault = keyof typeof ocspFaults;

/** `unknown`: the CA has issued no such certificate. */
export type CertStatus =
  | { readonly kind: 'good' | 'unknown' }
  /** `reason`: CRLReason number; 6 while on hold. */
  | { readonly kind: 'revoked'; readonly at: Date; readonly reason: number };

export interface SingleAnswer {
  readonly certId: CertId;
  readonly status: CertStatus;
}

export interface ResponseContent {
  readonly answers: readonly SingleAnswer[];
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly nonce: Buffer | undefined;
}

/** OCSPResponse ::= SEQUENCE { responseStatus OCSPResponseStatus, responseBytes [0] EXPLICIT ResponseBytes OPTIONAL } */
export function faultResponse(fault: OcspFault): Buffer {
  return encode(der.sequence(der.integer(ocspFaults[fault], tag.enumerated)));
}

/** A signed BasicOCSPResponse; the signer is named by its key, and its certificate goes along. */
export function signResponse(content: ResponseContent, signer: Signer, certificate: Buffer): Buffer {
  const tbs = encode(responseData(content, signer));
  const algorithm = algorithmIdentifier(signer.algorithm);
  const basic = der.sequence(tbs, algorithm, der.bitString(signer.sign(tbs)), der.explicit(0, der.sequence(certificate)));
  const bytes = der.sequence(der.oid(ocspOids.basic), der.octetStringOf(basic));
  return encode(der.sequence(der.integer(0, tag.enumerated), der.explicit(0, bytes)));
}

/** ResponseData ::= SEQUENCE { version [0], responderID, producedAt, responses SEQUENCE OF SingleResponse, responseExtensions [1] OPTIONAL } */
function responseData({ answers, thisUpdate, nextUpdate, nonce }: ResponseContent, signer: Signer): Element {
  const single = ({ certId, status }: SingleAnswer) =>
    der.sequence(certId.der, certStatus(status), generalizedTime(thisUpdate), der.explicit(0, generalizedTime(nextUpdate)));
  const extensions = nonce === undefined ? undefined : der.explicit(1, der.sequence(encodeExtension({ oid: ocspOids.nonce, critical: false, value: nonce })));
  const byKey = der.explicit(2, der.octetString(signer.publicKey.keyIdentifier));
  return der.sequence(byKey, generalizedTime(thisUpdate), der.sequence(...answers.map(single)), extensions);
}

/** CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL } */
function certStatus(status: CertStatus): Element {
  if (status.kind !== 'revoked') return der.implicitPrimitive(status.kind === 'good' ? 0 : 2, Buffer.alloc(0));
  const reason = status.reason === 0 ? undefined : der.explicit(0, der.integer(status.reason, tag.enumerated));
  return der.implicit(1, der.sequence(generalizedTime(status.at), reason));
}
