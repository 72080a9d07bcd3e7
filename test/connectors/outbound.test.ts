import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { createAddressGuard } from '../../src/connectors/address-guard.js';
import { type Exchange, routeOf, watchExchanges } from '../../src/connectors/exchanges.js';
import { createOutbound, type OutboundSettings } from '../../src/connectors/outbound.js';
import { Secret } from '../../src/runtime/secret.js';
import { openBench } from '../support/openssl.js';

const guard = createAddressGuard([], true);
const soon = (ms = 5_000): AbortSignal => AbortSignal.timeout(ms);

async function listening(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const http = async (t: Test, answer: RequestListener): Promise<string> => `http://127.0.0.1:${await listening(t, createServer(answer))}`;
const https = async (t: Test, options: ServerOptions, answer: RequestListener): Promise<string> =>
  `https://127.0.0.1:${await listening(t, createTlsServer(options, answer))}`;

function outbound(t: Test, settings: Partial<OutboundSettings> = {}) {
  const made = createOutbound({ guard, concurrency: 2, ...settings });
  t.teardown(made.close);
  return made;
}

t.test('a redirect is an answer and is not followed', async (t) => {
  const paths: string[] = [];
  const url = await http(t, (request, response) => {
    paths.push(request.url ?? '');
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const answer = await outbound(t).send({ method: 'GET', url: `${url}/here` }, soon());
  t.match(answer, { kind: 'answered', status: 302 });
  t.equal(answer.kind === 'answered' && answer.header('location'), '/elsewhere');
  t.same(paths, ['/here']);
});

t.test('an answer that is too long, too slow or cut off is lost; a request that never left was not sent', async (t) => {
  const url = await http(t, (request, response) => {
    if (request.url === '/long') response.end(Buffer.alloc(2_000));
    if (request.url === '/cut') response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  });
  const { send } = outbound(t, { maxAnswerBytes: 1_000 });
  t.match(await send({ method: 'GET', url: `${url}/long` }, soon()), { kind: 'lost', reason: /longer than is read/ });
  t.match(await send({ method: 'GET', url: `${url}/long`, maxAnswerBytes: 2_000 }, soon()), { kind: 'answered', status: 200 }, 'said for this one');
  t.match(await send({ method: 'GET', url: `${url}/long` }, soon()), { kind: 'lost' }, 'and for no other');
  t.match(await send({ method: 'GET', url: `${url}/cut` }, soon()), { kind: 'lost', reason: /127\.0\.0\.1: / });
  t.match(await send({ method: 'GET', url: `${url}/silent` }, soon(50)), { kind: 'lost', reason: '127.0.0.1 did not answer in time' });
  const closed = createTcpServer();
  const port = await listening(t, closed);
  closed.close();
  await once(closed, 'close');
  t.match(await send({ method: 'GET', url: `http://127.0.0.1:${port}/` }, soon()), { kind: 'notSent', reason: /nothing listens there \(ECONNREFUSED\)/ });
  t.match(await send({ method: 'GET', url: 'http://no-such-host.invalid/' }, soon()), { kind: 'notSent', reason: /^no-such-host\.invalid/ });
});

t.test('only http and https, never with credentials in the address, only where the guard lets it go', async (t) => {
  const { send } = outbound(t);
  for (const url of ['file:///etc/passwd', 'ftp://ca.example/', 'https://user:pw@ca.example/', 'nothing']) {
    t.match(await send({ method: 'GET', url }, soon()), { kind: 'notSent', reason: /no http or https URL/ }, url);
  }
  const closed = outbound(t, { guard: createAddressGuard(['192.0.2.1'], false) });
  for (const url of ['http://127.0.0.1:1/', 'http://2130706433:1/', 'http://0x7f.1:1/', 'http://[::ffff:127.0.0.1]:1/', 'http://localhost:1/']) {
    t.match(await closed.send({ method: 'GET', url }, soon()), { kind: 'notSent', reason: /GATEHOUSE_CONNECTOR_ALLOW/ }, url);
  }
});

t.test('a name that changes its address after it was checked gains nothing', async (t) => {
  const asked: string[] = [];
  const url = await http(t, (_request, response) => response.end('ok'));
  const { send } = outbound(t, {
    guard: (_host, address) => {
      asked.push(address);
      return address === '127.0.0.1';
    },
  });
  const port = new URL(url).port;
  const answer = await send({ method: 'GET', url: `http://localhost:${port}/` }, soon());
  t.match(answer, { kind: 'answered', status: 200 }, 'the address that was checked is the one connected to');
  t.ok(asked.includes('127.0.0.1'));
  const refusing = outbound(t, { guard: () => false });
  t.match(await refusing.send({ method: 'GET', url: `http://localhost:${port}/` }, soon()), { kind: 'notSent', reason: /GATEHOUSE_CONNECTOR_ALLOW/ });
});

t.test('TLS: trusted CA, client certificate, name of the server', async (t) => {
  const bench = openBench();
  t.teardown(bench.remove);
  const made = async (name: string, subject: string, ...options: string[]) => {
    await bench.key(`${name}.key`);
    const ran = await bench.openssl('req', '-x509', '-new', '-key', `${name}.key`, '-subj', subject, '-days', '2', '-out', `${name}.pem`, ...options);
    t.equal(ran.code, 0, ran.output);
    return { cert: bench.read(`${name}.pem`), key: bench.read(`${name}.key`) };
  };
  const server = await made('server', '/CN=ca.test', '-addext', 'subjectAltName=DNS:ca.test');
  const client = await made('client', '/CN=gatehouse');
  const url = await https(t, { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN);
  });
  const identity = { certificates: client.cert, key: new Secret(client.key) };
  const get = { method: 'GET', url } as const;

  t.match(await outbound(t, { identity }).send(get, soon()), { kind: 'notSent', reason: /trustedCa/ });
  t.match(await outbound(t, { identity, trustedCa: server.cert }).send(get, soon()), { kind: 'notSent', reason: /for another name/ });
  t.match(await outbound(t, { trustedCa: server.cert, serverName: 'ca.test' }).send(get, soon()), { kind: 'lost' }, 'without a client certificate');
  t.match(await outbound(t, { trustedCa: 'no PEM at all', identity: { certificates: 'x', key: new Secret('y') } }).send(get, soon()), { kind: 'notSent' });

  const seen: Exchange[] = [];
  const trusting = outbound(t, { identity, trustedCa: server.cert, serverName: 'ca.test' });
  const answer = await watchExchanges(seen, () => trusting.send({ ...get, route: '/who/*' }, soon()));
  t.equal(answer.kind === 'answered' && answer.body.toString(), 'gatehouse', 'the client certificate was shown');
  t.match(seen, [{ method: 'GET', route: '/who/*', status: 200, peer: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/ }]);
});

t.test('what is noted of a request holds none of its values', async (t) => {
  const url = await http(t, (_request, response) => response.writeHead(403).end('no'));
  const { send } = outbound(t);
  const seen: Exchange[] = [];
  const headers = { authorization: 'Bearer top-secret' };
  await watchExchanges(seen, async () => {
    await send({ method: 'POST', url: `${url}/v1/cas/0123456789abcdef/revoke?token=top-secret`, headers, body: 'top-secret' }, soon());
    await send({ method: 'GET', url: 'http://127.0.0.1:1/' }, soon());
  });
  t.match(seen, [
    { method: 'POST', route: '/v1/cas/*/revoke', status: 403, peer: null },
    { method: 'GET', route: '/', status: null, peer: null },
  ]);
  t.notMatch(JSON.stringify(seen), /top-secret/);
  await send({ method: 'GET', url }, soon());
  t.equal(seen.length, 2, 'and nothing where nobody watches');
});

t.test('each watcher notes its own requests, also when another one has ended meanwhile', async (t) => {
  const url = await http(t, (_request, response) => response.end('yes'));
  const { send } = outbound(t);
  const [short, long]: [Exchange[], Exchange[]] = [[], []];
  let isShortOver = () => {};
  const over = new Promise<void>((resolve) => {
    isShortOver = resolve;
  });
  const watching = watchExchanges(long, async () => {
    await over;
    await send({ method: 'GET', url: `${url}/long` }, soon());
  });
  await watchExchanges(short, () => send({ method: 'GET', url: `${url}/short` }, soon()));
  isShortOver();
  await watching;
  await send({ method: 'GET', url: `${url}/unwatched` }, soon());
  const again: Exchange[] = [];
  await watchExchanges(again, () => send({ method: 'GET', url: `${url}/again` }, soon()));
  t.same(
    [short, long, again].map((seen) => seen.map(({ route }) => route)),
    [['/short'], ['/long'], ['/again']],
  );
});

t.test('paths are shown without what varies', async (t) => {
  const rows: [string, string][] = [
    ['/v1/health', '/v1/health'],
    ['/ejbca/ejbca-rest-api/v1/certificate/pkcs10enroll', '/ejbca/ejbca-rest-api/v1/certificate/pkcs10enroll'],
    ['/v1/certificate/CN%3DCA%2CO%3DX/1a2b3c4d5e/revoke?reason=SUPERSEDED', '/v1/certificate/*/*/revoke'],
    ['/v1/operations/018f3c2e-7b7a-7c3e-8d1e-0123456789ab', '/v1/operations/*'],
    [`/v1/${'a'.repeat(41)}`, '/v1/*'],
    ['/', '/'],
  ];
  for (const [path, shown] of rows) t.equal(routeOf(path), shown, path);
});
