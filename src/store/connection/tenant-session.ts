import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/** The database role whose rows PostgreSQL itself narrows to one tenant; nobody can log in as it. */
export const tenantRole = 'gatehouse_tenant';
/** The setting that the policies compare tenants with. */
export const tenantSetting = 'gatehouse.tenant';

/** Statements that put a session behind the wall of a tenant ($1: its UUID), and take it out again. */
export const enterTenant = `select set_config('role', '${tenantRole}', false), set_config('${tenantSetting}', $1, false)`;
export const leaveTenant = `select set_config('role', 'none', false), set_config('${tenantSetting}', '', false)`;

/** A pool whose connections are behind the wall of a tenant from when they are taken until they are given back. Whoever made `pool` ends it. */
export function poolBehind(pool: pg.Pool, tenantId: string): PostgresPool {
  return {
    async connect() {
      const client = await pool.connect();
      try {
        await client.query(enterTenant, [tenantId]);
      } catch (error) {
        client.release(asError(error));
        throw error;
      }
      const query = (text: string, values: readonly unknown[]) => client.query(text, [...values]);
      return { query: query as unknown as PostgresPoolClient['query'], release: () => leave(client) };
    },
    end: async () => undefined,
  };
}

/** What cannot be taken out is thrown away: the next one to get it must not be narrowed to this tenant. */
function leave(client: pg.PoolClient): void {
  client.query(leaveTenant).then(
    () => client.release(),
    (error: unknown) => client.release(asError(error)),
  );
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
