import t from 'tap';
import { type ApiDocument, operationsOf } from '../fuzz/api/document.js';
import { type ApiNode, openNode } from '../fuzz/api/node.js';

t.setTimeout(600_000);

type Json = { readonly [name: string]: unknown };

/** Calls as a superadmin of every tenant; gives the status and what was answered. */
function callsOf(node: ApiNode, token: string) {
  return async (method: string, path: string, body?: unknown, more: Readonly<Record<string, string>> = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...more };
    const answer = await fetch(`${node.base}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, etag: answer.headers.get('etag') ?? '', text, body: (text.startsWith('{') ? JSON.parse(text) : {}) as Json };
  };
}

t.test('every example of the OpenAPI document is a request that is answered with success', async (t) => {
  const node = await openNode();
  t.teardown(() => node.close());
  const call = callsOf(node, await node.tokenFor('superadmin', null));
  const document = (await call('GET', '/api/v1/openapi.json')).body as unknown as ApiDocument;
  const schemas = (document as unknown as { components: { schemas: Record<string, { examples?: readonly Json[] }> } }).components.schemas;
  const firstOf = async (path: string): Promise<string> => ((await call('GET', path)).body.items as readonly { readonly id: string }[])[0]?.id ?? '';
  const ids: Record<string, string> = { tenantId: node.tenantId, connectorId: await firstOf('/api/v1/connectors') };
  /** The ids of the examples stand for objects of this server. */
  const withIds = (example: Json, ofBulk: string): Json =>
    Object.fromEntries(
      Object.entries(example).map(([name, value]) => {
        if (name === 'tenantIds') return [name, [ids.tenantId]];
        return name === 'ids' ? [name, [ofBulk]] : [name, ids[name] ?? value];
      }),
    );
  /** An object for a path with an id: the last that was made of its kind. */
  const collectionOf = (path: string): string => /^\/api\/v1\/[a-z-]+/.exec(path)?.[0] ?? '';
  const operations = operationsOf(document);
  const order = ['POST', 'PATCH'];
  const sent = new Map<string, number>();
  const simple = (path: string): number => path.split('/').length;
  const withBody = operations
    .filter(({ method, path }) => order.includes(method.toUpperCase()) && path !== '/api/v1/connectors/test')
    .sort((left, right) => order.indexOf(left.method.toUpperCase()) - order.indexOf(right.method.toUpperCase()) || simple(left.path) - simple(right.path));
  for (const { method, path, operationId } of withBody) {
    const operation = (document as unknown as { paths: Record<string, Record<string, { requestBody?: unknown }>> }).paths[path]?.[method.toLowerCase()];
    const name = /#\/components\/schemas\/(\w+)/.exec(JSON.stringify(operation?.requestBody ?? ''))?.[1] ?? '';
    for (const [index, example] of (schemas[name]?.examples ?? []).entries()) {
      const id = await firstOf(collectionOf(path));
      const url = path.replace('{id}', id);
      const { etag } = method.toUpperCase() === 'PATCH' ? await call('GET', url) : { etag: '' };
      const answer = await call(method.toUpperCase(), url, withIds(example, id), etag === '' ? {} : { 'if-match': etag });
      t.ok(
        answer.status >= 200 && answer.status < 300,
        `${operationId}, example ${index + 1} of ${name}: ${answer.status} ${answer.status < 300 ? '' : answer.text}`,
      );
      sent.set(name, (sent.get(name) ?? 0) + 1);
    }
  }
  const shown = Object.entries(schemas).filter(([, { examples = [] }]) => examples.length > 0);
  t.ok(shown.length >= 15, `${shown.length} schemas have examples`);
  t.strictSame(
    shown.map(([name]) => name).filter((name) => !sent.has(name)),
    [],
    'none is left out',
  );
});
