import { type AddressedEnvelope, type ContentCipher, contentCiphers, mostTransported } from '../../protocol/cms/index.js';
import type { MessageData, ReplyRecipient, ScepRequest } from '../../protocol/scep/index.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import type { ScepRaKey } from './ra-keys.js';

/** The content keys of AES-256. */
const longestKey = 32;

/** Whether an answer could be encrypted for the sender at all, as far as that shows before decryption. */
export function canBeAnswered(request: ScepRequest, envelope: AddressedEnvelope<ScepRaKey>, endpoint: ScepEndpoint): boolean {
  const { type, size } = request.signer.publicKey;
  if (type === 'rsa') return mostTransported(envelope.transport, size) >= longestKey;
  return type === 'ec' && endpoint.profile.policy.scep.passwordRecipients;
}

/**
 * Whom the answer is encrypted for: the key that signed the request or, where that is an EC key and the profile allows it, the
 * challenge inside the request (RFC 8894 §3.1). Challenges are stored as MACs, so the request is the only place to take it from: a
 * CertPoll has none, and a device with an EC key fetches what was pending by sending its request again. Undefined: no answer can be
 * encrypted, and nothing must be issued.
 */
export function replyRecipient(request: ScepRequest, envelope: AddressedEnvelope<ScepRaKey>, data: MessageData): ReplyRecipient | undefined {
  const { publicKey } = request.signer;
  const cipher = replyCipher(envelope.content.cipher);
  if (publicKey.type === 'rsa') {
    const key = publicKey.keyObject();
    if (!key.ok) throw new Error('The key that verified the request cannot be used to answer it.');
    return { certificate: request.signer, publicKey: key.value, cipher, transport: envelope.transport };
  }
  const challenge = data.kind === 'csr' ? data.csr.challengePassword : undefined;
  return challenge === undefined || challenge === '' ? undefined : { password: Buffer.from(challenge, 'utf8'), cipher };
}

/** The cipher of the request; clients that send GCM understand AES-CBC, and with it everyone reads the same form. */
function replyCipher(cipher: ContentCipher): ContentCipher {
  return contentCiphers[cipher].mode === 'cbc' ? cipher : 'aes128-cbc';
}
