import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { answers } from '../openapi.js';
import type { AdminParts, EngineCaDesk } from '../ports.js';
import { Problem } from '../problem.js';
import { engineCaListSchema, engineCaParams, engineCaSchema, engineCaView, newEngineCaSchema } from './schema.js';

const tags = ['engine-cas'];

/** The CAs of the embedded engine, which all tenants share, and the change from one issuing CA to the next (RFC 8894 section 4.7). */
export function engineCaRoutes(app: AdminApp, deps: AdminParts, engine: EngineCaDesk): void {
  const list = () => ({ items: engine.cas().map(engineCaView) });

  app.get(
    '/engine-cas',
    {
      config: { access: 'engine:read' },
      schema: { tags, operationId: 'listEngineCas', summary: 'List the CAs of the embedded engine', response: answers({ 200: engineCaListSchema }) },
    },
    async () => {
      await engine.reload();
      return list();
    },
  );

  app.post(
    '/engine-cas',
    {
      config: { access: 'engine:write' },
      schema: {
        tags,
        operationId: 'prepareEngineCa',
        summary: 'Prepare the issuing CA that follows: announced at once, in use from activatesAt on',
        body: newEngineCaSchema,
        response: answers({ 201: engineCaSchema }),
      },
    },
    async (request, reply) => {
      const activatesAt = new Date(request.body.activatesAt);
      if (activatesAt <= deps.clock.now()) refuseFaults([{ path: 'activatesAt', message: 'Must lie ahead; to take over at once, prepare and then activate' }]);
      const prepared = await engine.prepareNext(activatesAt, callerOf(request).actor);
      if (!prepared.ok) throw new Problem('wrong-state', { detail: prepared.error });
      deps.notifyConfigChanged();
      return reply.code(201).send(engineCaView(prepared.value));
    },
  );

  const change = (action: 'activate' | 'cancel', operationId: string, summary: string, work: EngineCaDesk['activateNext']): void => {
    app.post(
      `/engine-cas/:caId/${action}`,
      { config: { access: 'engine:write' }, schema: { tags, operationId, summary, params: engineCaParams, response: answers({ 200: engineCaListSchema }) } },
      async (request) => {
        const { caId } = request.params as { caId: string };
        const isDone = await work(caId, callerOf(request).actor);
        if (!isDone) throw new Problem('wrong-state', { detail: `There is no CA "${caId}" that is prepared and not yet in use.` });
        deps.notifyConfigChanged();
        return list();
      },
    );
  };
  change('activate', 'activateEngineCa', 'Let a prepared CA take over now', (id, actor) => engine.activateNext(id, actor));
  change('cancel', 'cancelEngineCa', 'Give a prepared CA up; its id is not used again', (id, actor) => engine.cancelNext(id, actor));
}
