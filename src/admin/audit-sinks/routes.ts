import type { AuditSink } from '../../audit/sink.js';
import { uuidv7 } from '../../runtime/ids.js';
import { Secret } from '../../runtime/secret.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { refuseFaults } from '../fault.js';
import { listRoute } from '../list-route.js';
import { answers } from '../openapi.js';
import type { AdminParts, SinkDesk } from '../ports.js';
import { notFound } from '../problem.js';
import { changeRoute, type Resource, readRoute, removeRoute, sendCreated } from '../resource.js';
import { written } from '../write-fault.js';
import { newSinkSchema, settingsOf, sinkListQuery, sinkPage, sinkPatchSchema, sinkSchema, sinkView } from './schema.js';

const tags = ['audit'];

export function auditSinkRoutes(app: AdminApp, deps: AdminParts, sinks: SinkDesk): void {
  const resource: Resource<AuditSink, typeof sinkSchema> = {
    path: '/audit-sinks',
    tags,
    name: 'AuditSink',
    one: 'an audit sink',
    access: { read: 'audit-sink:read', write: 'audit-sink:write' },
    schema: sinkSchema,
    find: async (caller, id) => found(await sinks.find(contextOf(caller), id)),
    view: (_caller, sink) => sinkView(sink),
  };

  listRoute(app, {
    path: '/audit-sinks',
    tags,
    operationId: 'listAuditSinks',
    summary: 'List audit sinks',
    access: 'audit-sink:read',
    query: sinkListQuery,
    page: sinkPage,
    list: ({ caller, query }) => sinks.list(contextOf(caller), query),
    view: (items) => items.map(sinkView),
  });

  app.post(
    '/audit-sinks',
    {
      config: { access: 'audit-sink:write' },
      schema: {
        tags,
        operationId: 'createAuditSink',
        summary: 'Copy audit events to another system',
        body: newSinkSchema,
        response: answers({ 201: sinkSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { body } = request;
      await refuseUnknownTenant(deps, caller, body.tenantId);
      const secret = body.type === 'webhook' ? new Secret(body.secret) : undefined;
      const id = uuidv7(deps.clock.now().getTime());
      return sendCreated(reply, deps, resource, caller, written(await sinks.create(contextOf(caller), { ...body, id, secret })));
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: sinkPatchSchema,
    async change({ caller, current, version, patch: { secret, settings, ...rest } }) {
      await refuseUnknownTenant(deps, caller, rest.tenantId ?? null);
      const given = {
        ...(secret !== undefined && { secret: new Secret(secret) }),
        ...(settings !== undefined && { settings: checked(current, settings, secret) }),
      };
      return written(await sinks.update(contextOf(caller), current.id, version, { ...present(rest), ...given }));
    },
  });
  removeRoute(app, deps, resource, {
    remove: async ({ caller, current, version }) => written(await sinks.remove(contextOf(caller), current.id, version)),
  });
}

function found(sink: AuditSink | undefined): AuditSink {
  if (sink === undefined) throw notFound();
  return sink;
}

/** Throws 400. A secret goes only where it was meant to: a webhook that moves to another address needs it said again. */
function checked(current: AuditSink, settings: Readonly<Record<string, unknown>>, secret: string | undefined): AuditSink['settings'] {
  const parsed = settingsOf[current.type].safeParse(settings);
  if (!parsed.success) refuseFaults(parsed.error.issues.map(({ path, message }) => ({ path: ['settings', ...path].join('.'), message })));
  const next = parsed.data as AuditSink['settings'];
  const isMoved = 'url' in next && 'url' in current.settings && next.url !== current.settings.url;
  refuseFaults(isMoved && secret === undefined ? [{ path: 'secret', message: 'Required: the URL changes' }] : []);
  return next;
}

function present<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

async function refuseUnknownTenant(deps: AdminParts, caller: Caller, tenantId: string | null): Promise<void> {
  const isKnown = tenantId === null || (await deps.tenants.find(contextOf(caller), tenantId)) !== undefined;
  refuseFaults(isKnown ? [] : [{ path: 'tenantId', message: 'No such tenant' }]);
}
