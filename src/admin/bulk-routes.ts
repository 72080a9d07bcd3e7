import { z } from 'zod';
import { tenantContext } from '../tenancy/context.js';
import type { Protocol } from '../tenancy/profile.js';
import type { AdminApp } from './app.js';
import { bulkIds, bulkRoute } from './bulk.js';
import type { Caller } from './caller.js';
import { findConnector } from './connectors/routes.js';
import { statusSchema } from './field.js';
import type { Permission } from './permission.js';
import type { AdminParts } from './ports.js';
import { findProfile } from './profiles/find.js';
import { written } from './write-fault.js';

const statusChangeSchema = z
  .strictObject({ ids: bulkIds, status: statusSchema })
  .meta({ id: 'BulkStatus', description: 'Switch many on or off, whatever their version' });
const removalSchema = z.strictObject({ ids: bulkIds }).meta({ id: 'BulkRemoval', description: 'Delete many, whatever their version' });

type Status = z.output<typeof statusSchema>;

/** What is configured, by the many: how one of a kind is switched and removed as it stands. */
interface Kind {
  readonly path: string;
  readonly tag: string;
  /** As in operation ids: `Connectors`. */
  readonly name: string;
  /** As in summaries: `connectors`. */
  readonly many: string;
  readonly access: Permission;
  switch(caller: Caller, id: string, status: Status): Promise<unknown>;
  remove(caller: Caller, id: string): Promise<unknown>;
}

function connectorKind(deps: AdminParts): Kind {
  const placeOf = async (caller: Caller, id: string) => {
    const { tenantId, version } = await findConnector(deps, caller, id);
    return { context: tenantContext(tenantId, caller.actor), version };
  };
  return {
    ...{ path: '/connectors', tag: 'connectors', name: 'Connectors', many: 'connectors', access: 'connector:write' },
    async switch(caller, id, status) {
      const { context, version } = await placeOf(caller, id);
      return written(await deps.connectors.update(context, id, version, { status }));
    },
    async remove(caller, id) {
      const { context, version } = await placeOf(caller, id);
      return written(await deps.connectors.remove(context, id, version));
    },
  };
}

function profileKind(deps: AdminParts, protocol: Protocol, name: string, many: string): Kind {
  const placeOf = async (caller: Caller, id: string) => {
    const { tenantId, version } = await findProfile(deps, caller, protocol, id);
    return { context: tenantContext(tenantId, caller.actor), version };
  };
  return {
    ...{ path: `/${protocol}-profiles`, tag: `${protocol}-profiles`, name, many, access: 'profile:write' },
    async switch(caller, id, status) {
      const { context, version } = await placeOf(caller, id);
      const { profiles } = deps;
      const updated = protocol === 'cmp' ? profiles.updateCmp(context, id, version, { status }) : profiles.updateScep(context, id, version, { status });
      return written<unknown>(await updated);
    },
    async remove(caller, id) {
      const { context, version } = await placeOf(caller, id);
      return written(await deps.profiles.remove(context, protocol, id, version));
    },
  };
}

/** Connectors and profiles: many switched on or off, or removed, at once. */
export function bulkRoutes(app: AdminApp, deps: AdminParts): void {
  for (const kind of [
    connectorKind(deps),
    profileKind(deps, 'cmp', 'CmpProfiles', 'CMP profiles'),
    profileKind(deps, 'scep', 'ScepProfiles', 'SCEP profiles'),
  ]) {
    const { path, name, many, access } = kind;
    const common = { tags: [kind.tag], access, finish: () => deps.notifyConfigChanged() };
    bulkRoute(app, {
      ...common,
      path: `${path}/bulk/status`,
      operationId: `switch${name}`,
      summary: `Switch many ${many} on or off`,
      body: statusChangeSchema,
      work: (caller, id, { status }) => kind.switch(caller, id, status),
    });
    bulkRoute(app, {
      ...common,
      path: `${path}/bulk/delete`,
      operationId: `delete${name}`,
      summary: `Delete many ${many}`,
      body: removalSchema,
      work: (caller, id) => kind.remove(caller, id),
    });
  }
}
