import type { Fault } from './fault.js';

/** Every problem the API answers with (RFC 9457), one row each; docs/errors.md explains them. */
export const problems = {
  'invalid-request': { status: 400, title: 'The request is not valid' },
  'malformed-body': { status: 400, title: 'The body could not be read' },
  unauthenticated: { status: 401, title: 'Authentication is required' },
  'code-required': { status: 401, title: 'The code of the second factor is required' },
  forbidden: { status: 403, title: 'The permission is missing' },
  'foreign-origin': { status: 403, title: 'The request comes from another site' },
  'needs-others': { status: 403, title: 'Somebody else has to do this' },
  'session-restricted': { status: 403, title: 'Something must be done first' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The value is already taken' },
  'in-use': { status: 409, title: 'The object is in use' },
  'last-administrator': { status: 409, title: 'Nobody would be left to administer' },
  'wrong-state': { status: 409, title: 'The object is not in a state for this' },
  'request-under-way': { status: 409, title: 'The same request is still under way' },
  stale: { status: 412, title: 'The object was changed by someone else' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used for another request' },
  'version-required': { status: 428, title: 'If-Match is required' },
  'too-many-attempts': { status: 429, title: 'Too many attempts' },
  internal: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const;

export type ProblemCode = keyof typeof problems;

export interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly Fault[];
  /** Further members of the problem object, such as `usedBy`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by handlers, caught once by the error handler, which writes it as application/problem+json. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? problems[code].title);
    this.code = code;
    this.details = details;
  }
}

/** The JSON object of RFC 9457 section 3. */
export function problemBody(code: ProblemCode, details: ProblemDetails, instance: string, requestId: string): Record<string, unknown> {
  return {
    type: `urn:gatehouse:problem:${code}`,
    title: problems[code].title,
    status: problems[code].status,
    ...(details.detail === undefined ? {} : { detail: details.detail }),
    instance,
    requestId,
    ...(details.errors === undefined ? {} : { errors: details.errors }),
    ...details.members,
  };
}

export function notFound(): Problem {
  return new Problem('not-found', { detail: 'There is no such object, or you may not see it.' });
}
