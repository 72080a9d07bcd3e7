import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { AdminApp } from './app.js';
import { type Caller, callerOf } from './caller.js';
import { requireVersion, setEtag } from './etag.js';
import { idParams } from './field.js';
import { answers, noContent } from './openapi.js';
import type { Permission } from './permission.js';
import type { AdminParts } from './ports.js';

/** A kind of object that is read, changed and removed by id, each change based on the version that was read. */
export interface Resource<T extends { readonly id: string; readonly version: number }, S extends z.ZodType> {
  /** `/connectors` */
  readonly path: string;
  readonly tags: readonly string[];
  /** As in operation ids: `Connector`. */
  readonly name: string;
  /** As in summaries: `a connector`. */
  readonly one: string;
  readonly access: { readonly read: Permission; readonly write: Permission };
  readonly schema: S;
  /** Throws 404 also for what the caller may not see. */
  find(caller: Caller, id: string): Promise<T>;
  view(caller: Caller, object: T): z.output<S> | Promise<z.output<S>>;
}

type Identified = { readonly id: string; readonly version: number };

export function readRoute<T extends Identified, S extends z.ZodType>(app: AdminApp, resource: Resource<T, S>): void {
  const { path, tags, name, one, access, schema } = resource;
  app.get(
    `${path}/:id`,
    {
      config: { access: access.read },
      schema: { tags, operationId: `get${name}`, summary: `Read ${one}`, params: idParams, response: answers({ 200: schema as z.ZodType }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const object = await resource.find(caller, request.params.id);
      setEtag(reply, object.version);
      return resource.view(caller, object);
    },
  );
}

/** A change of an object, based on what the caller read. */
export interface Change<T, B> {
  readonly caller: Caller;
  readonly current: T;
  readonly version: number;
  readonly patch: B;
}

/** PATCH by merge patch: 428 without If-Match, 412 when it is stale. `change` stores, or throws the problem, and returns what then stands there. */
export function changeRoute<T extends Identified, S extends z.ZodType, B extends z.ZodType>(
  app: AdminApp,
  deps: AdminParts,
  resource: Resource<T, S>,
  { body, change }: { readonly body: B; change(asked: Change<T, z.output<B>>): Promise<T> },
): void {
  const { path, tags, name, one, access, schema } = resource;
  app.patch(
    `${path}/:id`,
    {
      config: { access: access.write },
      schema: { tags, operationId: `update${name}`, summary: `Change ${one}`, params: idParams, body, response: answers({ 200: schema as z.ZodType }) },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await resource.find(caller, request.params.id);
      const version = requireVersion(request, current.version);
      const changed = await change({ caller, current, version, patch: request.body as z.output<B> });
      deps.notifyConfigChanged();
      setEtag(reply, changed.version);
      return resource.view(caller, changed);
    },
  );
}

/** DELETE: 428 without If-Match, 412 when it is stale; `remove` removes or throws the problem, 409 with who uses it. */
export function removeRoute<T extends Identified, S extends z.ZodType>(
  app: AdminApp,
  deps: AdminParts,
  resource: Resource<T, S>,
  { summary = `Delete ${resource.one}`, remove }: { readonly summary?: string; remove(asked: Omit<Change<T, never>, 'patch'>): Promise<unknown> },
): void {
  const { path, tags, name, access } = resource;
  app.delete(
    `${path}/:id`,
    { config: { access: access.write }, schema: { tags, operationId: `delete${name}`, summary, params: idParams, response: answers({ 204: noContent }) } },
    async (request, reply) => {
      const caller = callerOf(request);
      const current = await resource.find(caller, request.params.id);
      await remove({ caller, current, version: requireVersion(request, current.version) });
      deps.notifyConfigChanged();
      return reply.code(204).send(null);
    },
  );
}

/** Answers 201 with the whole new object, its place and its version; other rooms hear of it. */
export async function sendCreated<T extends Identified, S extends z.ZodType>(
  reply: FastifyReply,
  deps: AdminParts,
  resource: Resource<T, S>,
  caller: Caller,
  created: T,
  view?: z.output<S>,
): Promise<never> {
  deps.notifyConfigChanged();
  setEtag(reply, created.version);
  reply.code(201).header('location', `/api/v1${resource.path}/${created.id}`);
  return reply.send(view ?? (await resource.view(caller, created))) as never;
}

/** A sub-object of an object, without versions of its own: DELETE of what is there is 204, of what is not 404. */
export function removePartRoute<P extends z.ZodType>(
  app: AdminApp,
  route: {
    readonly path: string;
    readonly tags: readonly string[];
    readonly operationId: string;
    readonly summary: string;
    readonly access: Permission;
    readonly params: P;
    remove(caller: Caller, params: z.output<P>): Promise<unknown>;
  },
): void {
  const { path, tags, operationId, summary, access, params } = route;
  app.delete(path, { config: { access }, schema: { tags, operationId, summary, params, response: answers({ 204: noContent }) } }, async (request, reply) => {
    await route.remove(callerOf(request), request.params as z.output<P>);
    return reply.code(204).send(null);
  });
}
