import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import type { ChallengeCheck, IntuneCheck, WebhookCheck } from '../../tenancy/challenge-check.js';
import type { ChallengeJudge, ChallengeQuestion, NoticeAnswer, OrderNotice, Verdict } from '../../tenancy/challenge-judge.js';
import type { ScepProfile } from '../../tenancy/profile.js';
import type { AddressGuard } from '../address-guard.js';
import { type CallGate, createCallGate } from './call-gate.js';
import { createHttpCaller } from './http.js';
import { createIntune } from './intune.js';
import { askWebhook } from './webhook.js';

export interface JudgeDeps {
  readonly guard: AddressGuard;
  readonly clock: Clock;
  readonly log: Log;
}

/** What stands for one profile: its connections, its places among the calls under way. */
interface Post {
  readonly mark: string;
  readonly gate: CallGate;
  judge(profile: ScepProfile, question: ChallengeQuestion, deadline: AbortSignal): Promise<Verdict>;
  notify(notice: OrderNotice, deadline: AbortSignal): Promise<NoticeAnswer>;
  close(): void;
}

type OutsideCheck = WebhookCheck | IntuneCheck;

/**
 * Judges challenges by webhook or by Intune, as the profile says. Each profile has its own connections and its own limit of calls, so that
 * a service that hangs is in nobody else's way; one call has one deadline, waiting for its turn included.
 */
export function createChallengeJudge(deps: JudgeDeps): ChallengeJudge {
  const posts = new Map<string, Post>();

  function postOf(profile: ScepProfile, check: OutsideCheck): Post {
    const known = posts.get(profile.id);
    const mark = markOf(check);
    if (known?.mark === mark) return known;
    known?.close();
    const made = openPost(check, mark, deps);
    posts.set(profile.id, made);
    return made;
  }

  return {
    async judge(profile, question) {
      const check = outsideCheckOf(profile.challengeCheck);
      if (check === undefined) return { kind: 'unavailable', reason: 'the profile names nobody who judges its challenges' };
      const verdict = await guarded(postOf(profile, check), check.settings.timeoutMs, question.isSuspect, (post, deadline) =>
        post.judge(profile, question, deadline),
      );
      if (verdict === 'busy') return { kind: 'busy' };
      if (verdict.kind === 'unavailable') deps.log.warn({ profileId: profile.id, reason: verdict.reason }, 'a challenge could not be judged');
      return verdict;
    },
    async notify(profile, notice) {
      const check = outsideCheckOf(profile.challengeCheck);
      if (check?.kind !== 'intune') return { kind: 'refused', reason: 'the profile is no longer one of Intune' };
      const answer = await guarded(postOf(profile, check), check.settings.timeoutMs, false, (post, deadline) => post.notify(notice, deadline));
      return answer === 'busy' ? { kind: 'unavailable', reason: 'too many calls are under way' } : answer;
    },
  };
}

function outsideCheckOf(check: ChallengeCheck | null | undefined): OutsideCheck | undefined {
  return check === null || check === undefined || check.kind === 'hmac' ? undefined : check;
}

/** Whatever breaks in between is no verdict. */
async function guarded<T extends { readonly kind: string }>(
  post: Post,
  timeoutMs: number,
  isSuspect: boolean,
  call: (post: Post, deadline: AbortSignal) => Promise<T>,
): Promise<T | 'busy' | { readonly kind: 'unavailable'; readonly reason: string }> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const leave = await post.gate(deadline, isSuspect);
  if (leave === undefined) return 'busy';
  try {
    return deadline.aborted ? 'busy' : await call(post, deadline);
  } catch (error) {
    return { kind: 'unavailable', reason: error instanceof Error ? error.message : String(error) };
  } finally {
    leave();
  }
}

function openPost(check: OutsideCheck, mark: string, { guard, clock }: JudgeDeps): Post {
  const { trustedCa, concurrency } = check.settings;
  const { call, close } = createHttpCaller({ trustedCa, concurrency, guard });
  const base = { mark, gate: createCallGate(concurrency), close };
  if (check.kind === 'webhook') {
    return {
      ...base,
      judge: (profile, question, deadline) => askWebhook(profile, check, question, call, clock, deadline),
      notify: async () => ({ kind: 'refused', reason: 'a webhook is told nothing' }),
    };
  }
  const intune = createIntune(check, call);
  return { ...base, judge: (_profile, question, deadline) => intune.validate(question, deadline), notify: intune.notify };
}

/** Tells one configuration from the next; the time of the secret stands for the secret. */
function markOf({ kind, settings, secretUpdatedAt }: OutsideCheck): string {
  return JSON.stringify([kind, settings, secretUpdatedAt]);
}
