import { randomUUID } from 'node:crypto';
import { type Issuer, type IssuerAnswer, type IssuerTiming, type LookupAnswer, type RevocationAnswer, refusedForGood } from '../../enrolment/ports.js';
import { fromPem, parseCertificate, parseCrlHead, serialHex } from '../../pkix/index.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import { fail, ok } from '../../runtime/result.js';
import { timeOfRef } from '../order-ref.js';
import { faultText, issueAnswer, operationAnswer, operationIn, problemOf } from './answers.js';
import { type Authorities, createAuthorities } from './authorities.js';
import type { HttpAnswer, HttpOutcome, HttpRequest } from './http.js';
import { idempotencyKey, issueBody } from './issue-body.js';
import { listIssued } from './listing.js';
import type { Session } from './session.js';
import { chainAnswer, operation, readJson, reasonName } from './wire.js';

export interface RemoteSettings {
  readonly caId?: string | undefined;
  readonly profileId?: string | undefined;
  readonly timing: IssuerTiming;
}

/** How long the engine replays the answer to an Idempotency-Key (24 h), less an hour for clocks that differ. */
const replayMs = 23 * 3_600_000;
const chainMs = 300_000;
const json = { 'content-type': 'application/json' };

/**
 * A Crypto Engine elsewhere, spoken to in Crypto Engine API v1. The API finds nothing by our ref; instead the same
 * Idempotency-Key is answered alike for 24 hours, so for that long `lookup` says `none` and asking again is the look-up.
 */
export function createRemoteIssuer(session: Session, settings: RemoteSettings, clock: Clock, log: Log): Issuer {
  const { timing } = settings;
  const call = loggedCall(session, timing.timeoutMs, log);
  const authorities = createAuthorities(call, settings);
  const chain = createChain(call, authorities);
  return {
    timing,
    capabilities: { lookup: true, uniqueRef: true },
    async issue(ref, request): Promise<IssuerAnswer> {
      const deadline = AbortSignal.timeout(timing.timeoutMs);
      const place = await authorities.find(deadline);
      if (!place.ok) return { kind: 'notSent', reason: place.error };
      const { caId, profileId } = place.value;
      const body = JSON.stringify(issueBody(ref, request, profileId, clock.now()));
      const headers = { ...json, 'idempotency-key': idempotencyKey(ref) };
      const answer = await call({ method: 'POST', path: `/v1/cas/${encodeURIComponent(caId)}/certificates`, headers, body }, deadline);
      if (answer.kind === 'answered') return sure(issueAnswer(answer), answer);
      return { kind: answer.kind === 'lost' ? 'uncertain' : 'notSent', reason: answer.reason };
    },
    async lookup(ref, _publicKey, reference): Promise<LookupAnswer> {
      if (reference === null)
        return isReplayed(ref, clock) ? { kind: 'none' } : { kind: 'unknown', reason: 'The Crypto Engine no longer replays this request.' };
      const answer = await call({ method: 'GET', path: `/v1/operations/${encodeURIComponent(reference)}` });
      return answer.kind === 'answered' ? operationAnswer(answer) : { kind: 'unknown', reason: answer.reason };
    },
    async revoke(certificate, reason) {
      const serial = serialOf(certificate);
      const place = await authorities.find(AbortSignal.timeout(timing.timeoutMs));
      if (serial === undefined) return refusedForGood('The certificate is malformed.');
      if (!place.ok) return place;
      const path = `/v1/cas/${encodeURIComponent(place.value.caId)}/certificates/${serial}/revoke`;
      const headers = { ...json, 'idempotency-key': idempotencyKey(`revoke ${serial} ${isRepeatable(reason) ? randomUUID() : reason}`) };
      const answer = await call({ method: 'POST', path, headers, body: JSON.stringify({ reason: reasonName(reason) }) });
      return answer.kind === 'answered' && answer.status === 202 ? revocationUnderWay(answer, call) : revoked(answer, reason);
    },
    chain,
    crl: createCrl(call, authorities),
    issued: (from, to) => listIssued(call, authorities, from, to),
  };
}

/** A call under its own deadline where none is given, with a line in the log: path, status, duration, never bodies. */
export type Call = (request: HttpRequest, deadline?: AbortSignal) => Promise<HttpOutcome>;

function loggedCall(session: Session, timeoutMs: number, log: Log): Call {
  return async (request, deadline = AbortSignal.timeout(timeoutMs)) => {
    const begun = performance.now();
    const outcome = await session(request, deadline);
    const result = outcome.kind === 'answered' ? { status: outcome.status } : { outcome: outcome.kind, reason: outcome.reason };
    log.debug({ method: request.method, path: request.path, ...result, ms: Math.round(performance.now() - begun) }, 'Crypto Engine call');
    return outcome;
  };
}

/** `notSent` would let the order be made anew; after an attempt whose fate is open it is too much to say. */
function sure(result: IssuerAnswer, answer: HttpAnswer): IssuerAnswer {
  return result.kind === 'notSent' && answer.mayBeDone === true ? { kind: 'uncertain', reason: result.reason } : result;
}

function isReplayed(ref: string, clock: Clock): boolean {
  const made = timeOfRef(ref);
  return made !== undefined && clock.now().getTime() - made.getTime() < replayMs;
}

function serialOf(certificate: Buffer): string | undefined {
  const parsed = parseCertificate(certificate);
  return parsed.ok ? serialHex(parsed.value.serial) : undefined;
}

/** certificateHold and removeFromCRL may come again and mean it: an answer kept from the last time would not do. */
function isRepeatable(reason: number): boolean {
  return reason === 6 || reason === 8;
}

/** An engine that revokes later, after an approval perhaps: done only when its operation says so. Until then the caller comes again. */
async function revocationUnderWay(accepted: HttpAnswer, call: Call): Promise<RevocationAnswer> {
  const reference = operationIn(accepted);
  if (reference === undefined) return fail('The Crypto Engine accepted the revocation without naming the operation.');
  const answer = await call({ method: 'GET', path: `/v1/operations/${encodeURIComponent(reference)}` });
  const body = answer.kind === 'answered' && answer.status === 200 ? readJson(operation, answer.body) : undefined;
  if (body === undefined) return fail(answer.kind === 'answered' ? faultText(answer.status, problemOf(answer)) : answer.reason);
  if (body.state === 'SUCCEEDED') return ok(true);
  if (body.state === 'PENDING') return fail('The Crypto Engine has not revoked it yet.');
  return refusedForGood(faultText(0, body.error ?? { title: `The revocation is ${body.state}.` }));
}

/** The newest list, asked for with its ETag; what is known goes on being given while the engine cannot be asked. */
function createCrl(call: Call, authorities: Authorities): () => Promise<Buffer | undefined> {
  let kept: { readonly der: Buffer; readonly tag: string | undefined } | undefined;
  return async () => {
    const place = await authorities.find();
    if (!place.ok) return kept?.der;
    const headers = { accept: 'application/pkix-crl', ...(kept?.tag !== undefined && { 'if-none-match': kept.tag }) };
    const answer = await call({ method: 'GET', path: `/v1/cas/${encodeURIComponent(place.value.caId)}/crl`, headers });
    const isList = answer.kind === 'answered' && answer.status === 200 && parseCrlHead(answer.body).ok;
    if (isList) kept = { der: answer.body, tag: answer.header('etag') };
    return kept?.der;
  };
}

/** What is said of the certificate or the reason; a setting of ours may be wrong in every other case. */
const finalCodes: readonly string[] = ['certificate-not-found', 'already-revoked', 'revocation-not-allowed'];

/** Revoked before, with whatever reason, is revoked; but then no hold is lifted. */
function revoked(answer: HttpOutcome, reason: number): RevocationAnswer {
  if (answer.kind !== 'answered') return fail(answer.reason);
  if (answer.status === 200) return ok(true);
  const fault = problemOf(answer);
  if (fault?.code === 'already-revoked' && !isRepeatable(reason)) return ok(true);
  const text = faultText(answer.status, fault);
  return fault?.code !== undefined && finalCodes.includes(fault.code) ? refusedForGood(text) : fail(text);
}

/** The chain, kept five minutes and then asked for with its ETag; throws when it was never heard and cannot be had. */
function createChain(call: Call, authorities: Authorities): Issuer['chain'] {
  let kept: { readonly chain: readonly Buffer[]; readonly tag: string | undefined; readonly until: number } | undefined;
  return async (age) => {
    if (age !== 'fresh' && kept !== undefined && performance.now() < kept.until) return kept.chain;
    const place = await authorities.find();
    if (!place.ok) throw new Error(place.error);
    const headers: Record<string, string> = kept?.tag === undefined ? {} : { 'if-none-match': kept.tag };
    const answer = await call({ method: 'GET', path: `/v1/cas/${encodeURIComponent(place.value.caId)}/chain`, headers });
    if (answer.kind !== 'answered') throw new Error(answer.reason);
    const chain = answer.status === 304 && kept !== undefined ? kept.chain : readChain(answer);
    kept = { chain, tag: answer.header('etag') ?? kept?.tag, until: performance.now() + chainMs };
    return chain;
  };
}

export function readChain(answer: HttpAnswer): readonly Buffer[] {
  const body = answer.status === 200 ? readJson(chainAnswer, answer.body) : undefined;
  const chain = body?.certificates.flatMap((pem) => fromPem('CERTIFICATE', pem)) ?? [];
  if (chain.length === 0) throw new Error(faultText(answer.status, problemOf(answer)));
  return chain;
}
