import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ConsoleFile, type ConsoleFiles, openConsole } from './files.js';
import { fileHeaders, renderPage } from './page.js';

/** The first segments of the console's own addresses. Only below them a reload is answered with the page; all else stays unknown. */
export const consolePlaces = [
  'login',
  'dashboard',
  'cmp-server',
  'scep-server',
  'connectors',
  'orders',
  'refusals',
  'certificates',
  'unknown-certificates',
  'accounts',
  'approvals',
  'audit',
  'tenants',
  'users',
  'profile',
  'notifications',
  'settings',
  'setup',
  'decoder',
] as const;

const notBuilt = 'The web console is not built here: run `npm run build` with all packages installed. The API is described at /api/docs.\n';

/** Serves the built console on the admin listener: the page at `/` and below the console's places, its files under `/assets`. */
export function consoleRoutes(app: FastifyInstance, folder: string): void {
  const files = openConsole(folder);
  const answerPage = async (_request: FastifyRequest, reply: FastifyReply) => (files === undefined ? answerWithout(reply) : sendPage(reply, files));
  app.get('/', answerPage);
  for (const place of consolePlaces) {
    app.get(`/${place}`, answerPage);
    app.get(`/${place}/*`, answerPage);
  }
  app.get<{ Params: { name: string } }>('/assets/:name', async (request, reply) =>
    sendFile(request, reply, files?.find(`assets/${request.params.name}`), true),
  );
  app.get('/favicon.svg', async (request, reply) => sendFile(request, reply, files?.find('favicon.svg'), false));
}

function answerWithout(reply: FastifyReply): FastifyReply {
  return reply.code(404).headers(fileHeaders).type('text/plain; charset=utf-8').send(notBuilt);
}

function sendPage(reply: FastifyReply, files: ConsoleFiles): FastifyReply {
  const { html, headers } = renderPage(files.page);
  return reply.headers(headers).type('text/html; charset=utf-8').send(html);
}

/** Files with a hash in their name never change; the others are asked for again by their ETag (RFC 9110 section 13.1.2). */
function sendFile(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile | undefined, isHashed: boolean): FastifyReply {
  if (file === undefined) return reply.code(404).headers(fileHeaders).type('text/plain; charset=utf-8').send('Not found.\n');
  reply.headers(fileHeaders).headers({
    etag: file.etag,
    vary: 'accept-encoding',
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/i.test(request.headers['accept-encoding'] ?? '');
  reply.type(file.type);
  if (!takesGzip || file.gzip === undefined) return reply.send(file.bytes);
  return reply.header('content-encoding', 'gzip').send(file.gzip);
}
