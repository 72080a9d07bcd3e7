import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { buildPkcsReq, generateRsaKey } from '../../../src/device-client/scep.js';
import { registerScep, serveLegacyScep } from '../../../src/endpoints/scep/route.js';
import { serialHex } from '../../../src/pkix/index.js';
import { readCaCertificates, readCertRep } from '../../../src/protocol/scep/index.js';
import { stoppedClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import type { EndpointDirectory, ScepEndpoint } from '../../../src/tenancy/directory.js';
import { createWorld, type FakeEnrolment, issuingEnrolment, name, raKey } from './world.js';

const world = createWorld();
const { ra } = world;
const key = generateRsaKey();
const request = () => buildPkcsReq({ key, subject: name('/CN=device-1'), challenge: 'open sesame', recipient: ra.certificate }).message;

interface Served {
  readonly app: FastifyInstance;
  readonly core: FakeEnrolment;
  readonly logged: string[];
}

function serve(t: Test, endpoints: Readonly<Record<string, ScepEndpoint>> = { demo: world.endpoint }, now = new Date()): Served {
  const core = issuingEnrolment(world);
  const logged: string[] = [];
  const directory: EndpointDirectory = {
    scep: (path) => endpoints[path],
    cmp: () => undefined,
    defaultCmp: () => undefined,
    legacy: (_protocol, path) => Object.keys(endpoints).find((item) => endpoints[item]?.profile.legacyPaths.includes(path)),
  };
  const deps = { directory, enrolment: core, clock: stoppedClock(now), log: createLog('error', { write: (line: string) => void logged.push(line) }) };
  const app = Fastify({ requestTimeout: 5_000 });
  registerScep(app, deps);
  app.setNotFoundHandler(async (incoming, reply) => {
    if (await serveLegacyScep(incoming, reply, deps)) return reply;
    return reply.code(404).type('text/plain').send('Not found.\n');
  });
  t.teardown(() => app.close());
  return { app, core, logged };
}

const post = (url: string, payload: Buffer, headers: Record<string, string> = {}) => ({ method: 'POST' as const, url, payload, headers });

function status(message: Buffer): string {
  const read = readCertRep(message, ra.certificate);
  return read.ok ? read.value.status : read.error;
}

t.test('SCEP-001 SCEP-005 SCEP-006 SCEP-007 SCEP-015 POST is a PKIOperation, whatever follows the path', async (t) => {
  const { app } = serve(t);
  for (const url of ['/scep/demo', '/scep/demo/', '/scep/demo/pkiclient.exe', '/scep/demo/cgi-bin/pkiclient.exe', '/scep/demo/mscep.dll', '/scep/demo/a/b/c']) {
    for (const query of ['?operation=PKIOperation', '', '?operation=pkioperation', '?OPERATION=PKIOperation&x=1']) {
      const response = await app.inject(post(url + query, request()));
      t.equal(response.statusCode, 200, url + query);
      t.equal(response.headers['content-type'], 'application/x-pki-message');
      t.equal(response.headers['cache-control'], 'no-store');
      t.equal(status(response.rawPayload), 'SUCCESS');
    }
  }
});

t.test('SCEP-008 CT-03 CT-06 the content type of a request does not matter', async (t) => {
  const { app } = serve(t);
  for (const type of [
    'application/x-pki-message',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/json',
    'text/plain; charset=utf-8',
    'nonsense',
    '; ;',
    'multipart/form-data; boundary=x',
  ]) {
    const response = await app.inject(post('/scep/demo', request(), { 'content-type': type }));
    t.equal(response.statusCode, 200, type);
    t.equal(status(response.rawPayload), 'SUCCESS', type);
  }
});

t.test('SCEP-003 SCEP-012 GET carries a message too, as long as 11 KiB', async (t) => {
  const { app, core } = serve(t);
  const message = encodeURIComponent(request().toString('base64'));
  const response = await app.inject(`/scep/demo/pkiclient.exe?operation=PKIOperation&message=${message}`);
  t.equal(response.statusCode, 200);
  t.equal(response.headers['content-type'], 'application/x-pki-message');
  t.equal(status(response.rawPayload), 'SUCCESS');
  const chain = Array.from({ length: 8 }, () => raKey(world.issuing, world.root, { key }).certificate.der);
  const long = buildPkcsReq({ key, subject: name('/CN=device-1'), recipient: ra.certificate, chain }).message.toString('base64url');
  t.ok(long.length > 7_000 && long.length < 15_000);
  t.equal(status((await app.inject(`/scep/demo?operation=PKIOperation&message=${long}`)).rawPayload), 'SUCCESS', `${long.length} characters`);
  const tooLong = await app.inject(`/scep/demo?operation=PKIOperation&message=${'A'.repeat(16_000)}`);
  t.equal(tooLong.statusCode, 414);
  t.equal(core.requests.length, 2);
});

t.test('SCEP-009 SCEP-010 SCEP-011 HTTP errors are for what is no SCEP message', async (t) => {
  const { app, core } = serve(t);
  const rows: readonly (readonly [string, InjectOptions | string, number])[] = [
    ['unknown operation', '/scep/demo?operation=GetEverything', 400],
    ['no operation', '/scep/demo', 400],
    ['GET PKIOperation without message', '/scep/demo?operation=PKIOperation', 400],
    ['GET PKIOperation with an empty message', '/scep/demo?operation=PKIOperation&message=', 400],
    ['GET PKIOperation with a message that is not base64', '/scep/demo?operation=PKIOperation&message=%21', 400],
    ['GET PKIOperation with a message that is no CMS', '/scep/demo?operation=PKIOperation&message=AAAA', 400],
    ['POST of nothing', post('/scep/demo', Buffer.alloc(0)), 400],
    ['POST of something else', post('/scep/demo', Buffer.from('hello')), 400],
    ['POST of an unknown operation', post('/scep/demo?operation=GetEverything', request()), 400],
    ['POST GetCACaps', post('/scep/demo?operation=GetCACaps', Buffer.alloc(1)), 405],
    ['POST GetCACert', post('/scep/demo?operation=GetCACert', Buffer.alloc(1)), 405],
    ['PUT', { method: 'PUT', url: '/scep/demo', payload: Buffer.alloc(1) }, 405],
    ['DELETE', { method: 'DELETE', url: '/scep/demo' }, 405],
    ['HEAD', { method: 'HEAD', url: '/scep/demo?operation=GetCACaps' }, 405],
    ['OPTIONS', { method: 'OPTIONS', url: '/scep/demo' }, 405],
    ['compressed', post('/scep/demo', request(), { 'content-encoding': 'gzip' }), 415],
    ['GetNextCACert (SCEP-043)', '/scep/demo?operation=GetNextCACert', 404],
  ];
  for (const [what, injected, expected] of rows) {
    const response = await app.inject(injected);
    t.equal(response.statusCode, expected, what);
    t.equal(response.headers['content-type'], 'text/plain', what);
    t.notMatch(response.payload, / at |Error|node_modules/, what);
    if (expected === 405) t.match(response.headers.allow, what.startsWith('POST') ? /^GET$/ : /^GET, POST$/, what);
  }
  t.equal(core.requests.length, 0);
});

t.test('SCEP-012 AB-17 a body over 256 KiB is 413, and noted', async (t) => {
  const { app, core } = serve(t);
  t.equal((await app.inject(post('/scep/demo', Buffer.alloc(256 * 1024)))).statusCode, 400, 'exactly 256 KiB is read');
  const response = await app.inject(post('/scep/demo', Buffer.alloc(256 * 1024 + 1)));
  t.equal(response.statusCode, 413);
  t.match(core.refusals.at(-1), { reason: 'too-large' });
});

t.test('AB-16 an unknown path is a quiet 404, the same for all', async (t) => {
  const { app, core } = serve(t);
  const answers = [];
  for (const injected of [
    '/scep/nothing?operation=GetCACaps',
    '/scep/nothing/pkiclient.exe',
    '/scep/inactive?operation=GetCACert',
    post('/scep/nothing', request()),
    { method: 'PUT' as const, url: '/scep/nothing' },
  ]) {
    const { statusCode, payload, headers } = await app.inject(injected);
    answers.push({ statusCode, payload, type: headers['content-type'] });
  }
  for (const answer of answers) t.same(answer, { statusCode: 404, payload: 'Not found.\n', type: 'text/plain' });
  t.ok(core.refusals.every((item) => item.reason === 'unknown-path' && item.profileId === null));
  t.equal(core.refusals.length, answers.length);
  t.equal(core.requests.length, 0);
});

t.test('SCEP-016 SCEP-017 SCEP-018 SCEP-019 SCEP-029 CT-01 GetCACaps says what the policy accepts', async (t) => {
  const legacy = world.with({ scep: { digests: ['sha1', 'sha256'], ciphers: ['aes128-cbc', 'des-ede3-cbc'], renewal: false } });
  const tight = world.with({ scep: { digests: ['sha512'], ciphers: ['aes256-cbc'] } });
  const { app } = serve(t, { demo: world.endpoint, legacy, tight });
  for (const query of ['', '&message=', '&message=0', '&message=Some%20CA']) {
    const response = await app.inject(`/scep/demo?operation=GetCACaps${query}`);
    t.equal(response.statusCode, 200);
    t.equal(response.headers['content-type'], 'text/plain');
    t.equal(response.headers['cache-control'], 'no-cache');
    t.equal(response.payload, 'AES\nPOSTPKIOperation\nRenewal\nSHA-256\nSHA-384\nSHA-512\nSCEPStandard\n', 'SCEP-021 SCEP-025 the implied keywords too');
    t.ok(response.payload.length < 1024);
  }
  t.equal(
    (await app.inject('/scep/legacy?operation=GetCACaps')).payload,
    'AES\nDES3\nPOSTPKIOperation\nSHA-1\nSHA-256\nSCEPStandard\n',
    'SCEP-022 SCEP-023 SCEP-024',
  );
  t.equal(
    (await app.inject('/scep/tight?operation=GetCACaps')).payload,
    'POSTPKIOperation\nRenewal\nSHA-512\n',
    'SCEP-020 no SCEPStandard without AES-128 and SHA-256',
  );
});

const serials = (response: { readonly headers: Record<string, unknown>; readonly rawPayload: Buffer }): readonly Buffer[] => {
  const read = readCaCertificates(String(response.headers['content-type']), response.rawPayload);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};

t.test('SCEP-030 SCEP-032 SCEP-033 SCEP-035 CT-07 CT-09 GetCACert shows RA, issuing CA, root, in this order', async (t) => {
  const [issuing, root] = [world.issuing.certificate.der, world.root.certificate.der];
  const retiring = raKey(world.issuing, world.root, { state: 'retiring' });
  const second = raKey(world.issuing, world.root);
  const endpoints = {
    demo: world.endpoint,
    rootless: world.with({ scep: { includeRoot: false } }),
    two: world.with({ raKeys: [ra, second, retiring] }),
    unknown: { ...world.endpoint, caChain: [] },
  };
  const { app } = serve(t, endpoints);
  for (const query of ['', '&message=', '&message=0', '&message=default']) {
    const response = await app.inject(`/scep/demo?operation=GetCACert${query}`);
    t.equal(response.headers['content-type'], 'application/x-x509-ca-ra-cert');
    t.equal(response.headers['cache-control'], 'no-cache');
    t.same(serials(response), [ra.certificate.der, issuing, root]);
  }
  t.same(serials(await app.inject('/scep/rootless?operation=GetCACert')), [ra.certificate.der, issuing]);
  t.same(
    serials(await app.inject('/scep/two?operation=GetCACert')),
    [ra.certificate.der, second.certificate.der, issuing, root],
    'only active keys are published',
  );
  t.same(
    serials(await app.inject('/scep/unknown?operation=GetCACert')),
    [ra.certificate.der, issuing, root],
    "the RA's own chain where the connector's is unknown",
  );
  const chain = await app.inject('/scep/demo?operation=GetCACertChain');
  t.equal(chain.headers['content-type'], 'application/x-x509-ca-ra-cert-chain', 'CT-18');
});

t.test('SCEP-031 a single certificate is sent bare', async (t) => {
  const alone = { ...world.endpoint, raKeys: [{ ...ra, chain: [] }], caChain: [] };
  const { app } = serve(t, { alone });
  const response = await app.inject('/scep/alone?operation=GetCACert');
  t.equal(response.headers['content-type'], 'application/x-x509-ca-cert');
  t.same(response.rawPayload, ra.certificate.der);
});

t.test('SCEP-039 without a usable RA certificate the answer is 503, never an empty 200', async (t) => {
  const expired = raKey(world.issuing, world.root, { notAfter: new Date(Date.now() - 1_000) });
  const { app, logged } = serve(t, { none: world.with({ raKeys: [] }), expired: world.with({ raKeys: [expired] }) });
  for (const url of ['/scep/none?operation=GetCACert', '/scep/expired?operation=GetCACert']) {
    const response = await app.inject(url);
    t.equal(response.statusCode, 503);
    t.equal(response.headers['content-type'], 'text/plain');
  }
  t.equal(logged.length, 2);
  const asked = await app.inject(post('/scep/none', request()));
  t.equal(asked.statusCode, 503);
  t.match(asked.headers['retry-after'], /^\d+$/);
});

t.test('SCEP-009 SCEP-134 a broken core is 500 with an empty body, logged once, its text never sent', async (t) => {
  const { app, core, logged } = serve(t);
  core.decide = () => {
    throw new Error('relation "orders" does not exist');
  };
  const response = await app.inject(post('/scep/demo', request()));
  t.equal(response.statusCode, 500);
  t.equal(response.payload, '');
  t.equal(logged.length, 1);
  t.match(logged[0], /relation/);
  core.decide = () => ({ kind: 'refused', refusal: { code: 'unavailable' } });
  t.equal((await app.inject(post('/scep/demo', request()))).statusCode, 503);
});

t.test('SCEP-153 the delivery is noted after the answer went out, for certificates only', async (t) => {
  const { app, core } = serve(t);
  await app.inject(post('/scep/demo', request()));
  t.match(core.delivered, [{ isConfirmed: false }]);
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 5, session: {} });
  await app.inject(post('/scep/demo', request()));
  t.equal(core.delivered.length, 1);
});

t.test('legacy paths serve the same endpoint', async (t) => {
  const legacy = world.with({ endpointPath: 'old', legacyPaths: ['/certsrv/mscep/mscep.dll'] });
  const { app } = serve(t, { old: legacy });
  t.equal((await app.inject('/certsrv/mscep/mscep.dll?operation=GetCACaps')).statusCode, 200);
  for (const headers of [{}, { 'content-type': 'application/x-pki-message' }] as Record<string, string>[]) {
    const response = await app.inject(post('/certsrv/mscep/mscep.dll?operation=PKIOperation', request(), headers));
    t.equal(response.statusCode, 200);
    t.equal(status(response.rawPayload), 'SUCCESS');
  }
  t.equal((await app.inject(post('/certsrv/mscep/mscep.dll', Buffer.alloc(300 * 1024)))).statusCode, 413);
  t.equal((await app.inject('/certsrv/other')).statusCode, 404);
});

/** Sends bytes to a listening server and gives back everything it answers until it closes. */
async function exchange(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

t.test('SCEP-014 CT-10 HTTP/1.0 without Host is served, with Content-Length and without chunks', async (t) => {
  const { app } = serve(t);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const caps = await exchange(
    port,
    Buffer.from(
      'GET /scep/demo/pkiclient.exe?operation=GetCACaps&message=Router HTTP/1.0\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n\r\n',
    ),
  );
  t.match(caps, /^HTTP\/1\.[01] 200 OK\r\n/);
  t.match(caps, /\r\ncontent-length: \d+\r\n/i);
  t.notMatch(caps, /transfer-encoding/i);
  const body = request();
  const head = Buffer.from(`POST /scep/demo?operation=PKIOperation HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n`);
  const answer = await exchange(port, Buffer.concat([head, body]));
  t.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/);
  t.match(answer, /application\/x-pki-message/);
});

t.test('SCEP-038 serial numbers are shown as the certificate has them', async (t) => {
  t.equal(serialHex(ra.certificate.serial), ra.certificate.serial.toString('hex').replace(/^00/, ''));
});
