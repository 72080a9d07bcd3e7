import type { FastifyRequest } from 'fastify';
import { Problem } from '../problem.js';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A browser adds the session's cookie to what other sites make it send; beside SameSite=Lax, the second wall against that: a request that
 * changes something must say that it comes from our own page. Every browser of today sends Origin with such requests (Fetch section 3.2).
 */
export function refuseForeignOrigin(request: FastifyRequest, adminUrl: string): void {
  if (safeMethods.has(request.method)) return;
  if (request.headers.origin === undefined || !isOwnOrigin(request, adminUrl)) throw foreign();
}

/** For requests that need no cookie, such as signing in: a page of another site must not sign its visitors in here either. */
export function refuseForeignPage(request: FastifyRequest, adminUrl: string): void {
  if (request.headers.origin !== undefined && !isOwnOrigin(request, adminUrl)) throw foreign();
  const site = request.headers['sec-fetch-site'];
  if (request.headers.origin === undefined && site !== undefined && site !== 'same-origin' && site !== 'none') throw foreign();
}

/** Where we are told to be reached, or the very host the request was sent to: a page elsewhere can choose neither. */
function isOwnOrigin(request: FastifyRequest, adminUrl: string): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const origin = request.headers.origin ?? '';
  if (!URL.canParse(origin)) return false;
  const given = new URL(origin);
  return given.origin === new URL(adminUrl).origin || (given.host === request.headers.host && given.protocol === `${request.protocol}:`);
}

function foreign(): Problem {
  return new Problem('foreign-origin', { detail: 'Requests with a session must come from the console itself; programs use an API token.' });
}
