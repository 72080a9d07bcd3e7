import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import t, { type Test } from 'tap';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage } from '../../../src/device-client/cmp-messages.js';
import { toPem } from '../../../src/pkix/index.js';
import { cmpLimits } from '../../../src/protocol/der/index.js';
import { needs } from '../../support/clients.js';
import { openBench } from '../../support/openssl.js';
import { begin, certificateOf, gist, nonce, readReply, wish } from './requests.js';
import { newDevice, newKey, openStage, reference, type Stage, type StageOptions, secret } from './stage.js';

interface Served {
  readonly stage: Stage;
  readonly port: number;
  readonly app: FastifyInstance;
}

async function serve(t: Test, options: StageOptions = {}): Promise<Served> {
  const stage = openStage(options);
  const app = stage.app();
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { stage, app, port: address.port };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

function http(port: number, method: string, path: string, body?: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

t.test('CMP-014 an announcement is declined by HTTP: 4xx, nothing in the body', async (t) => {
  const { stage, port } = await serve(t);
  const announced = buildMessage(await begin(), { senderNonce: nonce() }, { type: 'crlann', content: Buffer.from('3000', 'hex') });
  const answer = await http(port, 'POST', '/cmp/demo', announced, { 'content-type': 'application/pkixcmp' });
  t.match(answer, { status: 400, body: Buffer.alloc(0) });
  t.match(stage.core.refusals, [{ reason: 'unsupported' }]);
});

const pkixcmp = { 'content-type': 'application/pkixcmp' };
const request = async () => buildRequest(await begin(), { senderNonce: nonce() }, wish({ implicitConfirm: true }));

t.test('HTTP', async (t) => {
  const { stage, port } = await serve(t, { profile: { isDefault: true } });
  const paths = {
    '/cmp/demo': 'ip accepted',
    '/cmp/demo/initialization': 'ip accepted',
    '/cmp/demo/keyupdate': 'error rejection badRequest',
    '/cmp/demo/': 'ip accepted',
    '/cmp/demo?x=1': 'ip accepted',
    '/.well-known/cmp': 'ip accepted',
    '/.well-known/cmp/initialization': 'ip accepted',
    '/.well-known/cmp/p/demo': 'ip accepted',
    '/.well-known/cmp/p/demo/initialization': 'ip accepted',
    '/old/pki': 'ip accepted',
  };
  for (const [path, expected] of Object.entries(paths)) {
    const answer = await http(port, 'POST', path, await request(), pkixcmp);
    t.equal(answer.status, 200, `CMP-003 ${path}`);
    t.equal(answer.headers['content-type'], 'application/pkixcmp', `CMP-002 ${path}`);
    t.equal(Number(answer.headers['content-length']), answer.body.length, `CMP-019 ${path}`);
    t.equal(answer.headers['transfer-encoding'], undefined, `CMP-019 ${path}`);
    t.equal(gist(readReply(answer.body)), expected, `CMP-006, CMP-007, CMP-011, CMP-232 ${path}`);
  }
  for (const path of [
    '/cmp/nosuch',
    '/cmp/',
    '/cmp',
    '/cmp/demo/nosuch',
    '/cmp/demo/initialization/x',
    '/.well-known/cmp/p/nosuch',
    '/.well-known/cmp/p',
    '/x',
    '/cmp/%00',
  ]) {
    const answer = await http(port, 'POST', path, await request(), pkixcmp);
    t.equal(answer.status, 404, `CMP-007, CMP-013 ${path}`);
    t.not(answer.headers['content-type'], 'application/pkixcmp', path);
  }
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    for (const path of ['/cmp/demo', '/.well-known/cmp', '/old/pki']) {
      const answer = await http(port, method, path);
      t.equal(answer.status, 405, `CMP-001 ${method} ${path}`);
      t.equal(answer.headers.allow, 'POST', `CMP-001 ${method} ${path}`);
      t.equal(answer.body.length, 0);
    }
    t.equal((await http(port, method, '/cmp/nosuch')).status, 404, `${method} of an unknown path`);
  }
  t.equal((await http(port, 'POST', '/cmp/demo', await request(), { 'content-type': 'application/pkixcmp-poll' })).status, 200, 'CMP-002 the legacy type');
  t.equal((await http(port, 'POST', '/cmp/demo', await request(), { 'content-type': 'Application/PKIXCMP; x=y' })).status, 200, 'CMP-002 case and parameters');
  for (const type of ['text/plain', 'application/json', 'application/pkixcmpx', 'application/octet-stream']) {
    t.equal((await http(port, 'POST', '/cmp/demo', await request(), { 'content-type': type })).status, 415, `CMP-002 ${type}`);
  }
  t.equal((await http(port, 'POST', '/cmp/demo', await request())).status, 415, 'CMP-002 no type');
  const large = await http(port, 'POST', '/cmp/demo', Buffer.alloc(cmpLimits.maxBytes + 1), pkixcmp);
  t.equal(large.status, 413);
  t.equal(large.body.length, 0);
  t.equal(gist(readReply((await http(port, 'POST', '/cmp/demo', Buffer.alloc(100, 0x30), pkixcmp)).body)), 'error rejection badDataFormat', 'CMP-005');
  t.equal(gist(readReply((await http(port, 'POST', '/cmp/demo', Buffer.alloc(0), pkixcmp)).body)), 'error rejection badDataFormat', 'CMP-005 an empty body');
  const reasons = new Set(stage.core.refusals.map((item) => item.reason));
  for (const reason of ['unknown-path', 'unsupported', 'too-large', 'malformed'] as const) t.ok(reasons.has(reason), `the operator sees ${reason}`);
});

t.test('a signed request before there is an RA certificate gets 503 and may come again', async (t) => {
  const { stage, port } = await serve(t, { withoutRaKey: true });
  const device = newDevice('dev', stage.issuing);
  const bytes = buildRequest(await begin(certificateOf(device)), { senderNonce: nonce() }, wish());
  const answer = await http(port, 'POST', '/cmp/demo', bytes, pkixcmp);
  t.equal(answer.status, 503);
  t.equal(answer.headers['retry-after'], '5');
});

t.test('delivery is noted once the answer has gone out, as confirmed when no confirmation will follow', async (t) => {
  const { stage, port } = await serve(t);
  await http(port, 'POST', '/cmp/demo', await request(), pkixcmp);
  await http(port, 'POST', '/cmp/demo', buildRequest(await begin(), { senderNonce: nonce() }, wish()), pkixcmp);
  await new Promise((resolve) => setImmediate(resolve));
  t.same(stage.core.delivered, [
    { orderId: 'order-1', isConfirmed: true },
    { orderId: 'order-2', isConfirmed: false },
  ]);
});

t.test('CMP-015 HTTP/1.0 with keep-alive: two requests on one connection', async (t) => {
  const { port } = await serve(t);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  for (let turn = 0; turn < 2; turn += 1) {
    const body = await request();
    const head = `POST /cmp/demo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/pkixcmp\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await new Promise<Buffer>((resolve, reject) => {
      let received = Buffer.alloc(0);
      const onData = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1'))?.[1] ?? Number.NaN);
        if (end < 0 || received.length < end + 4 + length) return;
        socket.off('data', onData);
        resolve(received);
      };
      socket.on('data', onData);
      socket.once('error', reject);
      socket.write(Buffer.concat([Buffer.from(head), body]));
    });
    const text = answer.toString('latin1');
    t.match(text, /^HTTP\/1\.\d 200/);
    t.match(text, /connection: keep-alive/i);
    t.equal(gist(readReply(answer.subarray(answer.indexOf('\r\n\r\n') + 4))), 'ip accepted');
  }
});

/** What a log of openssl says its messages were: `IR`, `IP`, `CERTCONF`, `PKICONF`. */
function messagesOf(output: string): string {
  return [...output.matchAll(/CMP info:\s*(?:sending|received) ([A-Z][A-Z0-9]+)/g)].map((match) => match[1] ?? '').join(' ');
}

t.test('openssl cmp', needs('openssl'), async (t) => {
  const bench = openBench();
  const { stage, port } = await serve(t, { policy: { caPubs: true } });
  t.teardown(() => bench.remove());
  const device = newDevice('device-78', stage.issuing);
  bench.write('device.pem', toPem('CERTIFICATE', device.certificate.der));
  bench.write('device.key', device.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  bench.write('ca.pem', stage.caPem);
  bench.write('root.pem', toPem('CERTIFICATE', stage.root.certificate.der));
  bench.write('new.key', newKey().privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  await bench.csr('new.csr', 'new.key', '/CN=device-78');
  const secretOptions = ['-ref', reference, '-secret', `pass:${secret.toString()}`];
  const signOptions = (trusted = 'ca.pem') => ['-cert', 'device.pem', '-key', 'device.key', '-trusted', trusted];
  const cmp = (path: string, ...args: readonly string[]) =>
    bench.openssl(
      'cmp',
      '-config',
      '',
      '-batch',
      '-server',
      `127.0.0.1:${port}`,
      '-path',
      path,
      '-recipient',
      '/CN=Stage Issuing CA',
      '-msg_timeout',
      '10',
      ...args,
    );
  const wanted = ['-newkey', 'new.key', '-subject', '/CN=device-77', '-certout', 'new.pem'];

  const flows: readonly (readonly [row: string, args: readonly string[], messages: string])[] = [
    [
      'ir, PBM, explicit confirmation',
      ['-cmd', 'ir', ...secretOptions, ...wanted, '-cacertsout', 'capubs.pem', '-chainout', 'chain.pem'],
      'IR IP CERTCONF PKICONF',
    ],
    [
      'ir, PBM with HMAC-SHA256, implicit confirmation',
      ['-cmd', 'ir', ...secretOptions, ...wanted, '-digest', 'sha256', '-mac', 'hmacWithSHA256', '-implicit_confirm'],
      'IR IP',
    ],
    ['ir, signed', ['-cmd', 'ir', ...signOptions(), ...wanted], 'IR IP CERTCONF PKICONF'],
    ['cr, signed, only the root trusted', ['-cmd', 'cr', ...signOptions('root.pem'), ...wanted], 'CR CP CERTCONF PKICONF'],
    ['kur, kept alive', ['-cmd', 'kur', ...signOptions(), '-newkey', 'new.key', '-certout', 'new.pem', '-keep_alive', '2'], 'KUR KUP CERTCONF PKICONF'],
    ['p10cr, signed', ['-cmd', 'p10cr', ...signOptions(), '-csr', 'new.csr', '-certout', 'new.pem'], 'P10CR CP CERTCONF PKICONF'],
    ['p10cr, PBM', ['-cmd', 'p10cr', ...secretOptions, '-csr', 'new.csr', '-certout', 'new.pem'], 'P10CR CP CERTCONF PKICONF'],
    ['two certificates in a row', ['-cmd', 'ir', ...secretOptions, ...wanted, '-repeat', '2', '-implicit_confirm'], 'IR IP IR IP'],
  ];
  for (const [row, args, messages] of flows) {
    const ran = await cmp('.well-known/cmp/p/demo', ...args);
    t.equal(ran.code, 0, `${row}: ${ran.output}`);
    t.equal(messagesOf(ran.output), messages, row);
    t.equal((await bench.openssl('verify', '-CAfile', 'ca.pem', 'new.pem')).code, 0, `${row}: the certificate verifies`);
  }
  t.equal((await bench.openssl('verify', '-CAfile', 'capubs.pem', 'new.pem')).code, 0, 'CMP-120 under the CA certificates of ip');
  t.equal((await bench.openssl('verify', '-trusted', 'root.pem', '-untrusted', 'chain.pem', 'new.pem')).code, 0, 'CMP-078 with the chain of ip');

  const refusals: readonly (readonly [row: string, args: readonly string[], says: RegExp])[] = [
    ['CMP-071 a wrong secret', ['-cmd', 'ir', '-ref', reference, '-secret', 'pass:wrong', ...wanted, '-unprotected_errors'], /badMessageCheck/],
    ['CMP-057 unprotected', ['-cmd', 'ir', ...secretOptions, ...wanted, '-unprotected_requests', '-unprotected_errors'], /badMessageCheck/],
    ['CMP-104 no proof of possession', ['-cmd', 'ir', ...secretOptions, ...wanted, '-popo', '-1'], /badPOP/],
    ['CMP-108 raVerified', ['-cmd', 'ir', ...secretOptions, ...wanted, '-popo', '0'], /notAuthorized/],
    ['CMP-114 kur under a MAC', ['-cmd', 'kur', ...secretOptions, '-oldcert', 'device.pem', ...wanted], /wrongIntegrity/],
    ['CMP-140 rr under a MAC', ['-cmd', 'rr', ...secretOptions, '-oldcert', 'device.pem'], /wrongIntegrity/],
  ];
  for (const [row, args, says] of refusals) {
    const ran = await cmp('cmp/demo', ...args);
    t.not(ran.code, 0, row);
    t.match(ran.output, says, `${row}: ${ran.output}`);
  }

  stage.core.mode = 'wait';
  const timer = setTimeout(() => stage.core.issueWaiting(), 1_200);
  t.teardown(() => clearTimeout(timer));
  const polled = await cmp('cmp/demo', '-cmd', 'ir', ...secretOptions, ...wanted, '-total_timeout', '20');
  t.equal(polled.code, 0, polled.output);
  t.match(messagesOf(polled.output), /^IR IP (POLLREQ POLLREP )+POLLREQ IP CERTCONF PKICONF$/, 'CMP-150');
});
