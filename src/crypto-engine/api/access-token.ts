import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../runtime/clock.js';
import { type EngineScope, engineScopes } from '../ports.js';

/** Who calls, once known. */
export interface EngineCaller {
  readonly clientId: string;
  readonly scopes: readonly EngineScope[];
}

export const tokenLifeSeconds = 600;

const claims = z.object({ c: z.string(), s: z.array(z.enum(engineScopes)), e: z.number() });

export interface AccessTokens {
  issue(caller: EngineCaller): string;
  /** Undefined for tokens that are forged, malformed or over. */
  read(token: string): EngineCaller | undefined;
}

/** Tokens that carry their claims under an HMAC, so that every process that knows the key can read them and none stores them. */
export function createAccessTokens(key: Buffer, clock: Clock): AccessTokens {
  const mac = (text: string): Buffer => createHmac('sha256', key).update('engine-api-token\u0000').update(text).digest();
  return {
    issue({ clientId, scopes }) {
      const text = JSON.stringify({ c: clientId, s: scopes, e: Math.floor(clock.now().getTime() / 1000) + tokenLifeSeconds });
      const body = Buffer.from(text).toString('base64url');
      return `${body}.${mac(body).toString('base64url')}`;
    },
    read(token) {
      const [body = '', seal = ''] = token.split('.');
      const given = Buffer.from(seal, 'base64url');
      const wanted = mac(body);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
      const read = claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
      return clock.now().getTime() < read.e * 1000 ? { clientId: read.c, scopes: read.s } : undefined;
    },
  };
}
