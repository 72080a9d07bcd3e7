import { z } from 'zod';
import type { Clock } from '../../runtime/clock.js';
import type { WebhookCheck } from '../../tenancy/challenge-check.js';
import type { ChallengeQuestion, Verdict } from '../../tenancy/challenge-judge.js';
import type { ScepProfile } from '../../tenancy/profile.js';
import { signatureOf } from '../webhook-signature.js';
import { type CallOutcome, foreignText, type HttpCaller, jsonOf } from './http.js';

const answerSchema = z.union([z.object({ allow: z.literal(true) }), z.object({ allow: z.literal(false), reason: z.string().optional() })]);

/**
 * Puts a request before the profile's webhook: JSON, signed with HMAC-SHA-256 over the time and the body. Only `{"allow": true}` with
 * status 200 lets it in and only `{"allow": false}` is a no; everything else is no verdict.
 */
export async function askWebhook(
  profile: ScepProfile,
  { settings, secret }: WebhookCheck,
  question: ChallengeQuestion,
  call: HttpCaller,
  clock: Clock,
  deadline: AbortSignal,
): Promise<Verdict> {
  const body = JSON.stringify(bodyOf(profile, question));
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Gatehouse',
    'gatehouse-request-id': question.requestId,
    'gatehouse-signature': signatureOf(body, secret, clock.now()),
  };
  return verdictOf(await call({ method: 'POST', url: settings.url, headers, body }, deadline), question.challenge);
}

function bodyOf({ id, name, endpointPath, tenantId }: ScepProfile, question: ChallengeQuestion): Readonly<Record<string, unknown>> {
  const { requestId, transactionId, operation, challenge, subject, sans, pkcs10, clientIp, clientFamily } = question;
  return {
    version: 1,
    requestId,
    transactionId,
    operation,
    tenantId,
    profile: { id, name, endpointPath },
    challenge,
    subject,
    sans,
    csr: pkcs10.toString('base64'),
    client: { address: clientIp, family: clientFamily },
  };
}

function verdictOf(outcome: CallOutcome, challenge: string): Verdict {
  if (outcome.kind === 'unanswered') return { kind: 'unavailable', reason: outcome.reason };
  if (outcome.status !== 200) return { kind: 'unavailable', reason: `the webhook answered with status ${outcome.status}` };
  const answer = answerSchema.safeParse(jsonOf(outcome.body));
  if (!answer.success) return { kind: 'unavailable', reason: 'the webhook answered neither {"allow": true} nor {"allow": false}' };
  if (answer.data.allow) return { kind: 'allowed' };
  return { kind: 'denied', reason: `the webhook said no: ${foreignText(answer.data.reason ?? '', challenge) || 'no reason given'}` };
}
