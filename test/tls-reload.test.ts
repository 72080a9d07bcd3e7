import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import { createLog } from '../src/runtime/log.js';
import { followCertificates } from '../src/tls-reload.js';
import { openBench } from './support/openssl.js';

t.setTimeout(120_000);

t.test('a TLS listener takes a new certificate without a restart, and keeps the old one while the files do not fit', async (t) => {
  const bench = openBench();
  t.teardown(() => bench.remove());
  const pairs = await Promise.all(['one', 'two'].map((name) => selfSigned(bench, name)));
  const [certFile, keyFile] = [bench.file('listener.crt'), bench.file('listener.key')];
  const use = (cert: number, key: number) => {
    writeFileSync(certFile, pairs[cert]?.cert ?? '');
    writeFileSync(keyFile, pairs[key]?.key ?? '');
  };
  use(0, 0);
  const app = Fastify({ https: { cert: pairs[0]?.cert ?? '', key: pairs[0]?.key ?? '' } }) as unknown as FastifyInstance;
  t.teardown(() => app.close());
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(line) });
  followCertificates([{ app, at: { host: '127.0.0.1', port: 0, tls: { certFile, keyFile } }, setting: 'GATEHOUSE_LISTEN' }], log);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  t.equal(await shown(port), 'one');

  use(1, 0);
  while (!lines.some((line) => line.includes('cannot be used'))) await sleep(50);
  t.equal(await shown(port), 'one');
  use(1, 1);
  while ((await shown(port)) !== 'two') await sleep(50);
  t.match(lines.join(''), /the listener uses a new certificate/);
});

async function selfSigned(bench: ReturnType<typeof openBench>, name: string) {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  const made = await bench.openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    ...files,
  );
  if (made.code !== 0) throw new Error(made.output);
  return { cert: bench.read(`${name}.crt`), key: bench.read(`${name}.key`) };
}

/** The common name of the certificate that a new connection is shown. */
async function shown(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}
