import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import type { NewSink } from '../../src/admin/ports.js';
import { createAddressGuard } from '../../src/connectors/address-guard.js';
import { sinkCarrier } from '../../src/connectors/audit-sink/index.js';
import { syslogMessage } from '../../src/connectors/audit-sink/syslog.js';
import { systemClock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import { Secret } from '../../src/runtime/secret.js';
import { feedSinksJob } from '../../src/workers/feed-sinks.js';
import { openBench } from '../support/openssl.js';
import { type RawStore, rawStores } from '../support/raw-store.js';
import { exported, growTrail } from './trail.js';
import { ourVerdict } from './verifiers.js';

t.setTimeout(180_000);
const log = createLog('silent');
const system = { tenantId: null, actor: 'test' } as const;
const secret = 'a-secret-of-the-webhook';

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

function jobOf({ store }: RawStore) {
  const carry = sinkCarrier({ guard: createAddressGuard([], true), clock: systemClock });
  return feedSinksJob({ sinks: store.sinkQueue, carry, log });
}

async function addSink({ store }: RawStore, sink: Partial<NewSink> & Pick<NewSink, 'type' | 'settings'>): Promise<string> {
  const created = await store.auditSinks.create(system, {
    ...{ id: uuidv7(), name: `sink ${uuidv7()}`, status: 'active', tenantId: null, secret: undefined, startAt: 'beginning' },
    ...sink,
  });
  if (!created.ok) throw new Error(created.error.kind);
  return created.value.id;
}

/** Until the sink has everything; a sink that failed is due again after a second or more. */
async function untilFed(raw: RawStore, id: string): Promise<void> {
  const job = jobOf(raw);
  const { sealed } = await raw.store.auditChain.state();
  while (((await raw.store.auditSinks.find(system, id))?.position ?? 0) < sealed) await job.run();
}

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.teardown(raw.close);
    await growTrail(raw, 500, 2);
    await t.test('a webhook', (t) => webhook(t, raw));
    await t.test('syslog over TLS', (t) => syslog(t, raw));
  });
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with the next of `statuses`, then 204. */
async function hook(t: Test, statuses: number[], received: Received[]): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const status = statuses.shift() ?? 204;
      if (status === 0) return void request.socket.destroy();
      if (status < 300) received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(status).end();
    });
  });
  return `http://127.0.0.1:${await listening(t, server)}/in`;
}

async function webhook(t: Test, raw: RawStore): Promise<void> {
  await t.test('gets every event in order, signed, however often it fails meanwhile, and what it has verifies as an export', async (t) => {
    const received: Received[] = [];
    const id = await addSink(raw, { type: 'webhook', settings: { url: await hook(t, [500, 0, 204, 503], received) }, secret: new Secret(secret) });
    await jobOf(raw).run();
    t.match(await raw.store.auditSinks.find(system, id), { position: 0, lastError: 'The webhook answered with status 500.' });
    await untilFed(raw, id);
    for (const { headers, body } of received) {
      const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['gatehouse-signature'])) ?? [];
      t.equal(mac, createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'));
      t.equal(headers['gatehouse-sink'], id);
    }
    const lines = received.flatMap(({ body }) => body.trimEnd().split('\n'));
    t.same(lines, await exported(raw));
    t.equal(await ourVerdict(lines, { key: await raw.store.auditChain.key(), kept: [] }), 'sound 500 2');
    t.match(await raw.store.auditSinks.find(system, id), { position: 500, lastError: null, deliveredAt: Date });
  });

  await t.test('gets a checkpoint that was signed after its events were delivered', async (t) => {
    const received: Received[] = [];
    const id = await addSink(raw, { type: 'webhook', settings: { url: await hook(t, [], received) }, startAt: 'now' });
    await raw.store.audit.append({ at: new Date(), tenantId: null, actor: 'x', action: 'late', object: 'y', outcome: 'success', details: {} });
    while ((await raw.store.auditChain.seal()) > 0);
    await untilFed(raw, id);
    await raw.store.auditChain.sign();
    await jobOf(raw).run();
    await jobOf(raw).run();
    const bodies = received.map(({ body }) => body).join('');
    t.match(bodies.split('\n').at(-2), /^\{"checkpoint":/);
    t.equal(bodies.match(/"checkpoint":/g)?.length, 1, 'once');
    t.match(bodies, /"action":"late"/);
  });

  await t.test('of one tenant gets the events of that tenant and nothing else', async (t) => {
    const received: Received[] = [];
    const tenantId = '01890000-0000-7000-8000-000000000001';
    const tenant = await raw.store.tenants.create(system, { id: tenantId, name: 'One', slug: 'one', status: 'active' });
    t.ok(tenant.ok);
    await untilFed(raw, await addSink(raw, { type: 'webhook', settings: { url: await hook(t, [], received) }, tenantId }));
    const tenants = received.flatMap(({ body }) => body.trimEnd().split('\n')).map((line) => JSON.parse(line).event.tenantId);
    t.same([...new Set(tenants)], [tenantId]);
    const all = await raw.store.audit.list({ tenantId, actor: 'x' }, { limit: 1 });
    t.ok(tenants.length >= 200 && all.total >= tenants.length);
  });

  await t.test('is fed by one process at a time', async (t) => {
    const received: Received[] = [];
    const id = await addSink(raw, { type: 'webhook', settings: { url: await hook(t, [], received) } });
    await Promise.all([jobOf(raw).run(), jobOf(raw).run(), jobOf(raw).run()]);
    await untilFed(raw, id);
    const seqs = received.flatMap(({ body }) => [...body.matchAll(/"seq":(\d+),"tenantId"/g)].map(([, seq]) => Number(seq)));
    t.same(
      seqs,
      seqs.map((_, at) => at + 1),
      'each event once, in order',
    );
    await raw.store.auditSinks.remove(system, id, 1);
  });
}

/** RFC 5425 section 4.3: MSG-LEN SP SYSLOG-MSG. */
function framesOf(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.subarray(at, space).toString('latin1'));
    frames.push(bytes.subarray(space + 1, space + 1 + length).toString('utf8'));
    at = space + 1 + length;
  }
  return frames;
}

async function syslog(t: Test, raw: RawStore): Promise<void> {
  const bench = openBench();
  t.teardown(() => bench.remove());
  const { cert, key } = await selfSigned(bench);
  const frames: string[] = [];
  let toBreak = 1;
  const server = createTlsServer({ cert, key, minVersion: 'TLSv1.2' }, (socket: TLSSocket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (toBreak > 0) {
        toBreak -= 1;
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
    socket.on('end', () => frames.push(...framesOf(Buffer.concat(chunks))));
  });
  const port = await listening(t, server);

  await t.test('gets every event as a message of RFC 5424 with octet counting (RFC 5425), over a server that breaks off once', async (t) => {
    const id = await addSink(raw, { type: 'syslog', settings: { host: 'localhost', port, trustedCa: cert } });
    await untilFed(raw, id);
    const wanted = await exported(raw);
    t.same(
      frames.map((frame) => frame.slice(frame.indexOf('\uFEFF') + 1)),
      wanted,
    );
    const form = /^<(110|108)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|-) [!-~]{1,255} gatehouse - [!-~]{1,32} - \uFEFF\{/;
    for (const frame of frames) t.match(frame, form);
    await raw.store.auditSinks.remove(system, id, 1);
  });

  await t.test('is not spoken to when its certificate does not verify', async (t) => {
    const before = frames.length;
    const id = await addSink(raw, { type: 'syslog', settings: { host: 'localhost', port } });
    await jobOf(raw).run();
    t.match((await raw.store.auditSinks.find(system, id))?.lastError, /self-signed certificate/);
    t.equal(frames.length, before);
    await raw.store.auditSinks.remove(system, id, 1);
  });

  await t.test('what failed is a warning, and no field can break the header', async (t) => {
    const event = { at: '2026-01-01T00:00:00.000000Z', nodeId: 'a b\nc', action: `x ${'y'.repeat(50)}`, outcome: 'failure' };
    t.equal(syslogMessage({ seq: 1, text: '{}', event }), `<108>1 2026-01-01T00:00:00.000000Z abc gatehouse - x${'y'.repeat(31)} - \uFEFF{}`);
  });
}

async function selfSigned(bench: ReturnType<typeof openBench>): Promise<{ readonly cert: string; readonly key: string }> {
  const made = await bench.openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem'],
    ...['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
  );
  if (made.code !== 0) throw new Error(made.output);
  return { cert: bench.read('cert.pem').toString(), key: bench.read('key.pem').toString() };
}
