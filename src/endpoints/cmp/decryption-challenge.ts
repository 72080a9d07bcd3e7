import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { parsePublicKey } from '../../pkix/index.js';
import {
  decodePkiBody,
  decodePkiMessage,
  encodeDecryptionChallenge,
  encodeRand,
  knownGeneralInfo,
  type PkiMessage,
  protectedPart,
  type ResponseType,
  readDecryptionResponse,
  responseTypes,
  subsequentMessageOf,
} from '../../protocol/cmp/index.js';
import { envelop } from '../../protocol/cms/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { SealedPlace } from '../../runtime/seal.js';
import { type TenantContext, tenantContext } from '../../tenancy/context.js';
import type { LoadedRaKey } from '../../tenancy/directory.js';
import { requesterOf } from './authenticate.js';
import type { RequestBody } from './check-request.js';
import { type CmpReply, refuse, reject, send, type VerifiedExchange } from './exchange.js';
import { type Fault, fault } from './fault.js';
import { holdRequest, openHeldRequest } from './held-request.js';
import { seedKeyOf } from './kem-secret.js';
import { recipientOf } from './key-recipient.js';
import { freshNonce, senderOf } from './reply.js';
import { decodeSession, encodeNonces, type NonceState } from './session.js';
import { signerKey } from './signer-memory.js';
import { checkNonces } from './transaction.js';

/** A device that does not answer within it begins anew. */
const longestMs = 600_000;

type ChallengedBody = Extract<RequestBody, { readonly messages: unknown }>;

/** One request whose proof is to be a decryption (RFC 9810 section 5.2.8.3.3). */
export function isChallengeWanted(body: RequestBody): body is ChallengedBody {
  if (body.type === 'p10cr' || body.messages.length !== 1) return false;
  const popo = body.messages[0]?.popo;
  return (popo?.kind === 'keyEncipherment' || popo?.kind === 'keyAgreement') && subsequentMessageOf(popo.privKey) === 'challengeResp';
}

/**
 * Answers a checked request by popdecc: a number that only the holder of the key can read. It is derived, not kept: from a secret of the
 * RA, the request and our nonce, so that nobody who reads the database can answer in the device's place. The request is kept until it
 * is answered; a retransmission of it gets the same number again.
 */
export async function challengeDecryption(exchange: VerifiedExchange, body: ChallengedBody): Promise<CmpReply> {
  const { endpoint, header, message, peer, deps, nonceSuffix } = exchange;
  const type = responseTypes[body.type];
  const store = deps.delaying?.store;
  const [raKey] = endpoint.raKeys;
  const spki = body.messages[0]?.certReq.certTemplate.publicKey;
  const publicKey = parsePublicKey(spki ?? Buffer.alloc(0));
  const recipient = publicKey.ok ? recipientOf(publicKey.value) : undefined;
  if (store === undefined || raKey === undefined || recipient === undefined) return reject(exchange, type, 0, fault('possession', 'no challenge for this key'));
  const request = protectedPart(message.headerDer, message.bodyDer);
  const { context, key, sealed } = placeOf(exchange);
  const state: NonceState = { nonce: freshNonce(nonceSuffix), requestNonce: header.senderNonce, polls: 0 };
  const isAnnounced = await store.announce(context, key, requesterOf(peer), { request: holdRequest(raKey, request, sealed), ...encodeNonces(state) });
  const standing = isAnnounced ? undefined : await store.find(context, key);
  const isSame =
    standing?.requester.equals(requesterOf(peer)) === true && openHeldRequest(endpoint.raKeys, standing.session.request, sealed)?.equals(request) === true;
  if (!isAnnounced && !isSame) return refuse(exchange, peer, fault('transaction-in-use'));
  if (peer.kind === 'signature') deps.signers.remember(signerKey(endpoint.profile.id, header.transactionID), peer.certificate);
  const { nonce } = standing === undefined ? state : decodeSession(standing.session);
  const int = numberFor(raKey, request, nonce);
  const rand = envelop(encodeRand(int, senderOf(endpoint)), recipient);
  return send(exchange, peer, { body: { type: 'popdecc', content: encodeDecryptionChallenge(int, rand) }, senderNonce: nonce });
}

/** The request that was answered rightly, with the header it had. */
export interface ProvenRequest {
  readonly message: PkiMessage;
  readonly body: ChallengedBody;
  readonly implicitConfirm: boolean;
}

/** A fault, and which answer says so where it concerns the request. */
export type DecryptionFault = Fault & { readonly type?: ResponseType };

/** popdecr: the request whose challenge it answers, or the fault. A wrong number ends the transaction. */
export async function acceptDecryption(exchange: VerifiedExchange, content: Buffer): Promise<Result<ProvenRequest, DecryptionFault>> {
  const store = exchange.deps.delaying?.store;
  const { context, key, sealed } = placeOf(exchange);
  const standing = await store?.find(context, key);
  if (store === undefined || standing === undefined || standing.session.isClosed === true) return fail(fault('not-awaited', 'popdecr'));
  if (!standing.requester.equals(requesterOf(exchange.peer))) return fail(fault('other-credential'));
  if (exchange.now.getTime() - standing.since.getTime() > longestMs) return fail(fault('not-awaited', 'popdecr after ten minutes'));
  const state = decodeSession(standing.session);
  const nonces = checkNonces(exchange, state);
  if (!nonces.ok) return nonces;
  const request = openHeldRequest(exchange.endpoint.raKeys, standing.session.request, sealed);
  if (request === undefined) return fail(fault('not-awaited', 'popdecr after the key of the RA is gone'));
  const isRight = answersRight(exchange, content, request, state.nonce);
  const proven = readRequest(request);
  if (isRight.ok && isRight.value) return ok(proven);
  await store.updateSession(context, key, { isClosed: true });
  return isRight.ok ? fail({ ...fault('possession', 'popdecr'), type: responseTypes[proven.body.type] }) : isRight;
}

function answersRight({ endpoint }: VerifiedExchange, content: Buffer, request: Buffer, nonce: Buffer): Result<boolean, Fault> {
  const response = readDecryptionResponse(content);
  if (!response.ok) return fail(fault('malformed', response.error.message));
  const [value, ...further] = response.value;
  if (value === undefined || further.length > 0) return ok(false);
  // By every RA key in use: the one that asked may be retiring.
  return ok(endpoint.raKeys.some((raKey) => isSame(numberFor(raKey, request, nonce), value)));
}

function isSame(expected: Buffer, value: Buffer): boolean {
  return value.length === expected.length && timingSafeEqual(value, expected);
}

/** 32 octets of a positive INTEGER: the first is 0x40 to 0x7f. */
function numberFor({ privateKey }: LoadedRaKey, request: Buffer, nonce: Buffer): Buffer {
  const number = createHmac('sha256', seedKeyOf(privateKey))
    .update('popdecc')
    .update(nonce)
    .update(hash('sha256', request, 'buffer'))
    .digest();
  number[0] = ((number[0] as number) & 0x3f) | 0x40;
  return number;
}

/** Header and body of the request make a message of their own, without protection. */
function readRequest(request: Buffer): ProvenRequest {
  const message = decodePkiMessage(request);
  const body = message.ok ? decodePkiBody(message.value) : message;
  if (!message.ok || !body.ok || !('messages' in body.value) || body.value.type === 'ccr') throw new Error('A request that was kept cannot be read.');
  const known = knownGeneralInfo(message.value.header.generalInfo ?? []);
  const { type, messages } = body.value;
  return { message: message.value, body: { type, messages }, implicitConfirm: known.ok && known.value.implicitConfirm };
}

interface Place {
  readonly context: TenantContext;
  readonly key: Buffer;
  readonly sealed: SealedPlace;
}

function placeOf({ endpoint, header }: VerifiedExchange): Place {
  const { id, tenantId } = endpoint.profile;
  const key = hash('sha256', `popdecc ${id} ${header.transactionID.toString('hex')}`, 'buffer');
  return { context: tenantContext(tenantId, 'device'), key, sealed: { table: 'delayed_answers', column: 'session', tenantId, rowId: key.toString('hex') } };
}
