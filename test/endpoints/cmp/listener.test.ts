import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Config } from '../../../src/config.js';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { deviceServer } from '../../../src/listeners.js';
import { ipName, subjectAltNameExtension, toPem } from '../../../src/pkix/index.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import { begin, gist, nonce, readReply, secretOf, wish } from './requests.js';
import { certify, named, newKey, openStage, type Stage } from './stage.js';

type Tls = { readonly certFile: string; readonly keyFile: string };

async function listen(t: Test, stage: Stage, tls?: Tls) {
  const parts = {
    directory: stage.directory,
    enrolment: stage.core,
    engine: { crl: async () => undefined, certificateOf: () => undefined, ocsp: async () => ({ der: Buffer.alloc(0), validity: undefined }) },
    clock: systemClock,
    log: createLog('silent'),
    readiness: async () => ({ ready: true, checks: {} }),
  };
  const at = { host: '127.0.0.1', port: 0, ...(tls && { tls }) };
  const { app } = deviceServer({ listen: at, trustedProxies: [] } as unknown as Config, parts as Parameters<typeof deviceServer>[1]);
  await app.listen(at);
  t.teardown(() => app.close());
  return { app, port: (app.server.address() as AddressInfo).port };
}

const message = async (credential = secretOf()) => buildRequest(await begin(credential), { senderNonce: nonce() }, wish());

t.test('CMP-018 over HTTPS the protection of a message is verified all the same', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const key = newKey();
  const certificate = certify(named('127.0.0.1'), key.signer.publicKey, key.signer, undefined, [subjectAltNameExtension([ipName('127.0.0.1')])]);
  const tls = { certFile: join(folder, 'tls.pem'), keyFile: join(folder, 'tls.key') };
  writeFileSync(tls.certFile, toPem('CERTIFICATE', certificate.der));
  writeFileSync(tls.keyFile, key.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const { port } = await listen(t, openStage(), tls);
  const post = (body: Buffer) =>
    new Promise<Buffer>((resolve, reject) => {
      const ca = toPem('CERTIFICATE', certificate.der);
      const options = { host: '127.0.0.1', port, path: '/cmp/demo', method: 'POST', headers: { 'content-type': 'application/pkixcmp' }, ca };
      const sent = httpsRequest({ ...options, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  t.equal(gist(readReply(await post(await message()))), 'ip accepted');
  t.equal(gist(readReply(await post(await message(secretOf('device-77', Buffer.from('wrong')))))), 'error rejection badMessageCheck');
});

t.test('CMP-017 slow, silent, long and too many clients end before anything is parsed', async (t) => {
  const stage = openStage();
  const { app, port } = await listen(t, stage);
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections } = app.server;
  t.same(
    { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections },
    {
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      keepAliveTimeout: 10_000,
      maxConnections: 10_000,
    },
  );

  t.test('a body that announces five megabytes is refused by its announcement', async (t) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /cmp/demo HTTP/1.1\r\nhost: x\r\ncontent-type: application/pkixcmp\r\ncontent-length: ${5 * 1024 * 1024}\r\n\r\n`);
    const [first] = await new Promise<string[]>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1').split('\r\n'))));
    socket.destroy();
    t.match(first, /^HTTP\/1\.1 413 /);
    t.match(stage.core.refusals, [{ reason: 'too-large' }]);
  });

  t.test('a header that never ends is cut off', async (t) => {
    app.server.headersTimeout = 200;
    const socket = connect(port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('POST /cmp/demo HTTP/1.1\r\nhost: x\r\nx-slow: ');
    await closed;
    t.notMatch(Buffer.concat(received).toString('latin1'), /200/);
  });

  t.test('connections beyond the cap are dropped', async (t) => {
    app.server.maxConnections = 1;
    const first = connect(port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    const dropped = new Promise((resolve) => app.server.once('drop', resolve));
    const second = connect(port, '127.0.0.1');
    second.on('error', () => undefined);
    t.match(await dropped, { remotePort: Number });
    first.destroy();
    second.destroy();
  });
  t.equal(stage.core.requests.length, 0);
});
