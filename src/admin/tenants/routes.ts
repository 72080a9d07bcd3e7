import { uuidv7 } from '../../runtime/ids.js';
import type { Tenant } from '../../tenancy/connector.js';
import { systemContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { requireVersion, setEtag } from '../etag.js';
import { idParams } from '../field.js';
import { pageOf } from '../list.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { notFound } from '../problem.js';
import { slugOf, withFreeSlug } from '../slug.js';
import { written } from '../write-fault.js';
import { newTenantSchema, tenantListQuery, tenantPage, tenantPatchSchema, tenantSchema, tenantView } from './schema.js';

const tags = ['tenants'];

/** Bound callers see their own tenant only. */
async function findTenant(deps: AdminParts, caller: Caller, id: string): Promise<Tenant> {
  const tenant = caller.tenantId === null || caller.tenantId === id ? await deps.tenants.find(contextOf(caller), id) : undefined;
  if (tenant === undefined) throw notFound();
  return tenant;
}

export function tenantRoutes(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/tenants',
    {
      config: { access: 'tenant:read' },
      schema: { tags, operationId: 'listTenants', summary: 'List tenants', querystring: tenantListQuery, response: answers({ 200: tenantPage }) },
    },
    async (request) => pageOf(await deps.tenants.list(contextOf(callerOf(request)), request.query), tenantView),
  );

  app.post(
    '/tenants',
    {
      config: { access: 'tenant:write' },
      schema: { tags, operationId: 'createTenant', summary: 'Create a tenant', body: newTenantSchema, response: answers({ 201: tenantSchema }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { slug, ...fields } = request.body;
      const id = uuidv7(deps.clock.now().getTime());
      const create = (free: string) => deps.tenants.create(systemContext(caller.actor), { id, ...fields, slug: free });
      const tenant = written(slug === undefined ? await withFreeSlug(slugOf(fields.name, 'tenant'), 'slug', create) : await create(slug));
      deps.notifyConfigChanged();
      setEtag(reply, tenant.version);
      return reply.code(201).header('location', `/api/v1/tenants/${id}`).send(tenantView(tenant));
    },
  );

  app.get(
    '/tenants/:id',
    {
      config: { access: 'tenant:read' },
      schema: { tags, operationId: 'getTenant', summary: 'Read a tenant', params: idParams, response: answers({ 200: tenantSchema }) },
    },
    async (request, reply) => {
      const tenant = await findTenant(deps, callerOf(request), request.params.id);
      setEtag(reply, tenant.version);
      return tenantView(tenant);
    },
  );

  app.patch(
    '/tenants/:id',
    {
      config: { access: 'tenant:write' },
      schema: {
        tags,
        operationId: 'updateTenant',
        summary: 'Change a tenant',
        params: idParams,
        body: tenantPatchSchema,
        response: answers({ 200: tenantSchema }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await findTenant(deps, caller, request.params.id);
      const version = requireVersion(request, current.version);
      const { name, slug, status } = current;
      const changed = applyPatch(newTenantSchema, { name, slug, status }, request.body);
      const change = { ...changed, slug: changed.slug ?? slugOf(changed.name, 'tenant') };
      const tenant = written(await deps.tenants.update(systemContext(caller.actor), current.id, version, change));
      deps.notifyConfigChanged();
      setEtag(reply, tenant.version);
      return tenantView(tenant);
    },
  );
}
