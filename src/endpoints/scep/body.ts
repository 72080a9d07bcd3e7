import type { FastifyRequest } from 'fastify';

/** Thrown for bodies over the limit; carries the HTTP status as Fastify's own errors do. */
class BodyTooLarge extends Error {
  readonly statusCode = 413;
}

/** The body as bytes: what a content type parser left, or the stream itself where none ran (legacy paths). */
export async function readRawBody(request: FastifyRequest, limit: number): Promise<Buffer> {
  if (Buffer.isBuffer(request.body)) return request.body;
  const parts: Buffer[] = [];
  let length = 0;
  if (request.raw.readableEnded) return Buffer.alloc(0);
  for await (const part of request.raw) {
    length += (part as Buffer).length;
    if (length > limit) throw new BodyTooLarge('The body is over the limit.');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}
