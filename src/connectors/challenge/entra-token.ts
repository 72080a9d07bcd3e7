import { z } from 'zod';
import { fail, ok, type Result } from '../../runtime/result.js';
import type { IntuneCheck } from '../../tenancy/challenge-check.js';
import { foreignText, type HttpCaller, jsonOf } from './http.js';

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive().optional() });
const faultSchema = z.object({ error: z.string(), error_description: z.string().optional() });

export interface EntraTokens {
  /** A bearer token for this scope, or in words why there is none. */
  get(scope: string, deadline: AbortSignal): Promise<Result<string, string>>;
  /** The service refused its token: the next `get` asks anew. */
  drop(scope: string): void;
}

interface Kept {
  readonly token: string;
  /** Monotonic, milliseconds. */
  readonly until: number;
}

/** OAuth 2.0 client credentials (RFC 6749 section 4.4) against Microsoft Entra: one token for each scope, in memory, renewed five minutes before its end. */
export function createEntraTokens({ settings, secret }: IntuneCheck, call: HttpCaller): EntraTokens {
  const url = `${settings.loginUrl.replace(/\/+$/, '')}/${encodeURIComponent(settings.tenant)}/oauth2/v2.0/token`;
  const kept = new Map<string, Kept>();

  async function ask(scope: string, deadline: AbortSignal): Promise<Result<string, string>> {
    const form = { grant_type: 'client_credentials', client_id: settings.clientId, client_secret: secret.reveal(), scope };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await call({ method: 'POST', url, headers, body: new URLSearchParams(form).toString() }, deadline);
    if (answer.kind === 'unanswered') return fail(`no access token: ${answer.reason}`);
    const json = jsonOf(answer.body);
    const token = tokenSchema.safeParse(json);
    if (answer.status !== 200 || !token.success) return fail(`no access token: ${faultOf(json, answer.status)}`);
    const life = token.data.expires_in ?? 600;
    kept.set(scope, { token: token.data.access_token, until: performance.now() + Math.max(life / 2, life - 300) * 1000 });
    return ok(token.data.access_token);
  }

  /** However many wait for it, one asks. */
  const underWay = new Map<string, Promise<Result<string, string>>>();

  return {
    async get(scope, deadline) {
      const known = kept.get(scope);
      if (known !== undefined && performance.now() < known.until) return ok(known.token);
      const asked = underWay.get(scope) ?? ask(scope, deadline).finally(() => underWay.delete(scope));
      underWay.set(scope, asked);
      return asked;
    },
    drop(scope) {
      kept.delete(scope);
    },
  };
}

function faultOf(json: unknown, status: number): string {
  const fault = faultSchema.safeParse(json);
  if (!fault.success) return `status ${status}`;
  return foreignText([fault.data.error, fault.data.error_description].filter(Boolean).join(': '));
}
