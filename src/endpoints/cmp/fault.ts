import type { RefusalReason } from '../../enrolment/refusal.js';
import type { FailInfo } from '../../protocol/cmp/index.js';

interface Situation {
  readonly failInfo: FailInfo;
  /** What the device is told. */
  readonly says: string;
  /** Under which reason the operator finds it among the refusals. */
  readonly reason: RefusalReason;
}

/** Everything that can be wrong with a message before the core sees it, one row each. */
export const situations = {
  malformed: { failInfo: 'badDataFormat', says: 'The message is malformed.', reason: 'malformed' },
  version: { failInfo: 'unsupportedVersion', says: 'pvno must be 2 or 3.', reason: 'unsupported' },
  'transaction-id': { failInfo: 'badDataFormat', says: 'transactionID must have 16 to 64 octets.', reason: 'malformed' },
  'sender-nonce': { failInfo: 'badSenderNonce', says: 'senderNonce must be new and have 16 to 64 octets.', reason: 'malformed' },
  'recip-nonce': { failInfo: 'badRecipientNonce', says: 'recipNonce is not the senderNonce of our last message.', reason: 'bad-transaction' },
  'recip-nonce-unexpected': { failInfo: 'badRecipientNonce', says: 'The first message of a transaction has no recipNonce.', reason: 'malformed' },
  time: { failInfo: 'badTime', says: 'messageTime is too far from our time.', reason: 'malformed' },
  unprotected: { failInfo: 'badMessageCheck', says: 'The message is not protected.', reason: 'bad-signature' },
  algorithm: { failInfo: 'badAlg', says: 'The algorithm or parameters of the protection are not accepted.', reason: 'unsupported' },
  'protection-kind': { failInfo: 'wrongIntegrity', says: 'This kind of protection is not accepted for this request.', reason: 'not-authorised' },
  sender: { failInfo: 'badMessageCheck', says: 'The sender does not fit the key that protects the message.', reason: 'bad-signature' },
  mac: { failInfo: 'badMessageCheck', says: 'The protection of the message is not valid.', reason: 'bad-mac' },
  signature: { failInfo: 'badMessageCheck', says: 'The protection of the message is not valid.', reason: 'bad-signature' },
  signer: { failInfo: 'signerNotTrusted', says: 'The certificate of the signer cannot protect messages.', reason: 'untrusted-signer' },
  'kem-cipher-text': { failInfo: 'badMessageCheck', says: 'The cipher text is not a new one for the KEM key of this RA.', reason: 'bad-mac' },
  'kem-cipher-text-missing': {
    failInfo: 'wrongIntegrity',
    says: 'A cipher text for the KEM certificate beside this message must come along.',
    reason: 'not-authorised',
  },
  'body-type': { failInfo: 'badRequest', says: 'Messages of this type are not served here.', reason: 'unsupported' },
  label: { failInfo: 'badRequest', says: 'The message does not fit the operation named in the path.', reason: 'unsupported' },
  'general-info': { failInfo: 'badDataFormat', says: 'An item of generalInfo is malformed.', reason: 'malformed' },
  'general-info-contradictory': { failInfo: 'badRequest', says: 'implicitConfirm and confirmWaitTime exclude each other.', reason: 'malformed' },
  'rev-passphrase': { failInfo: 'badRequest', says: 'Passphrases for revocation are not kept here.', reason: 'unsupported' },
  'rev-passphrase-unread': {
    failInfo: 'badRequest',
    says: 'The passphrase must be 12 to 256 octets, encrypted to a key of this RA, with an identifier of up to 64 octets.',
    reason: 'malformed',
  },
  'rev-passphrase-owner': { failInfo: 'notAuthorized', says: 'No passphrase is kept for this sender, or under this identifier.', reason: 'not-authorised' },
  'cert-profile': { failInfo: 'badRequest', says: 'There is no such certProfile here.', reason: 'unsupported' },
  'several-requests': { failInfo: 'badRequest', says: 'There must be exactly one request.', reason: 'unsupported' },
  'cert-req-id': { failInfo: 'badRequest', says: 'certReqId is not the one expected.', reason: 'malformed' },
  'template-version': { failInfo: 'badCertTemplate', says: 'The version in the request is not the one expected.', reason: 'malformed' },
  'template-field': { failInfo: 'badCertTemplate', says: 'The template sets a field that only the CA may set.', reason: 'malformed' },
  'template-subject': { failInfo: 'badCertTemplate', says: 'The template has no subject.', reason: 'malformed' },
  'template-key': { failInfo: 'badCertTemplate', says: 'The template has no usable public key.', reason: 'malformed' },
  'template-extensions': { failInfo: 'badCertTemplate', says: 'The extensions of the template are malformed.', reason: 'malformed' },
  'duplicate-request': { failInfo: 'duplicateCertReq', says: 'Another request of the message is for the same name and key.', reason: 'malformed' },
  'pvno-3': { failInfo: 'badRequest', says: 'What is asked for needs pvno 3.', reason: 'unsupported' },
  'alternative-template': { failInfo: 'badCertTemplate', says: 'altCertTemplate is not served here.', reason: 'unsupported' },
  'central-key-recipient': { failInfo: 'notAuthorized', says: 'The certificate of the signer may not receive a private key.', reason: 'not-authorised' },
  'central-key-transport': { failInfo: 'notAuthorized', says: 'Private keys are sent over TLS only.', reason: 'not-authorised' },
  'key-type': { failInfo: 'badAlg', says: 'Keys of this type are not served here.', reason: 'unsupported' },
  issuer: { failInfo: 'wrongAuthority', says: 'The issuer asked for is not served here.', reason: 'wrong-recipient' },
  'key-archival': { failInfo: 'badRequest', says: 'Private keys are not archived here.', reason: 'unsupported' },
  'publication-info': { failInfo: 'badRequest', says: 'pkiPublicationInfo is malformed.', reason: 'malformed' },
  'old-certificate': { failInfo: 'badCertId', says: 'oldCertID is not the certificate that signed the request.', reason: 'not-authorised' },
  possession: { failInfo: 'badPOP', says: 'The proof of possession of the key is missing or wrong.', reason: 'bad-proof-of-possession' },
  'ra-verified': { failInfo: 'notAuthorized', says: 'Only a registration authority may vouch for possession of a key.', reason: 'not-authorised' },
  forwarder: { failInfo: 'notAuthorized', says: 'Only a registration authority of this profile may send nested messages.', reason: 'not-authorised' },
  nesting: { failInfo: 'badRequest', says: 'The messages are not nested as they may be.', reason: 'malformed' },
  original: { failInfo: 'badMessageCheck', says: 'The protection of the original message is not valid.', reason: 'bad-signature' },
  'transaction-in-use': { failInfo: 'transactionIdInUse', says: 'The transaction is already used for another request.', reason: 'bad-transaction' },
  'not-awaited': { failInfo: 'badRequest', says: 'No such message is awaited in this transaction.', reason: 'bad-transaction' },
  'other-credential': { failInfo: 'badMessageCheck', says: 'The protection of the message is not valid.', reason: 'bad-transaction' },
  'cert-status': { failInfo: 'badRequest', says: 'The status in the confirmation is not sound.', reason: 'malformed' },
  'cert-hash': { failInfo: 'badCertId', says: 'certHash is not the hash of the certificate.', reason: 'bad-transaction' },
  'already-confirmed': { failInfo: 'certConfirmed', says: 'The certificate has already been confirmed.', reason: 'bad-transaction' },
  'polled-too-often': { failInfo: 'systemUnavail', says: 'The transaction was polled too often.', reason: 'throttled' },
  'info-type': { failInfo: 'badRequest', says: 'Information of this type is not given here.', reason: 'unsupported' },
  'info-value': { failInfo: 'badRequest', says: 'The value beside the infoType is not one that may stand there.', reason: 'malformed' },
  'info-language': { failInfo: 'badRequest', says: 'None of these languages is spoken here.', reason: 'unsupported' },
  'info-unavailable': { failInfo: 'addInfoNotAvailable', says: 'This information is not available.', reason: 'unsupported' },
  'several-infos': { failInfo: 'badRequest', says: 'There must be exactly one infoType, or at most 20 and one that asks for a CRL.', reason: 'unsupported' },
  unavailable: { failInfo: 'systemUnavail', says: 'The service is temporarily unavailable.', reason: 'unavailable' },
  failure: { failInfo: 'systemFailure', says: 'The request could not be handled.', reason: 'unavailable' },
} as const satisfies Readonly<Record<string, Situation>>;

export type SituationName = keyof typeof situations;

export interface Fault {
  readonly situation: SituationName;
  /** For the operator; never sent to the device. */
  readonly detail: string;
}

export function fault(situation: SituationName, detail = ''): Fault {
  return { situation, detail };
}
