import {
  type BodyType,
  type InfoTypeAndValue,
  type KnownGeneralInfo,
  kemCiphertextOf,
  knownGeneralInfo,
  type PkiHeader,
  type PkiMessage,
} from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { randomOctets } from '../../runtime/random.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { Policy } from '../../tenancy/policy.js';
import { type Fault, fault } from './fault.js';

const octets = { min: 16, max: 64 };
/** An RA that adds its protection repeats the nonces of the message inside. */
const followUps: ReadonlySet<BodyType> = new Set(['certConf', 'pollReq', 'popdecr', 'error', 'nested']);

/** A header with everything an answer needs. */
export interface CheckedHeader extends PkiHeader {
  readonly transactionID: Buffer;
  readonly senderNonce: Buffer;
  readonly known: KnownGeneralInfo;
  /** A passphrase to be kept. */
  readonly revPassphrase?: InfoTypeAndValue;
}

/**
 * RFC 9483 section 3.5, in its order. By the profile's conduct a strict one demands messageTime, which the RFC recommends; a compat one
 * names a transaction whose device did not, as RFC 9810 section 5.1.1 lets those that send one message only.
 */
export function checkHeader(message: PkiMessage, policy: Policy['cmp'], now: Date): Result<CheckedHeader, Fault> {
  const { header } = message;
  const { senderNonce, recipNonce, messageTime } = header;
  const transactionID = header.transactionID ?? (policy.conduct === 'compat' ? randomOctets(octets.min) : undefined);
  if (header.pvno !== 2 && header.pvno !== 3) return fail(fault('version', String(header.pvno)));
  if (!hasOctets(transactionID)) return fail(fault('transaction-id'));
  if (!hasOctets(senderNonce)) return fail(fault('sender-nonce'));
  if (!followUps.has(message.bodyType) && recipNonce !== undefined && recipNonce.length > 0) return fail(fault('recip-nonce-unexpected'));
  if (messageTime === undefined && policy.conduct === 'strict') return fail(fault('time', 'absent'));
  if (messageTime !== undefined && isTooFar(messageTime, now, policy.messageTimeWindowSeconds)) return fail(fault('time', messageTime.toISOString()));
  const known = knownGeneralInfo(header.generalInfo ?? []);
  if (!known.ok) return fail(fault(known.error === 'malformed' ? 'general-info' : 'general-info-contradictory'));
  const ciphertext = header.generalInfo?.find(({ infoType }) => infoType === oids.kemCiphertextInfo);
  // RFC 9810 section 5.1.1.5: it belongs to a transaction that its sender names.
  if (ciphertext !== undefined && header.transactionID === undefined) return fail(fault('transaction-id', 'absent beside KemCiphertextInfo'));
  if (ciphertext !== undefined && kemCiphertextOf(ciphertext) === undefined) return fail(fault('general-info', 'KemCiphertextInfo'));
  // RFC 9810 appendix B: who cannot keep it must say so.
  const revPassphrase = header.generalInfo?.find(({ infoType }) => infoType === oids.revPassphrase);
  if (revPassphrase !== undefined && !policy.revocation.passphrases) return fail(fault('rev-passphrase'));
  return ok({ known: known.value, ...header, transactionID, senderNonce, ...(revPassphrase && { revPassphrase }) });
}

/** "MUST be 128 bits" of randomness for what we accept as first (RFC 9483 section 3.1); the upper bound is ours. */
function hasOctets(value: Buffer | undefined): value is Buffer {
  return value !== undefined && value.length >= octets.min && value.length <= octets.max;
}

function isTooFar(time: Date, now: Date, windowSeconds: number): boolean {
  return windowSeconds > 0 && Math.abs(time.getTime() - now.getTime()) > windowSeconds * 1000;
}
