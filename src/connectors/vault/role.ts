import type { VaultClient } from './client.js';
import { type Role, readJson, roleAnswer } from './wire.js';

export interface RoleReader {
  /** The role, kept for a minute; undefined where our policy does not let us read it, or Vault is away. */
  read(name: string): Promise<Role | undefined>;
}

const keptMs = 60_000;

export function createRoleReader(client: VaultClient, timeoutMs: number): RoleReader {
  let kept: { readonly name: string; readonly role: Role | undefined; readonly until: number } | undefined;
  return {
    async read(name) {
      if (kept?.name === name && performance.now() < kept.until) return kept.role;
      const path = `roles/${encodeURIComponent(name)}`;
      const answer = await client.call({ method: 'GET', path, route: 'roles/*' }, AbortSignal.timeout(timeoutMs));
      const role = answer.ok ? readJson(roleAnswer, answer.value.body)?.data : undefined;
      kept = { name, role, until: performance.now() + keptMs };
      return role;
    },
  };
}
