import { z } from 'zod';
import { fail, ok, type Result } from '../../runtime/result.js';
import { type IntuneCheck, isServiceUrl } from '../../tenancy/challenge-check.js';
import type { ChallengeQuestion, NoticeAnswer, OrderNotice, Verdict } from '../../tenancy/challenge-judge.js';
import { createEntraTokens } from './entra-token.js';
import { type CallOutcome, foreignText, type HttpCaller, jsonOf } from './http.js';
import { notificationOf } from './intune-notice.js';

/** Intune's own application; its endpoints are listed under it. */
const intuneAppId = '0000000a-0000-0000-c000-000000000000';
const serviceName = 'ScepRequestValidationFEService'.toLowerCase();
const apiVersion = '2018-02-20';
const callerInfo = 'Gatehouse';
const dayMs = 86_400_000;

/** What the service says of a request that is to be refused; every other code but Success is no verdict. */
export const intuneRefusals = [
  'CertificateRequestDecodingFailed',
  'ChallengePasswordMissing',
  'ChallengeDeserializationError',
  'ChallengeDecryptionError',
  'ChallengeDecodingError',
  'ChallengeInvalidTimestamp',
  'ChallengeExpired',
  'SubjectNameMissing',
  'SubjectNameMismatch',
  'SubjectAltNameMissing',
  'SubjectAltNameMismatch',
  'KeyUsageMismatch',
  'KeyLengthMismatch',
  'EnhancedKeyUsageMissing',
  'EnhancedKeyUsageMismatch',
  'AadKeyIdentifierListMissing',
  'RegisteredKeyMismatch',
  'SigningCertThumbprintMismatch',
  'ScepProfileNoLongerTargetedToTheClient',
  'SignatureValidationFailed',
  'BadCertificateRequestIdInChallenge',
  'BadDeviceIdInChallenge',
  'BadUserIdInChallenge',
] as const;

const refusalCodes: ReadonlySet<string> = new Set(intuneRefusals.map((code) => code.toLowerCase()));
const endpointsSchema = z.object({ value: z.array(z.object({ providerName: z.string().nullish(), serviceName: z.string().nullish(), uri: z.string() })) });
const answerSchema = z.object({ code: z.string(), errorDescription: z.string().nullish() });

type Action = 'validateRequest' | 'successNotification' | 'failureNotification';
type Said = { readonly kind: 'yes' } | { readonly kind: 'no' | 'nothing'; readonly reason: string };

export interface Intune {
  validate(question: ChallengeQuestion, deadline: AbortSignal): Promise<Verdict>;
  notify(notice: OrderNotice, deadline: AbortSignal): Promise<NoticeAnswer>;
}

/** Microsoft Intune's ScepActions: a request is validated before it is recorded, and Intune hears how its order ended. */
export function createIntune(check: IntuneCheck, call: HttpCaller): Intune {
  const { settings } = check;
  const tokens = createEntraTokens(check, call);
  const graphUrl = settings.graphUrl.replace(/\/+$/, '');
  /** The resource keeps its slash, as it stands in the tokens for it. */
  const scope = `${settings.resource}/.default`;
  let service: { readonly url: string; readonly until: number } | undefined;

  async function serviceUrl(deadline: AbortSignal): Promise<Result<string, string>> {
    if (settings.serviceUrl !== undefined) return ok(settings.serviceUrl.replace(/\/+$/, ''));
    if (service !== undefined && performance.now() < service.until) return ok(service.url);
    const token = await tokens.get(`${graphUrl}/.default`, deadline);
    if (!token.ok) return token;
    const url = `${graphUrl}/v1.0/servicePrincipals/appId=${intuneAppId}/endpoints`;
    const found = serviceIn(await call({ method: 'GET', url, headers: { authorization: `Bearer ${token.value}` } }, deadline));
    if (found.ok) service = { url: found.value, until: performance.now() + dayMs };
    else tokens.drop(`${graphUrl}/.default`);
    return found;
  }

  async function post(action: Action, activityId: string, body: object, deadline: AbortSignal): Promise<CallOutcome> {
    const url = await serviceUrl(deadline);
    if (!url.ok) return { kind: 'unanswered', reason: url.error };
    const token = await tokens.get(scope, deadline);
    if (!token.ok) return { kind: 'unanswered', reason: token.error };
    const headers = {
      authorization: `Bearer ${token.value}`,
      'content-type': 'application/json',
      'api-version': apiVersion,
      'client-request-id': activityId,
      'user-agent': callerInfo,
    };
    const answer = await call({ method: 'POST', url: `${url.value}/ScepActions/${action}`, headers, body: JSON.stringify(body) }, deadline);
    // The address may have moved; it is looked up again before the next call.
    if (answer.kind === 'unanswered' || answer.status === 404) service = undefined;
    if (answer.kind === 'answered' && answer.status === 401) tokens.drop(scope);
    return answer;
  }

  async function ask(action: Action, activityId: string, body: object, deadline: AbortSignal, challenge?: string): Promise<Said> {
    const answer = await post(action, activityId, body, deadline);
    const isStale = answer.kind === 'answered' && answer.status === 401;
    return saidBy(isStale ? await post(action, activityId, body, deadline) : answer, challenge);
  }

  return {
    async validate({ requestId, transactionId, challenge, pkcs10 }, deadline) {
      const request = { transactionId, certificateRequest: pkcs10.toString('base64'), callerInfo };
      const said = await ask('validateRequest', uuidOf(requestId), { request }, deadline, challenge);
      if (said.kind === 'yes') return { kind: 'allowed' };
      return { kind: said.kind === 'no' ? 'denied' : 'unavailable', reason: said.reason };
    },
    async notify(notice, deadline) {
      const action = notice.kind === 'issued' ? 'successNotification' : 'failureNotification';
      const said = await ask(action, notice.noticeId, { notification: { ...notificationOf(notice), callerInfo } }, deadline);
      if (said.kind === 'yes') return { kind: 'taken' };
      return { kind: said.kind === 'no' ? 'refused' : 'unavailable', reason: said.reason };
    },
  };
}

function serviceIn(outcome: CallOutcome): Result<string, string> {
  if (outcome.kind === 'unanswered') return fail(`the validation service cannot be looked up: ${outcome.reason}`);
  const list = endpointsSchema.safeParse(jsonOf(outcome.body));
  if (outcome.status !== 200 || !list.success) return fail(`the validation service cannot be looked up: status ${outcome.status}`);
  const names = (item: { providerName?: string | null | undefined; serviceName?: string | null | undefined }) => item.providerName ?? item.serviceName ?? '';
  const url = list.data.value.find((item) => names(item).toLowerCase() === serviceName)?.uri.replace(/\/+$/, '');
  if (url === undefined) return fail('the tenant lists no ScepRequestValidationFEService; has the app the permission scep_challenge_provider?');
  return isServiceUrl(url) ? ok(url) : fail('the address of the validation service is no https URL');
}

/** Success alone is a yes, and only a code that says what is wrong with the request is a no: an error is never permission, nor the device's fault. */
function saidBy(outcome: CallOutcome, challenge?: string): Said {
  if (outcome.kind === 'unanswered') return { kind: 'nothing', reason: outcome.reason };
  const answer = answerSchema.safeParse(jsonOf(outcome.body));
  if (!answer.success) return { kind: 'nothing', reason: `Intune answered with status ${outcome.status}` };
  const { code, errorDescription } = answer.data;
  const isGood = outcome.status >= 200 && outcome.status < 300;
  if (isGood && code.toLowerCase() === 'success') return { kind: 'yes' };
  const reason = foreignText(`Intune says ${code}${errorDescription ? `: ${errorDescription}` : ''}`, challenge);
  const isRefusal = (isGood || outcome.status === 400) && refusalCodes.has(code.toLowerCase());
  return { kind: isRefusal ? 'no' : 'nothing', reason };
}

/** Intune wants a UUID (client-request-id). */
function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5');
}
