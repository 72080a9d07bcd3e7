import { decodePkiBody, decodePkiMessage, type PkiMessage, readNestedContent } from '../../protocol/cmp/index.js';
import { oids } from '../../protocol/der/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import { authenticate } from './authenticate.js';
import type { RequestBody } from './check-request.js';
import type { VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { keySourcesOf } from './key-sources.js';
import { evidenceOf } from './translate.js';

/**
 * Whether the peer's `raVerified` counts: it does for an RA with that right (RFC 9810 section 5.2.8.1). An RA that replaced a device's
 * protection may show what the device had sent; that is then held against the rules for devices (section 5.1.1.3).
 */
export async function checkAuthority(exchange: VerifiedExchange, body: RequestBody): Promise<Result<boolean, Fault>> {
  const { endpoint, peer, deps, header } = exchange;
  if (peer.kind === 'mac') return ok(false);
  const rights = await deps.enrolment.authorityRights(endpoint.profile, peer);
  if (rights.size === 0) return ok(false);
  const original = header.generalInfo?.find(({ infoType }) => infoType === oids.origPKIMessage);
  const checked = original === undefined ? ok(true as const) : await checkOriginal(exchange, body, original.infoValue ?? Buffer.alloc(0));
  return checked.ok ? ok(rights.has('raVerified')) : checked;
}

/** "Exactly one" message of the same transaction, soundly protected by a credential of this profile, for the same key. */
async function checkOriginal(exchange: VerifiedExchange, body: RequestBody, value: Buffer): Promise<Result<true, Fault>> {
  const messages = readNestedContent(value);
  const [only, ...further] = messages.ok ? messages.value : [];
  if (only === undefined || further.length > 0) return fail(fault('general-info', 'origPKIMessage holds one message'));
  const decoded = decodePkiMessage(only);
  if (!decoded.ok) return fail(fault('general-info', `origPKIMessage: ${decoded.error.message}`));
  const message = decoded.value;
  if (message.header.transactionID?.equals(exchange.header.transactionID) !== true) return fail(fault('original', 'transactionID'));
  const { endpoint, deps } = exchange;
  const peer = await authenticate(message, endpoint.profile.policy.cmp, keySourcesOf({ ...exchange, message }));
  if (!peer.ok) return fail(fault('original', peer.error.detail || peer.error.situation));
  const known = await deps.enrolment.recognise(endpoint.profile, evidenceOf(peer.value));
  if (!known.ok) return fail(fault('original', known.error.code));
  return asksForSameKey(message, body) ? ok(true) : fail(fault('original', 'it asks for another key'));
}

/** An RA "MUST NOT change" the key (RFC 4211 section 5). */
function asksForSameKey(message: PkiMessage, body: RequestBody): boolean {
  const original = decodePkiBody(message);
  if (!original.ok) return false;
  const asked = keyIn(body);
  const before = original.value.type === 'ir' || original.value.type === 'cr' || original.value.type === 'p10cr' ? keyIn(original.value) : undefined;
  return asked !== undefined && before !== undefined && asked.equals(before);
}

function keyIn(body: RequestBody): Buffer | undefined {
  return body.type === 'p10cr' ? body.csr.publicKey.spki : body.messages[0]?.certReq.certTemplate.publicKey;
}
