import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from './call.js';
import { listQuery } from './queries.js';
import type { Connector, Page, Tenant } from './types.js';

/**
 * Changes make everything that was read before doubtful: what is shown is read again.
 *
 * @param done - Called before that. Whatever waits for the end of it is not called any more where the button itself goes away with what is read.
 */
export function useChange<V, T>(change: (values: V) => Promise<T>, done?: () => void) {
  const queries = useQueryClient();
  const make = async (values: V): Promise<T> => {
    const made = await change(values);
    done?.();
    return made;
  };
  return useMutation({ mutationFn: make, onSuccess: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }) });
}

/** As many as a select can sensibly offer. */
const choices = 200;

export function useTenants() {
  return useQuery({ ...listQuery<Tenant>('/tenants', { limit: choices, sort: 'name' }), staleTime: 60_000 });
}

export function useConnectors(tenantId?: string) {
  return useQuery(listQuery<Connector>('/connectors', { limit: choices, sort: 'name', tenantId }));
}

export interface Named {
  readonly id: string;
  readonly name: string;
  readonly tenantId: string;
  readonly protocol: 'cmp' | 'scep';
}

/** The profiles of both protocols, for filters and for the names beside orders. */
export function useProfiles(tenantId?: string) {
  return useQuery({
    queryKey: ['profiles', 'list', tenantId],
    queryFn: async ({ signal }): Promise<readonly Named[]> => {
      const query = { limit: choices, sort: 'name', tenantId };
      const [cmp, scep] = await Promise.all([
        call<Page<Omit<Named, 'protocol'>>>('/cmp-profiles', { query, signal }),
        call<Page<Omit<Named, 'protocol'>>>('/scep-profiles', { query, signal }),
      ]);
      return [...cmp.items.map((item) => ({ ...item, protocol: 'cmp' as const })), ...scep.items.map((item) => ({ ...item, protocol: 'scep' as const }))];
    },
    staleTime: 30_000,
  });
}
