/** Proof that the tenant was established; every repository function that touches a tenant's rows demands one. */
export interface TenantContext {
  readonly tenantId: string;
  /** Who acts, for the audit: `device`, `user:<id>`, `token:<id>`, `worker:<name>`, `cli`. */
  readonly actor: string;
}

/** A caller that may see all tenants (start-up, background jobs, superadmin lists). */
export interface SystemContext {
  readonly tenantId: null;
  readonly actor: string;
}

export type Context = TenantContext | SystemContext;

export function tenantContext(tenantId: string, actor: string): TenantContext {
  return { tenantId, actor };
}

export function systemContext(actor: string): SystemContext {
  return { tenantId: null, actor };
}
