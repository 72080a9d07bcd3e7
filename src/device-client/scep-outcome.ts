import type { Certificate, Name } from '../pkix/index.js';
import { createKeyUnwrapper } from '../protocol/cms/index.js';
import { type CertRep, openReply, type ReplyKey, readCertRep, type ScepFailInfo } from '../protocol/scep/index.js';
import { fail, ok, type Result } from '../runtime/result.js';
import { parsed } from './scep-certificates.js';
import type { DeviceKey, ScepMessage } from './scep-message.js';

/** A request the server has not decided yet; give it to `poll`. */
export interface PendingEnrolment {
  readonly request: ScepMessage;
  readonly wanted: Wanted;
}

export interface Wanted {
  readonly subject: Name;
  readonly key: DeviceKey;
}

export type ScepOutcome =
  | { readonly kind: 'issued'; readonly certificate: Certificate }
  | { readonly kind: 'pending'; readonly pending: PendingEnrolment }
  | { readonly kind: 'refused'; readonly failInfo: ScepFailInfo | undefined; readonly text: string | undefined };

/** Reads an answer: signed by the RA, for this transaction, for this nonce (RFC 8894 §3.2.1.5). */
export function readReply(bytes: Buffer, request: ScepMessage, ra: Certificate): Result<CertRep, string> {
  const reply = readCertRep(bytes, ra);
  if (!reply.ok) return reply;
  if (reply.value.transactionId.toString('latin1') !== request.transactionId) return fail('The answer is for another transaction.');
  return reply.value.recipientNonce?.equals(request.senderNonce) ? reply : fail('The answer does not repeat our nonce.');
}

/** What the answer says, the certificate checked to be for the requested key. */
export function readOutcome(reply: CertRep, request: ScepMessage, wanted: Wanted): Result<ScepOutcome, string> {
  const { status, failInfo, failInfoText } = reply;
  if (status === 'FAILURE') return ok({ kind: 'refused', failInfo, text: failInfoText });
  if (status === 'PENDING') return ok({ kind: 'pending', pending: { request, wanted } });
  const opened = openReply(reply, replyKeyOf(request));
  if (!opened.ok) return opened;
  const [certificate] = opened.value.certificates.flatMap((item) => parsed(item));
  if (certificate === undefined) return fail('The answer holds no certificate that could be read.');
  if (!certificate.publicKey.spki.equals(wanted.key.publicKey.spki)) return fail('The certificate is for another key than the requested one.');
  return ok({ kind: 'issued', certificate });
}

/** An RSA key decrypts; for any other the challenge of the request is the password (RFC 8894 §3.1). */
export function replyKeyOf({ signer, challenge = '' }: ScepMessage): ReplyKey {
  const { certificate, privateKey } = signer;
  return certificate.publicKey.type === 'rsa' ? { certificate, unwrapper: createKeyUnwrapper(privateKey) } : { password: Buffer.from(challenge, 'utf8') };
}
