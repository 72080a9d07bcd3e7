import type { ListQuery, Page } from '../../tenancy/ports.js';

const pageSize = 200;

/** Every item of a list, page by page. */
export async function* everyItem<Item>(list: (query: ListQuery) => Promise<Page<Item>>): AsyncGenerator<Item> {
  let cursor: string | undefined;
  do {
    const page = await list({ limit: pageSize, sort: 'createdAt', ...(cursor !== undefined && { cursor }) });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
