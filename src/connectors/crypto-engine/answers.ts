import { caRefusalOf, type IssuerAnswer, type LookupAnswer } from '../../enrolment/ports.js';
import { fromPem } from '../../pkix/index.js';
import type { HttpAnswer } from './http.js';
import { certificateAnswer, type EngineOperation, operation, type Problem, problem, readJson } from './wire.js';

/** What a code of Crypto Engine API v1 says about the request: refused for good, not begun, or nothing for sure. */
const meanings: Readonly<Record<string, 'refused' | 'notSent' | 'uncertain'>> = {
  'invalid-request': 'refused',
  unauthorized: 'notSent',
  'insufficient-scope': 'notSent',
  'ca-not-found': 'notSent',
  'profile-not-found': 'notSent',
  'csr-invalid': 'refused',
  'pop-failed': 'refused',
  'key-not-allowed': 'refused',
  'policy-violation': 'refused',
  'validity-not-allowed': 'refused',
  'duplicate-key': 'refused',
  'duplicate-subject': 'refused',
  'idempotency-key-reused': 'uncertain',
  'idempotency-in-progress': 'uncertain',
  'rate-limited': 'notSent',
  'ca-unavailable': 'notSent',
  'upstream-timeout': 'uncertain',
  internal: 'uncertain',
};

const defaultRetrySeconds = 5;
const maxRetrySeconds = 3600;

/** The answer to an issue call. */
export function issueAnswer(answer: HttpAnswer): IssuerAnswer {
  if (answer.status === 200 || answer.status === 201) {
    const certificate = certificateIn(answer.body);
    return certificate === undefined ? { kind: 'uncertain', reason: 'The Crypto Engine sent no readable certificate.' } : { kind: 'issued', certificate };
  }
  if (answer.status === 202) return acceptedAnswer(answer);
  const fault = problemOf(answer);
  const reason = faultText(answer.status, fault);
  const kind = meaningOf(answer.status, fault);
  return kind === 'refused' ? { kind, reason, ...caRefusalOf(fault?.code) } : { kind, reason };
}

function acceptedAnswer(answer: HttpAnswer): IssuerAnswer {
  const body = readJson(operation, answer.body);
  const outcome = body === undefined ? undefined : outcomeOf(body, answer);
  if (outcome?.kind === 'found') return { kind: 'issued', certificate: outcome.certificate };
  if (outcome?.kind === 'refused') return outcome;
  const reference = operationIn(answer);
  if (reference === undefined) return { kind: 'uncertain', reason: 'The Crypto Engine accepted the request without naming the operation.' };
  return { kind: 'pending', reference, retryAfterSeconds: retryAfterOf(answer) ?? defaultRetrySeconds };
}

/** The id of the operation that a 202 tells of: in its body, or at the end of Location. */
export function operationIn(answer: HttpAnswer): string | undefined {
  return readJson(operation, answer.body)?.id ?? lastSegment(answer.header('location'));
}

/** The answer to a question after an operation. */
export function operationAnswer(answer: HttpAnswer): LookupAnswer {
  const body = answer.status === 200 ? readJson(operation, answer.body) : undefined;
  if (body !== undefined) return outcomeOf(body, answer);
  return { kind: 'unknown', reason: faultText(answer.status, problemOf(answer)) };
}

function outcomeOf(body: EngineOperation, answer: HttpAnswer): LookupAnswer {
  switch (body.state) {
    case 'PENDING':
      return { kind: 'pending', reference: body.id, retryAfterSeconds: retryAfterOf(answer) ?? defaultRetrySeconds };
    case 'SUCCEEDED': {
      const certificate = certificateIn(Buffer.from(JSON.stringify(body.result ?? null)));
      return certificate === undefined
        ? { kind: 'unknown', reason: 'The operation succeeded without a readable certificate.' }
        : { kind: 'found', certificate };
    }
    case 'FAILED':
      return { kind: 'refused', reason: faultText(0, body.error), ...caRefusalOf(body.error?.code) };
    case 'CANCELLED':
      return { kind: 'refused', reason: 'The operation was cancelled at the Crypto Engine.' };
  }
}

function certificateIn(body: Buffer): Buffer | undefined {
  const read = readJson(certificateAnswer, body);
  return read === undefined ? undefined : fromPem('CERTIFICATE', read.certificate)[0];
}

export function problemOf(answer: HttpAnswer): Problem | undefined {
  return readJson(problem, answer.body);
}

/** Without a known code only what HTTP itself promises counts: redirects and most 4xx were not carried out (reliability rule R4). */
function meaningOf(status: number, fault: Problem | undefined): 'refused' | 'notSent' | 'uncertain' {
  const known = fault?.code === undefined ? undefined : meanings[fault.code];
  if (known !== undefined) return known;
  if (status === 422 || status === 400) return fault?.detail === undefined && fault?.title === undefined ? 'notSent' : 'refused';
  if (status === 408 || status === 409) return 'uncertain';
  return status >= 300 && status < 500 ? 'notSent' : 'uncertain';
}

/** For the operator: code, detail and violated rules, at most 500 characters. */
export function faultText(status: number, fault: Problem | undefined): string {
  const violations = (fault?.violations ?? []).map((item) => item.detail ?? item.rule).filter((text) => text !== undefined);
  const parts = [fault?.code, fault?.detail ?? fault?.title, ...violations].filter((text) => text !== undefined && text !== '');
  const text = parts.length === 0 ? `HTTP ${status}` : parts.join('; ');
  return `The Crypto Engine said: ${text}`.slice(0, 500);
}

/** Retry-After in seconds or as a date (RFC 9110 section 10.2.3), 1 to 3600. */
export function retryAfterOf(answer: HttpAnswer): number | undefined {
  const text = answer.header('retry-after');
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), maxRetrySeconds);
}

function lastSegment(location: string | undefined): string | undefined {
  const segment = location?.replace(/\/+$/, '').split('/').at(-1);
  return segment === undefined || segment === '' ? undefined : segment;
}
