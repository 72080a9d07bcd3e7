import type { Certificate, Name } from '../pkix/index.js';
import { crlReasonDetails, type PkiStatusInfo, type RevDetails } from '../protocol/cmp/index.js';
import { ok } from '../runtime/result.js';
import { beginConversation, type CmpServer, pollUntilFinal, send, withDemandedKem } from './cmp-conversation.js';
import { invalid, refused, type Step } from './cmp-fault.js';
import { buildMessage } from './cmp-messages.js';

/** A certificate to be revoked, by issuer and serial number. */
export interface CmpRevocation {
  readonly issuer: Name;
  /** Content octets. */
  readonly serial: Buffer;
  /** CRLReason number (RFC 5280 section 5.3.1); 6 puts on hold, 8 releases. Absent: none is sent. */
  readonly reason?: number;
}

/** One status for each certificate, in their order. */
export interface CmpRevoked {
  readonly statuses: readonly PkiStatusInfo[];
  readonly polls: number;
}

export function revocationOf(certificate: Certificate, reason?: number): CmpRevocation {
  return { issuer: certificate.issuer, serial: certificate.serial, ...(reason !== undefined && { reason }) };
}

/** One rr (RFC 9483 section 4.2), polled where the CA needs time. Fails when the message as a whole was refused, or its only certificate. */
export function revokeByCmp(server: CmpServer, revocations: readonly CmpRevocation[]): Step<CmpRevoked> {
  return withDemandedKem(server, (asked) => revokeOnce(asked, revocations));
}

async function revokeOnce(server: CmpServer, revocations: readonly CmpRevocation[]): Step<CmpRevoked> {
  const begun = await beginConversation(server);
  if (!begun.ok) return begun;
  const conversation = begun.value;
  const body = { type: 'rr', details: revocations.map(revDetails) } as const;
  const first = await send(conversation, (senderNonce) => buildMessage(conversation.transaction, { senderNonce }, body, { messageTime: new Date() }));
  if (!first.ok) return first;
  const final = await pollUntilFinal(conversation, first.value, -1);
  if (!final.ok) return final;
  const { answer, polls } = final.value;
  if (answer.body.type === 'error') return refused(answer.body.content.pKIStatusInfo, answer.isVerified);
  if (answer.body.type !== 'rp') return invalid(`The answer to rr is ${answer.body.type}.`);
  const statuses = answer.body.content.status;
  if (statuses.length !== revocations.length) return invalid('There must be one status for each certificate.');
  const [only] = statuses;
  if (only?.status === 'rejection' && statuses.length === 1) return refused(only, answer.isVerified);
  return ok({ statuses, polls });
}

function revDetails({ issuer, serial, reason }: CmpRevocation): RevDetails {
  return { certDetails: { issuer, serialNumber: serial }, ...(reason !== undefined && { crlEntryDetails: crlReasonDetails(reason) }) };
}
