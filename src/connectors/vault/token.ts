import { fail, ok, type Result } from '../../runtime/result.js';
import type { Secret } from '../../runtime/secret.js';
import type { OutboundOutcome } from '../outbound.js';
import { faultOf, type VaultFault } from './faults.js';
import { loginAnswer, readJson, renewalAnswer } from './wire.js';

export interface TokenSource {
  /** A client token, or why there is none. */
  get(deadline: AbortSignal): Promise<Result<string, VaultFault>>;
  /** Vault refused this token: the next `get` logs in. False when it is so new that another would be refused too. */
  drop(token: string): boolean;
}

export interface AppRole {
  readonly roleId: string;
  readonly secretId: Secret;
  /** Where the auth method is mounted: `approle`. */
  readonly mount: string;
}

/** Sends a call to Vault with a token, or without. */
export type Send = (path: string, body: object, token: string | undefined, deadline: AbortSignal) => Promise<OutboundOutcome>;

interface Kept {
  readonly token: string;
  readonly isRenewable: boolean;
  /** The life of the token when it was new, seconds. */
  readonly fullLife: number;
  /** Monotonic, milliseconds: when it was had, when it is to be renewed, when it ends. */
  readonly since: number;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** A refused login must not be repeated with every order. */
const failureMs = 2_000;
/** A token this new that is refused is refused for what its policy lacks. */
const freshMs = 5_000;

/**
 * AppRole login: one token for all callers, asked for once at a time, renewed at half its life so that a secret id of few uses lasts, and
 * replaced by a new login when it can be renewed no further. It lives in memory only.
 */
export function createTokenSource(send: Send, appRole: AppRole, monotonicMs: () => number): TokenSource {
  let kept: Kept | undefined;
  let failure: { readonly fault: VaultFault; readonly until: number } | undefined;
  let underWay: Promise<Result<string, VaultFault>> | undefined;

  async function logIn(deadline: AbortSignal): Promise<Result<string, VaultFault>> {
    const body = { role_id: appRole.roleId, secret_id: appRole.secretId.reveal() };
    const answer = await send(`auth/${appRole.mount}/login`, body, undefined, deadline);
    const read = answer.kind === 'answered' && answer.status === 200 ? readJson(loginAnswer, answer.body) : undefined;
    if (read === undefined) {
      const fault = notBegun(faultOf(answer));
      failure = { fault, until: monotonicMs() + failureMs };
      return fail(fault);
    }
    const { client_token: token, lease_duration: life, renewable } = read.auth;
    kept = lasting(token, life, life, renewable, monotonicMs());
    return ok(token);
  }

  async function renew(current: Kept, deadline: AbortSignal): Promise<Result<string, VaultFault>> {
    const answer = await send('auth/token/renew-self', {}, current.token, deadline);
    const read = answer.kind === 'answered' && answer.status === 200 ? readJson(renewalAnswer, answer.body) : undefined;
    // Near the end of what the role allows a renewal gives less and less.
    if (read === undefined || read.auth.lease_duration < current.fullLife / 2) return logIn(deadline);
    kept = lasting(current.token, read.auth.lease_duration, current.fullLife, read.auth.renewable, monotonicMs());
    return ok(current.token);
  }

  async function fresh(deadline: AbortSignal): Promise<Result<string, VaultFault>> {
    const current = kept;
    if (current === undefined || monotonicMs() >= current.endsAt || !current.isRenewable) return logIn(deadline);
    const renewed = await renew(current, deadline);
    // Vault is away for a moment, and the token is still good.
    return renewed.ok || monotonicMs() >= current.endsAt ? renewed : ok(current.token);
  }

  return {
    async get(deadline) {
      const now = monotonicMs();
      if (kept !== undefined && now < kept.renewAt) return ok(kept.token);
      if (failure !== undefined && now < failure.until) return kept !== undefined && now < kept.endsAt ? ok(kept.token) : fail(failure.fault);
      underWay ??= fresh(deadline).finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    drop(token) {
      if (kept?.token !== token) return true;
      const isFresh = monotonicMs() - kept.since < freshMs;
      if (!isFresh) kept = undefined;
      return !isFresh;
    },
  };
}

/** Of 0 seconds: a token that does not end. */
function lasting(token: string, life: number, fullLife: number, isRenewable: boolean, now: number): Kept {
  const lifeMs = life === 0 ? Number.POSITIVE_INFINITY : life * 1000;
  return { token, isRenewable, fullLife, since: now, renewAt: now + lifeMs / 2, endsAt: now + lifeMs * 0.95 };
}

/** Whatever became of the login, nothing was asked for yet. */
function notBegun(fault: VaultFault): VaultFault {
  return { ...fault, verdict: 'notSent' };
}
