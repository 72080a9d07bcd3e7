import { z } from 'zod';
import type { AdminApp } from './app.js';
import { bulkAnswerSchema } from './bulk-schema.js';
import { type Caller, callerOf } from './caller.js';
import { idSchema } from './field.js';
import type { NamedRoute } from './list-route.js';
import { answers, type problemSchema } from './openapi.js';
import { Problem, problemBody } from './problem.js';

/** Set semantics: what is named twice is done once. */
const unique = (ids: readonly string[]): string[] => [...new Set(ids)];

/** The objects that a bulk action is about. */
export const bulkIds = z.array(idSchema).min(1, 'Name at least one').max(200).transform(unique).describe('Ids of the objects, 200 at most');

export interface BulkRoute<B extends z.ZodType<{ readonly ids: readonly string[] }>> extends NamedRoute {
  readonly body: B;
  /** Does it for one of them, or throws the problem. */
  work(caller: Caller, id: string, body: z.output<B>): Promise<unknown>;
  /** After the last of them. */
  finish?(): void;
}

/** One action for many objects: each for itself, one after the other, so that one that refuses does not keep the others from it. */
export function bulkRoute<B extends z.ZodType<{ readonly ids: readonly string[] }>>(app: AdminApp, route: BulkRoute<B>): void {
  const { path, tags, operationId, summary, access, body } = route;
  app.post(path, { config: { access }, schema: { tags, operationId, summary, body, response: answers({ 200: bulkAnswerSchema }) } }, async (request) => {
    const caller = callerOf(request);
    const wanted = request.body as z.output<B>;
    const items: z.output<typeof bulkAnswerSchema>['items'] = [];
    for (const id of wanted.ids) items.push(await outcome(id, () => route.work(caller, id, wanted), { url: request.url, id: request.id }));
    route.finish?.();
    const done = items.filter(({ ok }) => ok).length;
    return { done, failed: items.length - done, items };
  });
}

async function outcome(id: string, work: () => Promise<unknown>, request: { readonly url: string; readonly id: string }) {
  try {
    await work();
    return { id, ok: true };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const problem = problemBody(error.code, error.details, request.url, request.id) as z.output<typeof problemSchema>;
    return { id, ok: false, problem };
  }
}
