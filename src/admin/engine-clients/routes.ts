import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers } from '../openapi.js';
import type { AdminParts, EngineClientDesk } from '../ports.js';
import { notFound, Problem } from '../problem.js';
import { removePartRoute } from '../resource.js';
import { engineClientListSchema, engineClientSecretSchema, engineClientView, newEngineClientSchema } from './schema.js';

const tags = ['engine-clients'];

/** Who may use the embedded engine over its HTTP API under /engine: one Gatehouse can be the engine of another. */
export function engineClientRoutes(app: AdminApp, deps: AdminParts, clients: EngineClientDesk): void {
  app.get(
    '/engine-clients',
    {
      config: { access: 'engine:read' },
      schema: { tags, operationId: 'listEngineClients', summary: "List the clients of the engine's API", response: answers({ 200: engineClientListSchema }) },
    },
    async () => ({ items: (await clients.list()).map(engineClientView) }),
  );

  app.post(
    '/engine-clients',
    {
      config: { access: 'engine:write' },
      schema: {
        tags,
        operationId: 'createEngineClient',
        summary: 'Let a registration authority elsewhere use the engine; the secret is shown this once',
        body: newEngineClientSchema,
        response: answers({ 201: engineClientSecretSchema }),
      },
    },
    async (request, reply) => {
      const made = await clients.create(request.body, callerOf(request).actor);
      if (made === undefined)
        throw new Problem('conflict', { detail: 'Another client has this id.', errors: [{ path: 'clientId', message: 'Already taken' }] });
      deps.notifyConfigChanged();
      return reply.code(201).send({ ...engineClientView(made.client), clientSecret: made.clientSecret });
    },
  );

  app.post(
    '/engine-clients/:id/rotate-secret',
    {
      config: { access: 'engine:write' },
      schema: {
        tags,
        operationId: 'rotateEngineClientSecret',
        summary: 'A new secret, shown this once; the old one ends at once',
        params: idParams,
        response: answers({ 200: engineClientSecretSchema }),
      },
    },
    async (request) => {
      const made = await clients.rotateSecret(request.params.id, callerOf(request).actor);
      if (made === undefined) throw notFound();
      deps.notifyConfigChanged();
      return { ...engineClientView(made.client), clientSecret: made.clientSecret };
    },
  );

  removePartRoute(app, {
    path: '/engine-clients/:id',
    tags,
    operationId: 'removeEngineClient',
    summary: 'Take a client its access; what it was given stays valid',
    access: 'engine:write',
    params: idParams,
    async remove({ actor }, { id }) {
      if (!(await clients.remove(id, actor))) throw notFound();
      deps.notifyConfigChanged();
    },
  });
}
