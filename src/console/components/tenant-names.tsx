import { useTenants } from '../api/hooks.js';
import { words } from '../strings/index.js';
import { Foreign } from './foreign.js';

/** Tenants by name; null is every tenant. */
export function TenantNames({ ids, wrap = false }: { readonly ids: readonly string[] | null; readonly wrap?: boolean }) {
  const { data } = useTenants();
  if (ids === null) return words.shell.everyTenant;
  const names = new Map((data?.items ?? []).map(({ id, name }) => [id, name]));
  return <Foreign text={ids.map((id) => names.get(id) ?? id).join(', ')} wrap={wrap} />;
}
