import { fail, ok, type Result } from '../../runtime/result.js';
import {
  type AddressedEnvelope,
  addressEnvelope,
  type ContentCipher,
  contentCiphers,
  decryptEnvelope,
  type EnvelopeFault,
  type KeyUnwrapper,
  mendGoGcm,
  type RecipientKey,
  readEnvelopedData,
} from '../cms/index.js';
import { decodeBer, scepLimits } from '../der/index.js';
import type { ScepRequest } from './decode-request.js';
import { type ScepFault, type ScepFaultCode, scepFault } from './fault.js';
import { type MessageData, readMessageData } from './message-data.js';
import type { RequestType } from './message-type.js';

const faultOf = {
  'content-type': 'malformed',
  recipients: 'recipients',
  'wrong-recipient': 'wrong-recipient',
  'transport-unknown': 'transport-refused',
  'cipher-unknown': 'cipher-refused',
} as const satisfies Record<EnvelopeFault, ScepFaultCode>;

/**
 * Reads the pkcsPKIEnvelope and finds the key it is for, touching no secret: RFC 8894 §3.2.2. `keys` are the profile's own;
 * `ciphers` is what the profile accepts, whatever its capabilities said (RFC 8894 §7.5).
 */
export function addressRequest<K extends RecipientKey>(
  request: ScepRequest,
  keys: readonly K[],
  ciphers: readonly ContentCipher[],
): Result<AddressedEnvelope<K>, ScepFault> {
  const bytes = ciphers.some(isGcm) ? mendGoGcm(request.envelope) : request.envelope;
  const envelope = decodeBer(bytes, scepLimits, readEnvelopedData);
  if (!envelope.ok) return fail(scepFault('not-enveloped', envelope.error.message));
  const addressed = addressEnvelope(envelope.value, keys);
  if (!addressed.ok) return fail(scepFault(faultOf[addressed.error]));
  const { cipher } = addressed.value.content;
  return ciphers.includes(cipher) ? addressed : fail(scepFault('cipher-refused', `Content cipher ${cipher}.`));
}

const isGcm = (cipher: ContentCipher) => contentCiphers[cipher].mode === 'gcm';

/**
 * Decrypts the envelope and reads what the type requires. Wrong key padding, wrong content padding and wrong content are one
 * fault with one text, and each path does the same work: an answer that told them apart would decrypt for an attacker.
 */
export function openRequest(type: RequestType, envelope: AddressedEnvelope<RecipientKey>, unwrapper: KeyUnwrapper): Result<MessageData, ScepFault> {
  const { isPadded, content } = decryptEnvelope(envelope, unwrapper);
  const data = decodeBer(content, scepLimits, (cursor) => readMessageData(type, cursor));
  return isPadded && data.ok ? ok(data.value) : fail(scepFault('undecryptable'));
}
