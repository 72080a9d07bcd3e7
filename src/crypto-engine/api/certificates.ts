import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { crlReasons, parseCertificate, subjectAltNames } from '../../pkix/index.js';
import type { Clock } from '../../runtime/clock.js';
import { ok } from '../../runtime/result.js';
import type { Engine, RecordedCertificate, SigningRequest } from '../ports.js';
import type { EngineCaller } from './access-token.js';
import { engineProblem, sendProblem, unreadable } from './problem.js';
import { type IssueBody, issueBodySchema, readSigningRequest } from './signing-request.js';
import { certificateView } from './views.js';

interface Deps {
  readonly engine: Engine;
  readonly clock: Clock;
}

const keyPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Certificates of one client, apart from all others: what a client did not order it neither sees nor revokes. */
export const ownRefs = (caller: EngineCaller): string => `engine-api:${caller.clientId}:`;

/** `POST /v1/cas/{caId}/certificates`. The Idempotency-Key is the ref, so a repeated call gets the certificate that stands there, for ever. */
export async function issueCertificate(request: FastifyRequest, reply: FastifyReply, caller: EngineCaller, deps: Deps): Promise<FastifyReply> {
  const { engine, clock } = deps;
  const key = String(request.headers['idempotency-key'] ?? '');
  if (!keyPattern.test(key)) return sendProblem(reply, engineProblem('invalid-request', 'The header Idempotency-Key must be a UUID.'));
  const body = issueBodySchema.safeParse(request.body);
  if (!body.success) return sendProblem(reply, unreadable(body.error));
  const ref = `${ownRefs(caller)}${key.toLowerCase()}`;
  const standing = await engine.lookup(ref);
  const now = clock.now();
  const read = readSigningRequest(body.data, now);
  if (!read.ok) return sendProblem(reply, read.error);
  const issued = standing === undefined ? await engine.issue(ref, read.value.request) : ok(standing);
  if (!issued.ok) return sendProblem(reply, engineProblem('ca-unavailable', issued.error));
  const certificate = issued.value;
  if (!isSameRequest(certificate, read.value.request, body.data, engine)) return sendProblem(reply, engineProblem('idempotency-key-reused'));
  const view = certificateView(engine, { ref, certificate, revokedAt: null, reason: null }, now, read.value.profile.id);
  if (standing !== undefined) reply.header('idempotency-replayed', 'true');
  return reply
    .code(201)
    .header('location', `${basePath(request)}/${view.serialNumber}`)
    .send({ ...view, issuedAt: view.notBefore });
}

/** Key, names and an end that was asked for tell one request from another; an end that was not follows from the first call. */
function isSameRequest(certificate: Buffer, request: SigningRequest, { notAfter }: IssueBody, engine: Engine): boolean {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) return false;
  if (notAfter !== undefined && !isSameEnd(parsed.value.notAfter, new Date(notAfter), engine)) return false;
  const names = subjectAltNames(parsed.value.extensions);
  const sans = names.ok ? names.value.map((name) => name.der) : [];
  const isSameKey = parsed.value.publicKey.spki.equals(request.publicKey) && parsed.value.subject.der.equals(request.subject);
  return isSameKey && Buffer.concat(sans).equals(Buffer.concat([...request.sans]));
}

/** The end asked for, in whole seconds, or that of a CA which ends before it. */
function isSameEnd(end: Date, asked: Date, engine: Engine): boolean {
  if (end.getTime() === Math.floor(asked.getTime() / 1000) * 1000) return true;
  const ends = engine.cas().map((ca) => parseCertificate(ca.certificate));
  return end < asked && ends.some((ca) => ca.ok && ca.value.notAfter.getTime() === end.getTime());
}

function basePath(request: FastifyRequest): string {
  return request.url.split('?')[0] as string;
}

/** `GET /v1/cas/{caId}/certificates/{serial}`. */
export async function showCertificate(request: FastifyRequest, reply: FastifyReply, caller: EngineCaller, deps: Deps): Promise<FastifyReply> {
  const recorded = await findOwn(request, caller, deps);
  if (recorded === undefined) return sendProblem(reply, engineProblem('certificate-not-found'));
  return reply.send(certificateView(deps.engine, recorded, deps.clock.now()));
}

async function findOwn(request: FastifyRequest, caller: EngineCaller, { engine }: Deps): Promise<RecordedCertificate | undefined> {
  const { serial } = request.params as { serial: string };
  for (const caId of engine.issuingIds()) {
    const recorded = await engine.find(caId, serial.toLowerCase());
    if (recorded?.ref.startsWith(ownRefs(caller)) === true) return recorded;
  }
  return undefined;
}

/** Revoking is idempotent by itself, so that a repeated Idempotency-Key needs no memory; one that is no key is still a mistake. */
export const revokeBodySchema = z.object({ reason: z.enum(crlReasons).default('unspecified'), invalidityDate: z.iso.datetime().optional() });
/** The reason that can be taken back, by removeFromCRL, or replaced by one for good. */
const hold = crlReasons.indexOf('certificateHold');

/**
 * `POST /v1/cas/{caId}/certificates/{serial}/revoke`: revoked before for the same reason is success, for another a conflict.
 * certificateHold puts on hold, removeFromCRL lifts that.
 */
export async function revokeCertificate(request: FastifyRequest, reply: FastifyReply, caller: EngineCaller, deps: Deps): Promise<FastifyReply> {
  const key = request.headers['idempotency-key'];
  if (key !== undefined && !keyPattern.test(String(key)))
    return sendProblem(reply, engineProblem('invalid-request', 'The header Idempotency-Key must be a UUID.'));
  const body = revokeBodySchema.safeParse(request.body ?? {});
  if (!body.success) return sendProblem(reply, unreadable(body.error));
  const name = body.data.reason;
  const reason = crlReasons.indexOf(name);
  if (name === 'unused') return sendProblem(reply, engineProblem('revocation-not-allowed', `"${name}" is not served.`));
  const recorded = await findOwn(request, caller, deps);
  if (recorded === undefined) return sendProblem(reply, engineProblem('certificate-not-found'));
  if (recorded.revokedAt !== null && recorded.reason !== reason && recorded.reason !== hold) return sendProblem(reply, engineProblem('already-revoked'));
  const revoked = await deps.engine.revoke(recorded.certificate, reason);
  if (!revoked.ok) return sendProblem(reply, engineProblem('internal', revoked.error));
  return showCertificate(request, reply, caller, deps);
}
