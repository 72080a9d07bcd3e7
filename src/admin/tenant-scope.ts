import type { Tenant } from '../tenancy/connector.js';
import { type Context, systemContext, type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Page } from '../tenancy/ports.js';
import { type Caller, contextOf } from './caller.js';
import { type Fault, refuseFaults } from './fault.js';
import type { AdminParts } from './ports.js';
import { notFound } from './problem.js';

/** The object, or 404 when there is none or it belongs to another tenant. The store filters already; this is the second wall. */
export function visible<T extends { readonly tenantId: string }>(caller: Caller, found: T | undefined): T {
  if (found === undefined || (caller.tenantId !== null && found.tenantId !== caller.tenantId)) throw notFound();
  return found;
}

/** The tenant a new object belongs to. Bound callers have one; others must name it unless there is only one. Throws 400. */
export async function tenantForNew(deps: AdminParts, caller: Caller, wanted: string | undefined): Promise<TenantContext> {
  const faults: Fault[] = [];
  const tenantId = caller.tenantId ?? wanted ?? (await onlyTenant(deps, caller));
  if (tenantId === undefined) faults.push({ path: 'tenantId', message: 'Required: there are several tenants' });
  else if (wanted !== undefined && !(await mayUse(deps, caller, wanted))) faults.push({ path: 'tenantId', message: 'No such tenant' });
  refuseFaults(faults);
  return tenantContext(tenantId as string, caller.actor);
}

async function onlyTenant(deps: AdminParts, caller: Caller): Promise<string | undefined> {
  const page = await deps.tenants.list(systemContext(caller.actor), { limit: 2 });
  return page.items.length === 1 ? page.items[0]?.id : undefined;
}

async function mayUse(deps: AdminParts, caller: Caller, tenantId: string): Promise<boolean> {
  if (caller.tenantId !== null) return caller.tenantId === tenantId;
  return (await deps.tenants.find(systemContext(caller.actor), tenantId)) !== undefined;
}

/** The context of a list or a summary: the filter narrows callers that see every tenant; undefined when the filter excludes a bound caller. */
export function narrowed(caller: Caller, tenantId: string | undefined): Context | undefined {
  if (tenantId === undefined || tenantId === caller.tenantId) return contextOf(caller);
  return caller.tenantId === null ? tenantContext(tenantId, caller.actor) : undefined;
}

export const emptyPage: Page<never> = { items: [], total: 0 };

/** Names of the tenants of these objects, each asked for once. */
export async function tenantNames(
  deps: AdminParts,
  caller: Caller,
  objects: readonly { readonly tenantId: string }[],
): Promise<ReadonlyMap<string, Tenant['name']>> {
  const ids = [...new Set(objects.map((object) => object.tenantId))];
  const tenants = await Promise.all(ids.map((id) => deps.tenants.find(contextOf(caller), id)));
  return new Map(ids.map((id, index) => [id, tenants[index]?.name ?? '']));
}
