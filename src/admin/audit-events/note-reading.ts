import type { Caller } from '../caller.js';
import type { AdminParts } from '../ports.js';

/** The event of a reading that is itself worth knowing of; it is written before anything is given out. */
export async function noteReading(deps: AdminParts, { actor }: Caller, action: string, object: string, tenantId: string | null): Promise<void> {
  await deps.audit.append({ at: deps.clock.now(), tenantId, actor, action, object, outcome: 'success', details: {} });
}
