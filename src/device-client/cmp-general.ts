import type { InfoTypeAndValue } from '../protocol/cmp/index.js';
import { certProfileItem } from '../protocol/cmp/index.js';
import { ok } from '../runtime/result.js';
import { beginConversation, type CmpServer, invalid, refused, type Step, send } from './cmp-conversation.js';
import { buildMessage } from './cmp-messages.js';

/** One genm (RFC 9483 section 4.3, RFC 9810 section 5.3.19) and what its genp says; `certProfile` goes into the header. */
export async function askByCmp(server: CmpServer, items: readonly InfoTypeAndValue[], certProfile?: string): Step<readonly InfoTypeAndValue[]> {
  const conversation = await beginConversation(server);
  const header = { messageTime: new Date(), ...(certProfile !== undefined && { generalInfo: [certProfileItem(certProfile)] }) };
  const answer = await send(conversation, (senderNonce) => buildMessage(conversation.transaction, { senderNonce }, { type: 'genm', items }, header));
  if (!answer.ok) return answer;
  const { body, isVerified } = answer.value;
  if (body.type === 'error') return refused(body.content.pKIStatusInfo, isVerified);
  return body.type === 'genp' ? ok(body.items) : invalid(`The answer to genm is ${body.type}.`);
}
