import { useCallback, useRef } from 'react';
import type { Query } from '../api/call.js';
import { useTenant } from '../app/tenant.js';
import { useUrlState } from '../app/url-state.js';

export interface ListState {
  /** What to ask the API for. */
  readonly query: Query;
  readonly q: string;
  readonly sort: string;
  readonly isFirstPage: boolean;
  readonly isFiltered: boolean;
  filter(name: string): string | undefined;
  setFilter(name: string, value: string | undefined): void;
  setSort(sort: string): void;
  clearAll(): void;
  goNext(cursor: string): void;
  goPrevious(): void;
}

interface ListStateOptions {
  readonly filters: readonly string[];
  readonly sort: string;
  readonly limit?: number;
  /** Asked for always; not in the address. */
  readonly fixed?: Query;
}

/** Search, filters, order and page of a list. They live in the address, so that a view can be sent to somebody and the browser's back works. */
export function useListState({ filters, sort: standardSort, limit = 25, fixed = {} }: ListStateOptions): ListState {
  const [state, change] = useUrlState();
  const { tenantId } = useTenant();
  const visited = useRef<readonly (string | undefined)[]>([]);
  const cursor = state.cursor;
  const sort = state.sort ?? standardSort;
  const given = Object.fromEntries(filters.map((name) => [name, state[name]]));
  const restart = useCallback(
    (parts: Readonly<Record<string, string | undefined>>) => {
      visited.current = [];
      change({ ...parts, cursor: undefined });
    },
    [change],
  );
  return {
    query: { limit, sort, q: state.q, tenantId, ...given, ...fixed, cursor },
    q: state.q ?? '',
    sort,
    isFirstPage: cursor === undefined,
    isFiltered: [state.q, ...Object.values(given)].some((value) => value !== undefined),
    filter: (name) => state[name],
    setFilter: (name, value) => restart({ [name]: value === '' ? undefined : value }),
    setSort: (next) => restart({ sort: next === standardSort ? undefined : next }),
    clearAll: () => restart({ q: undefined, ...Object.fromEntries(filters.map((name) => [name, undefined])) }),
    goNext: (next) => {
      visited.current = [...visited.current, cursor];
      change({ cursor: next }, true);
    },
    goPrevious: () => {
      const before = visited.current.at(-1);
      visited.current = visited.current.slice(0, -1);
      change({ cursor: before }, true);
    },
  };
}
