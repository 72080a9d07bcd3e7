import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';

/** Every error of Crypto Engine API v1, one row each. */
export const engineProblems = {
  'invalid-request': { status: 400, title: 'The request cannot be read.', isRetryable: false },
  unauthorized: { status: 401, title: 'A valid access token is needed.', isRetryable: false },
  'insufficient-scope': { status: 403, title: 'The access token does not allow this.', isRetryable: false },
  'ca-not-found': { status: 404, title: 'There is no such CA.', isRetryable: false },
  'profile-not-found': { status: 404, title: 'The CA has no such profile.', isRetryable: false },
  'certificate-not-found': { status: 404, title: 'There is no such certificate.', isRetryable: false },
  'crl-not-found': { status: 404, title: 'The CA has no such revocation list.', isRetryable: false },
  'operation-not-found': { status: 404, title: 'There is no such operation.', isRetryable: false },
  'csr-invalid': { status: 422, title: 'The certification request is malformed.', isRetryable: false },
  'pop-failed': { status: 422, title: 'The signature of the certification request is wrong.', isRetryable: false },
  'key-not-allowed': { status: 422, title: 'Keys of this kind are not certified.', isRetryable: false },
  'policy-violation': { status: 422, title: 'The request breaks a rule of the profile.', isRetryable: false },
  'validity-not-allowed': { status: 422, title: 'The validity is not allowed.', isRetryable: false },
  'already-revoked': { status: 409, title: 'The certificate is already revoked for another reason.', isRetryable: false },
  'revocation-not-allowed': { status: 422, title: 'The certificate cannot be revoked like this.', isRetryable: false },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key belongs to another request.', isRetryable: false },
  'ca-unavailable': { status: 503, title: 'The CA cannot issue now.', isRetryable: true },
  internal: { status: 500, title: 'Something went wrong.', isRetryable: true },
} as const;
export type EngineProblemCode = keyof typeof engineProblems;

export interface EngineProblem {
  readonly code: EngineProblemCode;
  readonly detail?: string;
  /** Which parts of the body are at fault. */
  readonly violations?: readonly Violation[];
}

export interface Violation {
  /** Dotted path into the body. */
  readonly field: string;
  readonly rule: string;
  readonly detail: string;
}

/** After a fault that passes: when to try again. */
const retryAfterSeconds = 5;

export function engineProblem(code: EngineProblemCode, detail?: string): EngineProblem {
  return detail === undefined ? { code } : { code, detail };
}

/** A body that is not what the call takes, part by part. */
export function unreadable(error: z.ZodError): EngineProblem {
  const violations = error.issues.map(({ path, code, message }) => ({ field: path.join('.'), rule: code, detail: message }));
  return { code: 'invalid-request', detail: z.prettifyError(error), violations };
}

/** RFC 9457, with the members of Crypto Engine API v1. */
export function sendProblem(reply: FastifyReply, problem: EngineProblem): FastifyReply {
  const { status, title, isRetryable } = engineProblems[problem.code];
  if (status === 401) reply.header('www-authenticate', 'Bearer error="invalid_token"');
  if (status === 503) reply.header('retry-after', retryAfterSeconds);
  const body = {
    type: `urn:crypto-engine:v1:problem:${problem.code}`,
    title,
    status,
    detail: problem.detail ?? title,
    instance: reply.request.url,
    code: problem.code,
    retryable: isRetryable,
    ...(status === 503 && { retryAfterSeconds }),
    ...(problem.violations && { violations: problem.violations }),
    correlationId: randomUUID(),
  };
  // As bytes, because a string would get a charset, which this media type does not have.
  return reply
    .code(status)
    .type('application/problem+json')
    .send(Buffer.from(JSON.stringify(body)));
}
