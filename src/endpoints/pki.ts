import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** The engine as this endpoint sees it: CA certificates and revocation lists by the CA's name. */
export interface PkiPublisher {
  crl(caId: string): Promise<{ readonly der: Buffer; readonly thisUpdate: Date; readonly nextUpdate: Date } | undefined>;
  certificateOf(caId: string): Buffer | undefined;
}

export interface PkiDeps {
  readonly engine: PkiPublisher;
}

const filePattern = /^([A-Za-z0-9._-]{1,64})\.(crl|cer)$/;
/** A list may be asked for again after an hour, though it is valid for longer: a revocation must not wait for a cache. */
const crlMaxAgeSeconds = 3600;
const certificateMaxAgeSeconds = 86_400;

/** `GET /pki/<ca>.crl` (RFC 2585 section 4.2) and `GET /pki/<ca>.cer` (section 4.1), where the embedded engine's certificates point to. */
export function registerPki(app: FastifyInstance, deps: PkiDeps): void {
  app.route<{ Params: { file: string } }>({
    method: ['GET', 'HEAD'],
    url: '/pki/:file',
    handler: async (request, reply) => {
      const [, caId, kind] = filePattern.exec(request.params.file) ?? [];
      if (caId === undefined) return notFound(reply);
      return kind === 'crl' ? sendCrl(deps.engine, caId, request, reply) : sendCertificate(deps.engine, caId, request, reply);
    },
  });
}

async function sendCrl(engine: PkiPublisher, caId: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const crl = await engine.crl(caId);
  if (crl === undefined) return notFound(reply);
  reply.header('last-modified', crl.thisUpdate.toUTCString()).header('expires', crl.nextUpdate.toUTCString());
  return send(request, reply.type('application/pkix-crl'), crl.der, crlMaxAgeSeconds);
}

function sendCertificate(engine: PkiPublisher, caId: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const certificate = engine.certificateOf(caId);
  return certificate === undefined ? notFound(reply) : send(request, reply.type('application/pkix-cert'), certificate, certificateMaxAgeSeconds);
}

function send(request: FastifyRequest, reply: FastifyReply, body: Buffer, maxAgeSeconds: number): FastifyReply {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  reply.header('etag', tag).header('cache-control', `public, max-age=${maxAgeSeconds}`);
  return isCurrent(request.headers['if-none-match'], tag) ? reply.code(304).send() : reply.send(body);
}

function isCurrent(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const candidates = ifNoneMatch.split(',').map((item) => item.trim().replace(/^W\//, ''));
  return candidates.includes(tag) || candidates.includes('*');
}

/** Quiet: no body that tells what runs here. */
function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).send();
}
