import type { ListQuery, Page } from '../tenancy/ports.js';
import { Problem } from './problem.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

/**
 * Names of connectors and profiles are unique in their tenant (per protocol), so that a list tells them apart. Throws 409 when another
 * object found by `list` has exactly this name. Two writers at the same moment could both pass; a constraint of the store would not let them.
 */
export async function requireFreeName(name: string, ownId: string | null, list: (query: ListQuery) => Promise<Page<Named>>): Promise<void> {
  let cursor: string | undefined;
  do {
    const page: Page<Named> = await list({ q: name, sort: 'name', limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    if (page.items.some((other) => other.id !== ownId && other.name === name)) throw nameTaken();
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

function nameTaken(): Problem {
  return new Problem('conflict', {
    detail: 'Another object already has this name.',
    errors: [{ path: 'name', message: 'Already taken' }],
    members: { field: 'name' },
  });
}
