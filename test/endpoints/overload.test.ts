import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t, { type Test } from 'tap';
import { type LoadLimits, shedLoad } from '../../src/endpoints/overload.js';

interface Answered {
  readonly status: number;
  readonly retryAfter: number;
  readonly body: string;
}

const none = { unread: 1_000, unreadMs: 60_000, queued: 0, patient: 0, queuedMs: 60_000, turnMs: 60_000 };

/** A server that holds every request until it is let go. */
async function holding(t: Test, limits: LoadLimits, waiting: () => number = () => 0, isAway = () => false) {
  const held: ServerResponse[] = [];
  const arrivals: (() => void)[] = [];
  const server = createServer((asked: IncomingMessage, response: ServerResponse) => {
    asked.resume();
    held.push(response);
    for (const arrived of arrivals.splice(0)) arrived();
  });
  shedLoad(server, { waiting, isAway }, limits);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  t.teardown(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const send = (method: 'GET' | 'POST', path: string, body = '', signal?: AbortSignal): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const asking = request({ port, host: '127.0.0.1', method, path, agent, ...(signal !== undefined && { signal }) }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, retryAfter: Number(answer.headers['retry-after']), body: Buffer.concat(parts).toString() }),
        );
      });
      asking.on('error', reject);
      asking.end(body);
    });
  const arrived = async (count: number): Promise<void> => {
    while (held.length < count) await new Promise<void>((resolve) => arrivals.push(resolve));
  };
  const letGo = () => held.splice(0).forEach((response) => void response.end('done'));
  return { send, arrived, letGo, held, port };
}

t.test('messages beyond what a process takes on are answered 503 with a Retry-After of chance, unread, on a connection that stays usable', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 2, all: 10 });
  const taken = [send('POST', '/scep/demo', 'one'), send('GET', '/scep/demo?operation=PKIOperation&message=AA')];
  await arrived(2);
  const refused = await Promise.all(Array.from({ length: 20 }, () => send('POST', '/cmp/demo', 'x'.repeat(50_000))));
  t.ok(refused.every(({ status }) => status === 503));
  t.ok(refused.every(({ retryAfter }) => Number.isInteger(retryAfter) && retryAfter >= 5 && retryAfter <= 30));
  t.ok(new Set(refused.map(({ retryAfter }) => retryAfter)).size > 1, 'they do not come back together');
  letGo();
  t.same(
    (await Promise.all(taken)).map(({ status }) => status),
    [200, 200],
  );
  const again = send('POST', '/scep/demo', 'two');
  await arrived(1);
  letGo();
  t.equal((await again).status, 200, 'there is room again');
});

t.test('probes and what is no message are always served', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 0, all: 0 });
  t.equal((await send('POST', '/scep/demo')).status, 503);
  const probes = ['/healthz', '/readyz', '/pki/issuing.crl', '/scep/demo?operation=GetCACert'].map((path) => send('GET', path));
  await arrived(4);
  letGo();
  t.same(
    (await Promise.all(probes)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

t.test('messages that only wait for a CA elsewhere take no room from others, up to a bound of their own', async (t) => {
  let waiting = 0;
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 1, all: 3 }, () => waiting);
  const taken = [send('POST', '/a')];
  await arrived(1);
  t.equal((await send('POST', '/b')).status, 503);
  waiting = 1;
  taken.push(send('POST', '/c'));
  await arrived(2);
  waiting = 2;
  taken.push(send('POST', '/d'));
  await arrived(3);
  waiting = 3;
  t.equal((await send('POST', '/e')).status, 503, 'memory is bounded');
  letGo();
  t.ok((await Promise.all(taken)).every(({ status }) => status === 200));
});

t.test('a device that goes away gives its room back', async (t) => {
  const { send, arrived, letGo, held } = await holding(t, { ...none, busy: 1, all: 1 });
  const gone = new AbortController();
  const given = send('POST', '/a', 'x', gone.signal).catch(() => 'gone');
  await arrived(1);
  const closed = new Promise((resolve) => held[0]?.once('close', resolve));
  gone.abort();
  t.equal(await given, 'gone');
  await closed;
  held.splice(0);
  const next = send('POST', '/b');
  await arrived(1);
  letGo();
  t.equal((await next).status, 200);
});

t.test('a few wait for their turn instead, and go in the order they came; one that has gone meanwhile is passed over', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 1, all: 9, queued: 3 });
  const order: string[] = [];
  const sent = (path: string, signal?: AbortSignal) =>
    send('POST', path, 'x', signal).then(
      ({ status }) => void order.push(`${path} ${status}`),
      () => void order.push(`${path} gone`),
    );
  const all = [sent('/1')];
  await arrived(1);
  const gone = new AbortController();
  all.push(sent('/2', gone.signal));
  gone.abort();
  await all[1];
  all.push(sent('/3'));
  while (order.length < 3) {
    letGo();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  t.same(order, ['/2 gone', '/1 200', '/3 200']);
});

t.test('of many that arrive in one turn of the event loop some are begun, the others each in a later one', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 100, all: 100, queued: 100, turnMs: 0 });
  const sent = Array.from({ length: 30 }, (_, index) => send('POST', `/${index}`, 'x'));
  await arrived(30);
  letGo();
  t.ok((await Promise.all(sent)).every(({ status }) => status === 200));
});

t.test('no more are let in once the first that waits has waited too long', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 1, all: 9, queued: 100, queuedMs: 0 });
  const taken = send('POST', '/1', 'x');
  await arrived(1);
  const second = send('POST', '/2', 'x');
  const statuses: number[] = [];
  while (!statuses.includes(503)) {
    const next = await Promise.race([send('POST', '/late', 'x'), new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50))]);
    if (next !== undefined) statuses.push(next.status);
  }
  t.ok(statuses.includes(503));
  letGo();
  t.equal((await taken).status, 200);
  t.ok([200, 503].includes((await second).status));
});

t.test('a slow machine turns nobody away while only a few wait, however long the first of them has waited', async (t) => {
  const { send, arrived, letGo, held } = await holding(t, { ...none, busy: 1, all: 9, queued: 100, patient: 2, queuedMs: 30 });
  const taken = send('POST', '/1', 'x');
  await arrived(1);
  const second = send('POST', '/2', 'x');
  await new Promise((resolve) => setTimeout(resolve, 60));
  const third = send('POST', '/3', 'x');
  const state = { isThirdAnswered: false };
  void third
    .catch(() => undefined)
    .then(() => {
      state.isThirdAnswered = true;
    });
  // One more than may wait so long: refused, and with its answer it is known that the third was not.
  let refused = 0;
  while (refused === 0) {
    const late = await Promise.race([send('POST', '/late', 'x'), new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100))]);
    if (late?.status === 503) refused += 1;
  }
  t.notOk(state.isThirdAnswered);
  t.equal(held.length, 1);
  letGo();
  t.equal((await taken).status, 200);
  for (const left of [second, third]) left.catch(() => undefined);
});

/** A POST whose head and first octet were sent; `finish` sends the second and last. */
async function withheld(port: number) {
  const socket = connect(port, '127.0.0.1');
  const state = { answer: '', isClosed: false };
  socket.on('data', (part: Buffer) => {
    state.answer += part.toString('latin1');
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      state.isClosed = true;
      resolve();
    });
  });
  await once(socket, 'connect');
  socket.write('POST /cmp/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
  return { state, closed, finish: () => socket.write('b') };
}

t.test('bodies that are held back take no place of others, and are answered when they come', async (t) => {
  const { send, arrived, letGo, port } = await holding(t, { ...none, busy: 1, all: 1 });
  const slow = [await withheld(port), await withheld(port), await withheld(port)];
  await arrived(3);
  const quick = send('POST', '/scep/demo', 'whole');
  await arrived(4);
  for (const { finish } of slow) finish();
  letGo();
  t.equal((await quick).status, 200);
  while (slow.some(({ state }) => !state.answer.startsWith('HTTP/1.1 200'))) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(slow.every(({ state }) => !state.isClosed));
});

t.test('of too many bodies that are held back the oldest makes room once it was slow; who comes with a whole message is served', async (t) => {
  const { send, arrived, letGo, port } = await holding(t, { ...none, busy: 2, all: 2, unread: 2, unreadMs: 30, queued: 100 });
  const [first, second] = [await withheld(port), await withheld(port)];
  await arrived(2);
  const quick = send('POST', '/scep/demo', 'whole');
  await arrived(3);
  await first.closed;
  t.notOk(second.state.isClosed, 'one was enough');
  letGo();
  t.equal((await quick).status, 200);
});

t.test('who waits is answered in the end where nothing of what is under way ends', async (t) => {
  const { send, arrived, letGo } = await holding(t, { ...none, busy: 1, all: 1, queued: 100, patient: 100, queuedMs: 2 });
  const taken = send('POST', '/1', 'x');
  await arrived(1);
  t.equal((await send('POST', '/2', 'x')).status, 503);
  letGo();
  t.equal((await taken).status, 200);
});

t.test('F18 a node that is to serve nobody now says 503 to every message and goes on serving probes and certificates', async (t) => {
  let isAway = true;
  const { send, arrived, letGo } = await holding(
    t,
    { ...none, busy: 2, all: 10 },
    () => 0,
    () => isAway,
  );
  t.match(await send('POST', '/cmp/demo', 'one'), { status: 503, retryAfter: Number });
  t.match(await send('GET', '/scep/demo?operation=PKIOperation&message=AA'), { status: 503 });
  const [ready, ca] = [send('GET', '/readyz'), send('GET', '/scep/demo?operation=GetCACert')];
  await arrived(2);
  letGo();
  t.same([(await ready).status, (await ca).status], [200, 200]);
  isAway = false;
  const served = send('POST', '/cmp/demo', 'one');
  await arrived(1);
  letGo();
  t.equal((await served).status, 200, 'and serves again as soon as it may');
});
