import type { Session } from '../../enrolment/order.js';
import type { RequestType } from '../../protocol/cmp/index.js';
import type { Peer } from './authenticate.js';

/** How the answer hands over the certificate, where it is not simply there. */
export interface KeyDelivery {
  /** Encrypted to its own key, as proof that the device has it. */
  readonly isEncrypted?: true;
  /** EncryptedKey, DER: the private key made for the device, readable for the device alone. */
  readonly keyPackage?: Buffer;
}

/**
 * What a transaction must remember between its messages. Nonces are kept rather than derived: a retransmission of the request is
 * answered with the senderNonce of the first answer, so that the certConf which follows either copy verifies; every other message
 * of ours gets fresh random octets. A pollReq moves `nonce` on and keeps the one before, for its own retransmission.
 */
export interface CmpSession extends KeyDelivery {
  readonly type: RequestType;
  readonly pvno: number;
  /** 0, or -1 for p10cr (RFC 9483 section 4.1.4). */
  readonly certReqId: number;
  readonly protection: Peer['kind'];
  /** Asked for and allowed; it is granted in the final answer (RFC 9810 section 5.3.22). */
  readonly implicitConfirm: boolean;
  /** Our senderNonce of the last answer that awaits one from the device. */
  readonly nonce: Buffer;
  /** The one before it. */
  readonly previousNonce?: Buffer;
  /** The device's senderNonces: of the request, and of the last pollReq. */
  readonly requestNonce: Buffer;
  readonly pollNonce?: Buffer;
  readonly polls: number;
  /** Seconds; set where a confirmation is awaited. */
  readonly confirmWait?: number;
  /** The time named to the device, milliseconds since 1970; set once the certificate is there. */
  readonly confirmUntil?: number;
  /** The certificate that signed the request, base64, where it is none of this CA: later messages may leave it out. */
  readonly signer?: string;
  /** The other certReqIds of a message that asked for several certificates; their orders stand beside this one. */
  readonly furtherIds?: readonly number[];
  /** The id of an encryption key and the KemCiphertextInfo for it, base64: the answers of the transaction are protected by the secret in it. */
  readonly kemCiphertext?: string;
  /** A certificate that is refused or not confirmed is not revoked. */
  readonly keepUnconfirmed?: boolean;
}

/** The nonces of a conversation, which is all that polling needs. */
export type NonceState = Pick<CmpSession, 'nonce' | 'previousNonce' | 'requestNonce' | 'pollNonce' | 'polls'>;

/** Of a conversation that belongs to no order; `decodeSession` reads it. */
export function encodeNonces({ nonce, requestNonce, polls }: NonceState): Session {
  return { nonce: nonce.toString('hex'), requestNonce: requestNonce.toString('hex'), polls };
}

/** The session of a new transaction; the rest is added by what happens in it. */
export function encodeSession(session: CmpSession): Session {
  const { type, pvno, certReqId, protection, implicitConfirm, nonce, requestNonce, polls, confirmWait, keepUnconfirmed, furtherIds, isEncrypted, keyPackage } =
    session;
  return {
    type,
    pvno,
    certReqId,
    protection,
    implicitConfirm,
    nonce: nonce.toString('hex'),
    requestNonce: requestNonce.toString('hex'),
    polls,
    ...(confirmWait !== undefined && { confirmWait }),
    ...(keepUnconfirmed && { keepUnconfirmed }),
    ...(furtherIds && { furtherIds: furtherIds.join(',') }),
    ...(session.signer !== undefined && { signer: session.signer }),
    ...(session.kemCiphertext !== undefined && { kemCiphertext: session.kemCiphertext }),
    ...(isEncrypted && { isEncrypted }),
    ...(keyPackage && { keyPackage: keyPackage.toString('hex') }),
  };
}

/** What a pollReq changes: whatever follows must repeat the new nonce. */
export function encodePoll(session: NonceState): Session {
  const { nonce, previousNonce = nonce, pollNonce = nonce, polls } = session;
  return { nonce: nonce.toString('hex'), previousNonce: previousNonce.toString('hex'), pollNonce: pollNonce.toString('hex'), polls };
}

const octets = (value: Session[string] | undefined): Buffer | undefined => (typeof value === 'string' ? Buffer.from(value, 'hex') : undefined);

/** The session as `encodeSession` wrote it; only the server writes sessions, so nothing is checked again. */
export function decodeSession(stored: Session): CmpSession {
  const previousNonce = octets(stored.previousNonce);
  const pollNonce = octets(stored.pollNonce);
  const confirmUntil = stored.confirmUntil ?? stored.confirmNamed;
  return {
    type: stored.type as RequestType,
    pvno: Number(stored.pvno),
    certReqId: Number(stored.certReqId),
    protection: stored.protection as Peer['kind'],
    implicitConfirm: stored.implicitConfirm === true,
    nonce: octets(stored.nonce) ?? Buffer.alloc(0),
    requestNonce: octets(stored.requestNonce) ?? Buffer.alloc(0),
    polls: Number(stored.polls ?? 0),
    ...(previousNonce && { previousNonce }),
    ...(pollNonce && { pollNonce }),
    ...(typeof stored.confirmWait === 'number' && { confirmWait: stored.confirmWait }),
    ...(typeof confirmUntil === 'number' && { confirmUntil }),
    ...(stored.isEncrypted === true && { isEncrypted: true }),
    ...(typeof stored.keyPackage === 'string' && stored.keyPackage !== '' && { keyPackage: Buffer.from(stored.keyPackage, 'hex') }),
    ...(typeof stored.furtherIds === 'string' && {
      furtherIds: stored.furtherIds
        .split(',')
        .filter((id) => id !== '')
        .map(Number),
    }),
  };
}
