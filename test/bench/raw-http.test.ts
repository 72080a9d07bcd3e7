import { connect } from 'node:net';
import t from 'tap';
import { request } from 'undici';
import { serveRaw } from './raw-http.js';

const { port, close } = await serveRaw(({ method, path, header, body }, reply) => {
  const told = JSON.stringify({ method, path, key: header('Idempotency-Key') ?? null, body: body.toString('utf8') });
  setTimeout(() => reply(path === '/none' ? 404 : 201, told), body.length % 7);
});
const origin = `http://127.0.0.1:${port}`;
t.teardown(close);

t.test('each request is answered as it was asked, on connections that stay', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const body = 'ä'.repeat(index * 3_000);
      const answer = await request(`${origin}/issue/${index}`, { method: 'POST', body, headers: { 'idempotency-key': `k-${index}` } });
      return [answer.statusCode, await answer.body.json(), { method: 'POST', path: `/issue/${index}`, key: `k-${index}`, body }] as const;
    }),
  );
  for (const [status, told, wanted] of answers) t.same([status, told], [201, wanted]);
  const none = await request(`${origin}/none`);
  t.same([none.statusCode, await none.body.json()], [404, { method: 'GET', path: '/none', key: null, body: '' }]);
});

t.test('a request that comes in pieces is one', async (t) => {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const answered = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString('utf8'))));
  for (const piece of ['POST /a HTTP/1.1\r\nContent-', 'Length: 4\r\n\r', '\nab', 'cd']) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.match(await answered, /^HTTP\/1\.1 201 .*"body":"abcd"/s);
});
