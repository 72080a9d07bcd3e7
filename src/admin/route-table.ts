import type { FastifyInstance } from 'fastify';
import type { Access } from './caller.js';

/** One route of the admin listener, as registered. */
export interface RouteEntry {
  readonly method: string;
  /** With `:name` for parameters. */
  readonly url: string;
  readonly access: Access;
}

export type RouteTable = RouteEntry[];

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route of the API, for the permission matrix and its tests. */
    adminRoutes: readonly RouteEntry[];
  }
}

export function recordRoutes(app: FastifyInstance, table: RouteTable): void {
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) table.push({ method, url: route.url, access: route.config?.access ?? 'public' });
  });
}

function matches(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]));
}

/** The methods served at a path, in alphabetical order. */
export function methodsAt(table: RouteTable, path: string): string[] {
  const methods = table.filter((route) => matches(route.url, path)).map((route) => route.method);
  return [...new Set(methods)].sort();
}
