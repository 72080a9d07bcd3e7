import type { FastifyReply, FastifyRequest } from 'fastify';
import { hashSessionToken, isSessionToken } from '../../tenancy/session.js';
import type { SignedIn } from '../caller.js';
import type { AdminParts } from '../ports.js';

/** `__Host-` makes browsers insist on Secure, on Path=/ and on no Domain (RFC 6265bis section 4.1.3.2); it needs https. */
export function cookieName(adminUrl: string): string {
  return isHttps(adminUrl) ? '__Host-gatehouse' : 'gatehouse';
}

function isHttps(adminUrl: string): boolean {
  return adminUrl.startsWith('https:');
}

/** One cookie of a request; undefined when it is not there, or there twice. */
export function cookieOf(request: FastifyRequest, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

/** No Max-Age: it goes with the browser, and on the server it ends by itself. Script never sees it. */
export function setSessionCookie(reply: FastifyReply, adminUrl: string, token: string): void {
  reply.header('set-cookie', `${cookieName(adminUrl)}=${token}; Path=/; HttpOnly; SameSite=Lax${isHttps(adminUrl) ? '; Secure' : ''}`);
}

export function clearSessionCookie(reply: FastifyReply, adminUrl: string): void {
  reply.header('set-cookie', `${cookieName(adminUrl)}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0${isHttps(adminUrl) ? '; Secure' : ''}`);
}

/** The session the request's cookie stands for, while it is alive. */
export async function findSession(request: FastifyRequest, deps: AdminParts): Promise<SignedIn | undefined> {
  if (deps.identity === undefined || request.headers.cookie === undefined) return undefined;
  const token = cookieOf(request, cookieName(deps.adminUrl));
  if (token === undefined || !isSessionToken(token)) return undefined;
  return deps.identity.sessions.find(hashSessionToken(token), deps.clock.now(), deps.identity.times.idleMs);
}
