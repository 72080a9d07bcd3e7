import { uuidv7 } from '../../runtime/ids.js';
import type { Tenant } from '../../tenancy/connector.js';
import { systemContext } from '../../tenancy/context.js';
import type { AdminApp } from '../app.js';
import { type Caller, callerOf, contextOf } from '../caller.js';
import { listRoute } from '../list-route.js';
import { applyPatch } from '../merge-patch.js';
import { answers } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { notFound } from '../problem.js';
import { changeRoute, type Resource, readRoute, sendCreated } from '../resource.js';
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
  const resource: Resource<Tenant, typeof tenantSchema> = {
    path: '/tenants',
    tags,
    name: 'Tenant',
    one: 'a tenant',
    access: { read: 'tenant:read', write: 'tenant:write' },
    schema: tenantSchema,
    find: (caller, id) => findTenant(deps, caller, id),
    view: (_, tenant) => tenantView(tenant),
  };

  listRoute(app, {
    path: '/tenants',
    tags,
    operationId: 'listTenants',
    summary: 'List tenants',
    access: 'tenant:read',
    query: tenantListQuery,
    page: tenantPage,
    list: ({ context, query }) => deps.tenants.list(context, query),
    view: (items) => items.map(tenantView),
  });

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
      return sendCreated(reply, deps, resource, caller, tenant);
    },
  );

  readRoute(app, resource);
  changeRoute(app, deps, resource, {
    body: tenantPatchSchema,
    async change({ caller, current, version, patch }) {
      const { name, slug, status } = current;
      const changed = applyPatch(newTenantSchema, { name, slug, status }, patch);
      const change = { ...changed, slug: changed.slug ?? slugOf(changed.name, 'tenant') };
      return written(await deps.tenants.update(systemContext(caller.actor), current.id, version, change));
    },
  });
}
