import { sql } from 'kysely';
import type { EventKind } from '../../notification/kinds.js';
import type { Executor } from '../connection/connection.js';

/** Who wants to hear of what, in memory: an order that nobody wants to hear of costs a look into a map. */
export interface Interest {
  /** Undefined until it was read once. */
  wants(tenantId: string, kind: EventKind): boolean | undefined;
  /** Whether any active rule stands; true until it was read once. */
  hasAny(): boolean;
  load(executor: Executor): Promise<void>;
}

/** Another process's change of a rule arrives here with the next `load`, within a second like every change of the configuration. */
export function createInterest(): Interest {
  let known: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  return {
    wants: (tenantId, kind) => (known === undefined ? undefined : (known.get(tenantId)?.has(kind) ?? false)),
    hasAny: () => known === undefined || known.size > 0,
    async load(executor) {
      const { rows } = await sql<{ tenant_id: string; kinds: readonly string[] }>`select r.tenant_id, array_agg(distinct kind) as kinds
        from notification_rules r cross join lateral jsonb_array_elements_text(r.events) as kind
        where r.status = 'active' group by r.tenant_id`.execute(executor);
      known = new Map(rows.map(({ tenant_id, kinds }) => [tenant_id, new Set(kinds)]));
    },
  };
}
