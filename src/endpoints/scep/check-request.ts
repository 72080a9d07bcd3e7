import { type ReplyHeader, type RequestType, type ScepFault, type ScepRequest, scepFault, signingTimeOf, verifyRequest } from '../../protocol/scep/index.js';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { ScepEndpoint } from '../../tenancy/directory.js';
import { secondsSince, verifySeconds } from '../figures.js';

const verifying = verifySeconds({ protocol: 'scep' });

/** RFC 8894 §3.5.2: answer with the request's digest where the profile allows it. */
export function allowedHeader(header: ReplyHeader, endpoint: ScepEndpoint): ReplyHeader {
  return isDigestAllowed(header.digest, endpoint) ? header : { ...header, digest: 'sha256' };
}

function isDigestAllowed(digest: string, endpoint: ScepEndpoint): boolean {
  return (endpoint.profile.policy.scep.digests as readonly string[]).includes(digest);
}

/** Digest, signature, message type, in this order: nothing of an unsigned message is acted upon, nothing outside the closed list goes further. */
export function checkRequest(request: ScepRequest, endpoint: ScepEndpoint, now: Date): Result<RequestType, ScepFault> {
  const { type, digest } = request;
  if (!isDigestAllowed(digest, endpoint)) return fail(scepFault('digest-refused', `Digest ${digest}.`));
  const startedAt = performance.now();
  const verified = verifyRequest(request);
  verifying.observe(secondsSince(startedAt));
  if (!verified.ok) return verified;
  if (type === undefined) return fail(scepFault('message-type', `messageType ${request.messageType}.`));
  if (isSwitchedOff(type, endpoint)) return fail(scepFault('message-type', `${type} is switched off.`));
  // RFC 8894 §7.9: a renewal is authenticated by this signature, and SHA-1 does not authenticate.
  if (type === 'RenewalReq' && digest === 'sha1') return fail(scepFault('digest-refused', 'RenewalReq signed with SHA-1.'));
  return isTimely(request, endpoint, now) ? ok(type) : fail(scepFault('signing-time'));
}

function isSwitchedOff(type: RequestType, endpoint: ScepEndpoint): boolean {
  const { renewal, getCert, getCrl } = endpoint.profile.policy.scep;
  return (type === 'RenewalReq' && !renewal) || (type === 'GetCert' && getCert === 'off') || (type === 'GetCRL' && !getCrl);
}

/** RFC 8894 §3.2.1.4, badTime. A signingTime is optional, so that its absence is no fault. */
function isTimely(request: ScepRequest, endpoint: ScepEndpoint, now: Date): boolean {
  const tolerance = endpoint.profile.policy.scep.signingTimeToleranceHours;
  const time = tolerance === null ? 'absent' : signingTimeOf(request);
  if (tolerance === null || time === 'absent') return true;
  return time !== 'malformed' && Math.abs(time.getTime() - now.getTime()) <= tolerance * 3_600_000;
}
