import { keepPreviousData, MutationCache, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { ApiProblem, call, type Query } from './call.js';
import type { Page, Session } from './types.js';

/** Refusals are answers, not accidents: only what may pass by itself is asked again. */
function isWorthAnotherTry(count: number, error: Error): boolean {
  return count < 2 && error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}

const isOver = (error: Error | null): boolean => error instanceof ApiProblem && error.status === 401;

/** Whether the server has ended the session of somebody who is signed in here. */
export const endedQuery = queryOptions({ queryKey: ['session', 'ended'], queryFn: () => false, initialData: false, enabled: false });

export function createQueries(): QueryClient {
  const onError = (error: Error): void => {
    const session = queries.getQueryData<Session>(sessionQuery.queryKey);
    if (isOver(error) && session?.authenticated === true) queries.setQueryData(endedQuery.queryKey, true);
  };
  const queries = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: { queries: { retry: isWorthAnotherTry, staleTime: 5_000, refetchOnWindowFocus: true }, mutations: { retry: false } },
  });
  return queries;
}

/** Again and again, until the session is over: who is nobody is refused every time. */
const again = (everyMs: number) => (query: { readonly state: { readonly error: Error | null } }) => (isOver(query.state.error) ? false : everyMs);

export const sessionQuery = queryOptions({ queryKey: ['session'], queryFn: ({ signal }) => call<Session>('/session', { signal }), staleTime: 60_000 });

/** The first page that holds something: a page may be empty although more follow, and only the last one has no next. */
async function readPage<T>(path: string, query: Query, signal: AbortSignal): Promise<Page<T>> {
  let page = await call<Page<T>>(path, { query, signal });
  while (page.items.length === 0 && page.nextCursor !== null) page = await call<Page<T>>(path, { query: { ...query, cursor: page.nextCursor }, signal });
  return page;
}

/** One page of a list; while the next one is on its way the present one stays. */
export function listQuery<T>(path: string, query: Query, everyMs?: number) {
  return queryOptions({
    queryKey: [path, 'list', query],
    queryFn: ({ signal }) => readPage<T>(path, query, signal),
    placeholderData: keepPreviousData,
    ...(everyMs === undefined ? {} : { refetchInterval: again(everyMs) }),
  });
}

/** One object, or one answer below it. */
export function oneQuery<T>(path: string, query: Query = {}, everyMs?: number) {
  return queryOptions({
    queryKey: [path, 'one', query],
    queryFn: ({ signal }) => call<T>(path, { query, signal }),
    ...(everyMs === undefined ? {} : { refetchInterval: again(everyMs) }),
  });
}

/** After a deletion: what was read of the object or below it goes, everything else is read again. */
export async function forget(queries: QueryClient, path: string): Promise<void> {
  const isOfIt = ({ queryKey: [place] }: { readonly queryKey: readonly unknown[] }): boolean => place === path || String(place).startsWith(`${path}/`);
  queries.removeQueries({ predicate: isOfIt, type: 'inactive' });
  await queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'session' && !isOfIt(query) });
}
