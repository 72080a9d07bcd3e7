import { createContext, type ReactNode, use, useState } from 'react';

interface TenantChoice {
  /** The tenant everything shown belongs to; undefined: all that the caller may see. */
  readonly tenantId: string | undefined;
  choose(tenantId: string | undefined): void;
}

const key = 'gatehouse.tenant';
const TenantContext = createContext<TenantChoice>({ tenantId: undefined, choose: () => undefined });

/** Keeps the chosen tenant over reloads of the tab. */
export function TenantProvider({ children }: { readonly children: ReactNode }) {
  const [tenantId, setTenantId] = useState(() => sessionStorage.getItem(key) ?? undefined);
  const choose = (chosen: string | undefined): void => {
    if (chosen === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, chosen);
    setTenantId(chosen);
  };
  return <TenantContext value={{ tenantId, choose }}>{children}</TenantContext>;
}

export function useTenant(): TenantChoice {
  return use(TenantContext);
}
