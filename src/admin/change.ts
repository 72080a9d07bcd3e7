import type { Caller } from './caller.js';
import type { AdminDeps } from './ports.js';

export interface Change {
  /** `connector.created`, `profile.updated`, ... */
  readonly action: string;
  /** `connector:<id>`, ... */
  readonly object: string;
  readonly tenantId: string | null;
  /** Names of fields, never their secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes a change into the audit trail and tells every process to look at its configuration again. */
export async function noteChange(deps: AdminDeps, caller: Caller, change: Change): Promise<void> {
  deps.notifyConfigChanged();
  await deps.audit.append({ at: deps.clock.now(), actor: caller.actor, outcome: 'success', details: {}, ...change });
}
