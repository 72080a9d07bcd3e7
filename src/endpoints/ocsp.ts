import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OcspAnswer } from '../crypto-engine/index.js';
import type { Clock } from '../runtime/clock.js';

export interface OcspDeps {
  readonly engine: { ocsp(request: Buffer): Promise<OcspAnswer> };
  readonly clock: Clock;
}

const mediaType = 'application/ocsp-request';
const maxBytes = 16 * 1024;
/** A cache may give an answer again for so long, though it is good for longer: a revocation must not wait for it. */
const maxAgeSeconds = 300;

/** OCSP over HTTP (RFC 6960 appendix A): `POST /ocsp`, and `GET /ocsp/<base64 of the request>` with the caching of RFC 5019 section 6. */
export function registerOcsp(app: FastifyInstance, deps: OcspDeps): void {
  app.register(async (scope) => {
    scope.addContentTypeParser(mediaType, { parseAs: 'buffer', bodyLimit: maxBytes }, (_request, body, done) => done(null, body));
    scope.post('/ocsp', async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) return reply.code(415).send();
      return send(reply, (await deps.engine.ocsp(request.body)).der);
    });
    scope.get<{ Params: { '*': string } }>('/ocsp/*', async (request, reply) => answerGet(request, reply, deps));
  });
}

async function answerGet(request: FastifyRequest<{ Params: { '*': string } }>, reply: FastifyReply, { engine, clock }: OcspDeps): Promise<FastifyReply> {
  // Some clients do not escape what base64 and URLs share, and a space was once a plus.
  const text = request.params['*'].replaceAll(' ', '+');
  if (text.length > (maxBytes * 4) / 3) return reply.code(414).send();
  const { der, validity } = await engine.ocsp(Buffer.from(text, 'base64'));
  if (validity === undefined) return send(reply.header('cache-control', 'no-store'), der);
  const secondsLeft = Math.floor((validity.nextUpdate.getTime() - clock.now().getTime()) / 1000);
  const tag = `"${createHash('sha256').update(der).digest('base64url').slice(0, 27)}"`;
  reply
    .header('cache-control', `max-age=${Math.max(0, Math.min(maxAgeSeconds, secondsLeft))}, public, no-transform, must-revalidate`)
    .header('last-modified', validity.thisUpdate.toUTCString())
    .header('expires', validity.nextUpdate.toUTCString())
    .header('etag', tag);
  return request.headers['if-none-match'] === tag ? reply.code(304).send() : send(reply, der);
}

function send(reply: FastifyReply, der: Buffer): FastifyReply {
  return reply.type('application/ocsp-response').send(der);
}
