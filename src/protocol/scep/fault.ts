import type { ScepFailInfo } from './message-type.js';

interface FaultRow {
  readonly failInfo: ScepFailInfo;
  /** What failInfoText tells the device. */
  readonly says: string;
}

/** Every way a message can be wrong before anyone asks what it wants; one row each. */
export const scepFaults = {
  unreadable: { failInfo: 'badRequest', says: 'The message could not be read.' },
  malformed: { failInfo: 'badRequest', says: 'The message is malformed.' },
  attributes: { failInfo: 'badRequest', says: 'A signed attribute is missing, repeated or malformed.' },
  'sender-nonce': { failInfo: 'badRequest', says: 'The senderNonce is missing or has an impossible length.' },
  'message-type': { failInfo: 'badRequest', says: 'Messages of this type are not served.' },
  signers: { failInfo: 'badMessageCheck', says: 'The message must have exactly one signer.' },
  'signer-certificate': { failInfo: 'badMessageCheck', says: 'The certificate of the signer is not in the message.' },
  signature: { failInfo: 'badMessageCheck', says: 'The signature of the message is not valid.' },
  'digest-refused': { failInfo: 'badAlg', says: 'The digest or signature algorithm of the message is not accepted.' },
  'signing-time': { failInfo: 'badTime', says: 'The signingTime of the message is too far from the time of this server.' },
  'not-enveloped': { failInfo: 'badRequest', says: 'The content of the message is not enveloped.' },
  recipients: { failInfo: 'badRequest', says: 'The message must be encrypted for exactly one key of this server.' },
  'wrong-recipient': { failInfo: 'badRequest', says: 'The message is encrypted for another certificate.' },
  'cipher-refused': { failInfo: 'badAlg', says: 'The content cipher of the message is not accepted.' },
  'transport-refused': { failInfo: 'badAlg', says: 'The key transport algorithm of the message is not accepted.' },
  undecryptable: { failInfo: 'badRequest', says: 'The message could not be decrypted, or holds other data than its type requires.' },
} as const satisfies Record<string, FaultRow>;

export type ScepFaultCode = keyof typeof scepFaults;

export interface ScepFault {
  readonly code: ScepFaultCode;
  /** For the operator; never sent. */
  readonly detail: string;
}

export function scepFault(code: ScepFaultCode, detail: string = scepFaults[code].says): ScepFault {
  return { code, detail };
}
