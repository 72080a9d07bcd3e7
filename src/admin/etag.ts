import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

export function setEtag(reply: FastifyReply, version: number): void {
  reply.header('etag', `"${version}"`);
}

/**
 * The version a change is based on, from If-Match (RFC 9110 section 13.1.1). `*` stands for the current one. A weak tag is taken for
 * its value: compressing proxies weaken tags, and ours names a version, not bytes. Throws 428 without the header, 412 when stale.
 */
export function requireVersion(request: FastifyRequest, current: number): number {
  const header = request.headers['if-match'];
  if (header === undefined) throw new Problem('version-required', { detail: 'Send the ETag of the object you read as If-Match.' });
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes('*') && !tags.includes(`"${current}"`)) throw stale(current);
  return current;
}

export function stale(version: number): Problem {
  return new Problem('stale', { detail: 'Read the object again and repeat the change.', headers: { etag: `"${version}"` } });
}
