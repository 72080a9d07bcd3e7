import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { serverEvents } from '../../src/client/events.js';
import { createClient, GatehouseProblem } from '../../src/client/index.js';
import type { OrderEvent, OrderEventReader } from '../../src/enrolment/order-events.js';
import { openDesk } from '../admin/desk.js';
import { memoryAdmin } from '../support/memory-admin.js';

const event = (key: string, at: number, tenantId: string): OrderEvent => ({
  ...{ key, at: new Date(at), action: 'order.issued', state: 'ISSUED', orderId: `order ${key}`, tenantId, profileId: 'p' },
  ...{ protocol: 'cmp', operation: 'enrolment', subject: 'CN=x' },
});

async function server(t: Test, orderEvents?: OrderEventReader) {
  const desk = await openDesk(
    async (clock) => {
      const memory = memoryAdmin(clock);
      return { ...memory, addOrder: async (order) => memory.addOrder(order), auditEvents: async () => memory.events, close: async () => {} };
    },
    orderEvents === undefined ? {} : { orderEvents },
  );
  t.teardown(() => desk.close());
  const baseUrl = await desk.app.listen({ host: '127.0.0.1', port: 0 });
  const tenant = await desk.addTenant('Client');
  return { desk, tenant, baseUrl, client: createClient({ baseUrl: `${baseUrl}/`, token: await desk.tokenFor('admin', tenant.id) }) };
}

t.test('objects are created, read, changed and removed with their types, and lists are walked to their end', async (t) => {
  const { client, tenant } = await server(t);
  const made: string[] = [];
  for (const name of ['One', 'Two', 'Three']) {
    const { status, body } = await client.call('createCmpProfile', { body: { name, connectorId: tenant.connectorId }, idempotencyKey: name });
    t.equal(status, 201);
    t.equal(body.name, name);
    made.push(body.id);
  }
  const [first = ''] = made;
  const { etag } = await client.call('getCmpProfile', { path: { id: first } });
  const changed = await client.call('updateCmpProfile', { path: { id: first }, body: { description: 'Changed' }, ifMatch: etag ?? '' });
  t.equal(changed.body.description, 'Changed');

  const names: string[] = [];
  for await (const profile of client.each('listCmpProfiles', { query: { limit: 2, sort: 'name' } })) names.push(profile.name);
  t.same(names, ['One', 'Three', 'Two']);
  t.equal((await client.call('listCmpProfiles', { query: { q: 'tw' } })).body.total, 1);
  t.match(await new Response(await client.csv('listOrders', {})).text(), /^id,createdAt,/);

  t.equal((await client.call('deleteCmpProfile', { path: { id: first }, ifMatch: '*' })).body, undefined);
  const gone = await client.call('getCmpProfile', { path: { id: first } }).catch((error: unknown) => error);
  t.ok(gone instanceof GatehouseProblem);
  t.match(gone, { status: 404, code: 'not-found' });
});

t.test('what the server refuses comes as a problem with every fault', async (t) => {
  const { client } = await server(t);
  const refused = await client.call('createCmpProfile', { body: { name: '', connectorId: 'x' } }).catch((error: unknown) => error);
  t.match(refused, { status: 400, code: 'invalid-request', problem: { errors: [{ path: 'name' }, { path: 'connectorId' }] } });
  const proxy = createClient({ fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502 }) });
  t.match(await proxy.call('getSession', {}).catch((error: unknown) => error), { status: 502, message: /answered 502/ });
});

t.test('orders are followed, a broken connection is taken up again, and nothing is told twice', { timeout: 60_000 }, async (t) => {
  const happened: OrderEvent[] = [];
  const reader: OrderEventReader = {
    position: async () => new Map([['boot', happened.length]]),
    after: async (position) => ({ events: happened.slice(position.get('boot') ?? 0), position: new Map([['boot', happened.length]]) }),
    since: async (time) => happened.filter(({ at }) => at >= time),
  };
  const { tenant, baseUrl, desk } = await server(t, reader);
  let answers = 0;
  const breaking: typeof fetch = async (url, init) => {
    const answer = await fetch(url, init);
    answers += 1;
    if (answers > 1 || answer.body === null) return answer;
    // The first connection breaks after the first event.
    const broken = new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        controller.enqueue(part);
        if (new TextDecoder().decode(part).includes('order 1')) controller.error(new Error('broken'));
      },
    });
    return new Response(answer.body.pipeThrough(broken), { status: 200 });
  };
  const client = createClient({ baseUrl, token: await desk.tokenFor('viewer', tenant.id), fetch: breaking });
  const end = new AbortController();
  const heard: string[] = [];
  happened.push(event('0', Date.now(), tenant.id));
  const add = setInterval(() => {
    if (happened.length < 4) happened.push(event(String(happened.length), Date.now(), tenant.id));
  }, 1_500);
  for await (const order of client.followOrders({}, end.signal)) {
    heard.push(order === 'reset' ? 'reset' : order.key);
    if (heard.includes('3')) end.abort();
  }
  clearInterval(add);
  t.same(
    heard.filter((key) => key !== '0'),
    ['1', '2', '3'],
    'each once; what came before need not be told',
  );
  t.ok(answers >= 2);
});

t.test('server-sent events are read however the network cuts them', async (t) => {
  const text = ': alive\n\nid: 1-a\nevent: order\ndata: {"a":\ndata: 1}\n\nretry: 5\n\r\ndata:plain\r\n\r\ndata: unfinished';
  for (const size of [1, 7, 1_000]) {
    const bytes = new TextEncoder().encode(text);
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.slice(index * size, (index + 1) * size));
    const found = [];
    for await (const one of serverEvents(ReadableStream.from(parts) as ReadableStream<Uint8Array>)) found.push(one);
    t.match(found[0], { event: 'order', data: '{"a":\n1}', id: '1-a' }, `${size}`);
    t.equal(found.at(-1)?.data, 'plain');
  }
});

t.test('nothing of Node or of the server comes along', async (t) => {
  for (const file of ['index', 'events', 'problem', 'places', 'operations', 'schemas']) {
    const source = readFileSync(new URL(`../../src/client/${file}.ts`, import.meta.url), 'utf8');
    t.notMatch(source, /from '(node:|\.\.\/|[a-z@])|\bprocess\.|\bBuffer\b/, file);
  }
});
