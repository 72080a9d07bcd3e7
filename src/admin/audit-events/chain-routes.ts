import { Readable } from 'node:stream';
import { z } from 'zod';
import { type AuditChain, sealedAtOnce } from '../../audit/chain.js';
import { keyText } from '../../audit/checkpoint.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { noteReading } from './note-reading.js';
import { checkpointListQuery, checkpointListSchema } from './schema.js';

const tags = ['audit'];
const exportedTrail = z.string().describe('One JSON object per line: events in order, then checkpoints');

export function auditChainRoutes(app: AdminApp, deps: AdminParts, chain: AuditChain): void {
  app.get(
    '/audit-checkpoints',
    {
      config: { access: 'audit:read' },
      schema: {
        tags,
        operationId: 'listAuditCheckpoints',
        summary: 'The signed checkpoints of the audit trail, and the key they are verified with',
        querystring: checkpointListQuery,
        response: answers({ 200: checkpointListSchema }),
      },
    },
    async ({ query: { after, limit } }) => {
      const [key, found, state] = await Promise.all([chain.key(), chain.checkpoints(after, limit), chain.state()]);
      const items = found.map(({ size, note, signedAt }) => ({ size, note, signedAt: signedAt.toISOString() }));
      return { key: keyText(key), items, state: { ...state } };
    },
  );

  app.get(
    '/audit-export',
    {
      config: { access: 'audit:export' },
      schema: {
        tags,
        operationId: 'exportAuditTrail',
        summary: 'The whole audit trail with its checkpoints, one JSON object per line',
        response: answers({ 200: { description: 'Done', content: { 'application/x-ndjson': { schema: exportedTrail } } } }),
      },
    },
    async (request, reply) => {
      await noteReading(deps, callerOf(request), 'audit.exported', 'installation', null);
      while ((await chain.seal()) >= sealedAtOnce);
      await chain.sign('now');
      reply.type('application/x-ndjson').header('content-disposition', 'attachment; filename="audit.jsonl"');
      return reply.serializer((body: unknown) => body as string).send(Readable.from(linesOf(chain)) as never);
    },
  );
}

async function* linesOf(chain: AuditChain): AsyncGenerator<string> {
  for await (const line of chain.export()) yield `${line}\n`;
}
