import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Context } from '../tenancy/context.js';
import type { ListQuery, Page } from '../tenancy/ports.js';
import type { AdminApp } from './app.js';
import { type Caller, callerOf } from './caller.js';
import { type CsvColumns, sendCsv, wantsCsv } from './csv.js';
import { pageOf } from './list.js';
import { answers, orInForms } from './openapi.js';
import type { Permission } from './permission.js';
import { emptyPage, narrowed } from './tenant-scope.js';

/** What a route is called in the OpenAPI document, and what it asks of its caller. */
export interface NamedRoute {
  readonly path: string;
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly summary: string;
  readonly access: Permission;
}

type ListSchema = z.ZodType<ListQuery & { readonly tenantId?: string | undefined }>;

/** What a list was asked for. */
export interface Asked<Q extends z.ZodType> {
  readonly caller: Caller;
  /** What the caller may see, narrowed to the tenant that the query names. */
  readonly context: Context;
  readonly query: z.output<Q>;
  /** Of the object whose list it is; empty for lists that are nobody's. */
  readonly id: string;
}

export interface ListRoute<Q extends ListSchema, S extends z.ZodType, T> extends NamedRoute {
  /** Of the object whose list it is. */
  readonly params?: z.ZodType;
  readonly query: Q;
  /** Made by `pageSchema`. */
  readonly page: S;
  list(asked: Asked<Q>): Promise<Page<T>>;
  view(items: readonly T[], caller: Caller): PageItems<S> | Promise<PageItems<S>>;
  /** Where present, `Accept: text/csv` gives all that match as a file. */
  readonly csv?: CsvFile<T, PageItems<S>[number]>;
}

/** Columns read what the store lists, or, where that does not say enough, what the answer shows of it. */
interface CsvFile<T, V> {
  name(id: string): string;
  readonly columns?: CsvColumns<T>;
  readonly viewColumns?: CsvColumns<V>;
}

type PageItems<S extends z.ZodType> = z.output<S> extends { items: infer I extends readonly unknown[] } ? I : never;

/** The pages of an export; nobody waits for one of them. */
const exportedAtOnce = 1_000;

/** A list: paged JSON, or everything that matches as CSV. A caller bound to one tenant that names another sees an empty page. */
export function listRoute<Q extends ListSchema, S extends z.ZodType, T>(app: AdminApp, route: ListRoute<Q, S, T>): void {
  const { path, tags, operationId, summary, access, params, query: querystring, page: answer, csv } = route;
  const all = csv === undefined ? (answer as z.ZodType) : orInForms<z.ZodType>(answer, { 'text/csv': 'Everything that matches (RFC 4180), a heading first' });
  const paramsSchema = params === undefined ? {} : { params };
  app.get(
    path,
    { config: { access }, schema: { tags, operationId, summary, ...paramsSchema, querystring, response: answers({ 200: all }) } },
    async (request, reply) => {
      const caller = callerOf(request);
      const query = request.query as z.output<Q>;
      const context = narrowed(caller, query.tenantId);
      const { id = '' } = request.params as { readonly id?: string };
      const list = (limits: object): Promise<Page<T>> =>
        context === undefined ? Promise.resolve(emptyPage) : route.list({ caller, context, query: { ...query, ...limits }, id });
      if (csv !== undefined) reply.header('vary', 'accept');
      if (csv !== undefined && wantsCsv(request.headers.accept)) {
        return (await sendFile(
          reply,
          csv,
          id,
          (cursor = query.cursor) => list({ limit: exportedAtOnce, cursor }),
          (items) => route.view(items, caller),
        )) as never;
      }
      const page = await list({});
      const items = await route.view(page.items, caller);
      return { ...pageOf(page, (item) => item), items };
    },
  );
}

type PageAt<T> = (cursor: string | undefined) => Promise<Page<T>>;

function sendFile<T, V>(
  reply: FastifyReply,
  { name, columns, viewColumns }: CsvFile<T, V>,
  id: string,
  pageAt: PageAt<T>,
  view: (items: readonly T[]) => unknown,
) {
  if (viewColumns === undefined) return sendCsv(reply, name(id), columns ?? {}, pageAt);
  return sendCsv(reply, name(id), viewColumns, async (cursor) => {
    const page = await pageAt(cursor);
    return { ...page, items: (await view(page.items)) as readonly V[] };
  });
}
