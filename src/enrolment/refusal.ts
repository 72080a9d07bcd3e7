/** Every reason to refuse a device, one row each: what the device is told. Protocol bits are chosen in each `translate`. */
export const refusals = {
  'not-authorised': 'The request is not authorised.',
  'credential-invalid': 'The credential is not valid.',
  'token-invalid': 'The registration token is missing or not valid.',
  'challenge-unchecked': 'The challenge could not be checked. Try again later.',
  'signer-not-trusted': 'The certificate that signed the request is not trusted here.',
  'signer-expired': 'The certificate that signed the request has expired.',
  'signer-revoked': 'The certificate that signed the request has been revoked.',
  'signer-superseded': 'The certificate that signed the request has already been updated.',
  'signer-unproven': 'A certificate alone renews here only for a time: enrol with a challenge or secret again.',
  'renewal-too-early': 'The certificate cannot be renewed yet.',
  'renewal-unconfirmed': 'An earlier renewal of the certificate has not been confirmed yet.',
  'renewal-other-name': 'A renewal must keep the subject and the alternative names.',
  'proof-of-possession': 'The proof of possession of the key is missing or wrong.',
  'key-type': 'Keys of this type are not allowed by this profile.',
  'key-size': 'The key is shorter or longer than this profile allows.',
  'key-malformed': 'The public key is malformed or weak.',
  'key-reused': 'This profile requires a new key for a renewal.',
  'key-of-another': 'The key has been certified for another name.',
  'key-undeliverable': 'The answer could not be encrypted for this type of key.',
  'subject-missing': 'The request has neither a subject nor an alternative name.',
  'subject-binding': 'The requested subject does not belong to the credential.',
  'subject-not-allowed': 'The requested subject is not allowed by this profile.',
  'subject-incomplete': 'The request lacks a name that this profile makes the subject of.',
  'san-not-allowed': 'A requested alternative name is not allowed by this profile.',
  'san-type': 'The request has an alternative name of a kind this profile does not allow.',
  'too-many-names': 'The request has more alternative names than this profile allows.',
  'name-malformed': 'A requested name is malformed.',
  'extension-malformed': 'A requested extension is malformed.',
  'ca-certificate': 'Certificates for CAs are not issued here.',
  'reserved-purpose': 'The requested extended key usage is reserved for registration authorities.',
  'transaction-in-use': 'The transaction is already used for another request.',
  'transaction-unknown': 'No such transaction is waiting.',
  'certificate-unknown': 'No such certificate is known here.',
  'certificate-revoked': 'The certificate has been revoked already, or has expired.',
  'certificate-unnamed': 'A revocation must name the issuer and the serial number of the certificate.',
  'revocation-reason': 'The reason of the revocation is malformed or unknown.',
  'revocation-reason-doubled': 'A revocation has one reason.',
  'hold-not-served': 'Certificates are not put on hold here.',
  'not-on-hold': 'The certificate is not on hold.',
  'confirmation-unexpected': 'No confirmation is awaited for this certificate.',
  'already-confirmed': 'The certificate has already been confirmed.',
  'ca-refused': 'The certification authority refused the request.',
  'ca-policy': 'The certification authority does not issue certificates like this.',
  'ca-duplicate': 'The certification authority has this key or this subject for another holder already.',
  'ca-key': 'The certification authority does not certify keys of this kind.',
  'ca-proof': 'The certification authority did not accept the proof of possession of the key.',
  'account-held': 'A valid certificate for this device exists already; renew it, or ask an administrator to revoke it.',
  'order-rejected': 'The request was rejected.',
  'order-failed': 'The certificate could not be issued.',
  'order-expired': 'The request was not completed in time.',
  unavailable: 'The service is temporarily unavailable.',
} as const;

export type RefusalCode = keyof typeof refusals;

export interface Refusal {
  readonly code: RefusalCode;
  /** For the operator; never sent to the device, never a secret. */
  readonly detail?: string;
  /** The id of a one-time challenge that was used once too often. */
  readonly reusedChallenge?: string;
}

export function refusal(code: RefusalCode, detail?: string): Refusal {
  return detail === undefined ? { code } : { code, detail };
}

/** Requests that never became an order; folded in the store by reason, profile and source. */
export const refusalReasons = [
  'unknown-path',
  'inactive-profile',
  'malformed',
  'too-large',
  'unsupported',
  'bad-signature',
  'bad-mac',
  'bad-challenge',
  'undecryptable',
  'wrong-recipient',
  'untrusted-signer',
  'not-authorised',
  'bad-proof-of-possession',
  'bad-transaction',
  'throttled',
  'unavailable',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];
