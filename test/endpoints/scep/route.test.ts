import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import type { Config } from '../../../src/config.js';
import { buildCertPoll, buildPkcsReq, generateRsaKey, replyKeyOf } from '../../../src/device-client/scep.js';
import { caCertificatesOf } from '../../../src/endpoints/scep/ca-reply.js';
import { registerScep, serveLegacyScep } from '../../../src/endpoints/scep/route.js';
import { deviceServer } from '../../../src/listeners.js';
import { serialHex, toPem } from '../../../src/pkix/index.js';
import { readSignedData } from '../../../src/protocol/cms/index.js';
import { decodeBer, oids, scepLimits } from '../../../src/protocol/der/index.js';
import { openReply, readCaCertificates, readCertRep, readNextCaCertificates } from '../../../src/protocol/scep/index.js';
import { stoppedClock, systemClock } from '../../../src/runtime/clock.js';
import { createLog } from '../../../src/runtime/log.js';
import type { EndpointDirectory, ScepEndpoint } from '../../../src/tenancy/directory.js';
import { authority, createWorld, type FakeEnrolment, issuingEnrolment, name, raKey } from './world.js';

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
  const ancient = world.with({ scep: { digests: ['sha1'], ciphers: ['des-ede3-cbc'], renewal: true } });
  const { app } = serve(t, { demo: world.endpoint, legacy, tight, ancient });
  t.equal((await app.inject('/scep/ancient?operation=GetCACaps')).payload, 'DES3\nPOSTPKIOperation\nSHA-1\n', 'SCEP-022 no RenewalReq by SHA-1');
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

t.test('SCEP-009 a database that is away is 503: the client should come again', async (t) => {
  const { app, core } = serve(t);
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });
  for (const error of [refused, new Error('Connection terminated unexpectedly'), Object.assign(new Error('shutting down'), { code: '57P01' })]) {
    core.decide = () => {
      throw error;
    };
    const response = await app.inject(post('/scep/demo', request()));
    t.equal(response.statusCode, 503, error.message);
    t.match(response.headers, { 'retry-after': /^\d+$/ });
    t.notMatch(response.body, /10\.0\.0\.1|terminated|shutting/);
  }
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
  core.decide = () => {
    throw Object.assign(new Error('relation "orders" does not exist'), { code: '42P01' });
  };
  t.equal((await app.inject(post('/scep/demo', request()))).statusCode, 500, 'a bug, not an outage');
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

t.test('serial numbers are shown as the certificate has them', async (t) => {
  t.equal(serialHex(ra.certificate.serial), ra.certificate.serial.toString('hex').replace(/^00/, ''));
});

t.test('SCEP-023 SCEP-040 SCEP-041 SCEP-042 what follows is published, signed by the RA of today, and only then offered', async (t) => {
  const following = authority('/CN=Test Issuing CA 2', world.root);
  const nextRa = raKey(following, world.root, { state: 'next' });
  const nextCaChain = [following.certificate, world.root.certificate];
  const { app } = serve(t, {
    ca: { ...world.endpoint, nextCaChain },
    ra: world.with({ raKeys: [ra, nextRa] }),
    both: { ...world.with({ raKeys: [ra, nextRa], scep: { includeRoot: false } }), nextCaChain },
  });
  const bytes = (list: readonly { readonly der: Buffer }[]) => list.map((item) => item.der);
  for (const [path, expected] of [
    ['ca', bytes(nextCaChain)],
    ['ra', bytes([nextRa.certificate, ...nextCaChain])],
    ['both', bytes([nextRa.certificate, following.certificate])],
  ] as const) {
    const caps = (await app.inject(`/scep/${path}?operation=GetCACaps`)).payload.split('\n');
    t.ok(caps.includes('GetNextCACert'), path);
    const response = await app.inject(`/scep/${path}?operation=GetNextCACert&message=0`);
    t.equal(response.statusCode, 200);
    t.equal(response.headers['content-type'], 'application/x-x509-next-ca-cert');
    t.equal(response.headers['cache-control'], 'no-cache');
    const read = readNextCaCertificates('application/x-x509-next-ca-cert', response.rawPayload, ra.certificate);
    t.same(read, { ok: true, value: expected }, path);
    const forged = readNextCaCertificates('application/x-x509-next-ca-cert', response.rawPayload, nextRa.certificate);
    t.equal(forged.ok, false, 'signed by today, not by tomorrow');
    const today = readCaCertificates('application/x-x509-ca-ra-cert', (await app.inject(`/scep/${path}?operation=GetCACert`)).rawPayload);
    t.ok(today.ok && today.value[0]?.equals(ra.certificate.der) && !today.value.some((item) => item.equals(nextRa.certificate.der)), 'GetCACert shows today');
  }
  const outer = decodeBer((await app.inject('/scep/ca?operation=GetNextCACert')).rawPayload, scepLimits, readSignedData);
  t.match(outer, { ok: true, value: { contentType: oids.data } }, 'a SignedData inside the id-data of a SignedData');
});

t.test('SCEP-044 a request for the key to come is served and answered with it', async (t) => {
  const nextRa = raKey(world.issuing, world.root, { state: 'next' });
  const { app } = serve(t, { demo: world.with({ raKeys: [ra, nextRa] }) });
  const message = buildPkcsReq({ key, subject: name('/CN=device-1'), challenge: 'open sesame', recipient: nextRa.certificate }).message;
  const read = readCertRep((await app.inject(post('/scep/demo', message))).rawPayload, nextRa.certificate);
  t.ok(read.ok && read.value.status === 'SUCCESS');
});

t.test('answers made once follow the clock: an RA certificate that ends between two requests is no longer shown', async (t) => {
  const now = new Date();
  const late = raKey(world.issuing, world.root, { notAfter: new Date(Math.floor(now.getTime() / 1000) * 1000 + 60_000) });
  const endpoint = world.with({ raKeys: [ra, late] });
  const shown = (at: Date) => {
    const read = caCertificatesOf(endpoint, at);
    const list = read.ok ? readCaCertificates(read.value.mediaType, read.value.body) : undefined;
    return list?.ok ? list.value.some((item) => item.equals(late.certificate.der)) : undefined;
  };
  t.equal(shown(now), true);
  t.equal(caCertificatesOf(endpoint, now), caCertificatesOf(endpoint, now), 'the same answer, not made twice');
  t.equal(shown(new Date(late.certificate.notAfter.getTime())), false);
  t.equal(shown(now), true, 'also when the clock is set back');
});

t.test('SCEP-026 whatever goes wrong, the answer is never HTML', async (t) => {
  const { app, core } = serve(t, { demo: world.endpoint, none: world.with({ raKeys: [] }) });
  const urls = [
    '/scep/nothing?operation=GetCACaps',
    '/scep/nothing?operation=GetCACert',
    '/scep/none?operation=GetCACert',
    '/scep/demo?operation=GetNextCACert',
    '/scep/demo?operation=<b>',
    '/scep/demo',
    '/nowhere',
  ];
  const accept = { accept: 'text/html' };
  for (const url of urls) {
    const response = await app.inject({ url, headers: accept });
    t.ok(response.statusCode >= 400, url);
    t.equal(response.headers['content-type'], 'text/plain', url);
    t.notMatch(response.payload, /</, url);
  }
  core.decide = () => {
    throw new Error('<html>');
  };
  const broken = await app.inject(post('/scep/demo', request(), accept));
  t.equal(broken.payload, '');
});

t.test('SCEP-013 plain HTTP and HTTPS serve alike: no client certificate is asked for, and the challenge goes to the core', async (t) => {
  const tlsKey = generateRsaKey();
  const certificate = world.issue(tlsKey.publicKey, name('/CN=127.0.0.1'));
  const folder = t.testdir({
    'key.pem': tlsKey.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    'cert.pem': toPem('CERTIFICATE', certificate.der),
  });
  const tls = { certFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem` };
  const asked: unknown[] = [];
  for (const at of [
    { host: '127.0.0.1', port: 0 },
    { host: '127.0.0.1', port: 0, tls },
  ]) {
    const core = issuingEnrolment(world);
    const parts = {
      directory: { scep: () => world.endpoint, cmp: () => undefined, defaultCmp: () => undefined, legacy: () => undefined },
      enrolment: core,
      engine: { crl: async () => undefined, certificateOf: () => undefined, ocsp: async () => ({ der: Buffer.alloc(0), validity: undefined }) },
      clock: systemClock,
      log: createLog('silent'),
      readiness: async () => ({ ready: true, checks: {} }),
    };
    const { app } = deviceServer({ listen: at, trustedProxies: [] } as unknown as Config, parts as Parameters<typeof deviceServer>[1]);
    const seen: unknown[] = [];
    app.addHook('onRequest', async ({ raw }) => void seen.push('getPeerCertificate' in raw.socket && (raw.socket as TLSSocket).getPeerCertificate()));
    await app.listen({ host: at.host, port: at.port });
    t.teardown(() => app.close());
    const { port } = app.server.address() as AddressInfo;
    const answer = await postTo({
      port,
      isTls: at.tls !== undefined,
      cert: toPem('CERTIFICATE', certificate.der),
      key: tlsKey.privateKey.export({ format: 'pem', type: 'pkcs8' }),
    });
    t.equal(status(answer), 'SUCCESS');
    t.same(seen, [at.tls === undefined ? false : {}], 'the certificate that the client had at hand was not asked for');
    asked.push(core.requests.map(({ intent, evidence }) => ({ intent, evidence })));
  }
  t.same(asked[0], asked[1], 'HTTPS waives nothing');
  t.match(asked[1], [{ intent: 'initial', evidence: { challenge: 'open sesame' } }]);
});

t.test('what no endpoint takes is refused in a few plain words that repeat nothing of the request', async (t) => {
  const parts = {
    directory: { scep: () => undefined, cmp: () => undefined, defaultCmp: () => undefined, legacy: () => undefined },
    enrolment: issuingEnrolment(world),
    engine: { crl: async () => undefined, certificateOf: () => undefined, ocsp: async () => ({ der: Buffer.alloc(0), validity: undefined }) },
    clock: systemClock,
    log: createLog('silent'),
    readiness: async () => ({ ready: true, checks: {} }),
  };
  const { app } = deviceServer(
    { listen: { host: '127.0.0.1', port: 0 }, trustedProxies: [] } as unknown as Config,
    parts as Parameters<typeof deviceServer>[1],
  );
  t.teardown(() => app.close());
  for (const [url, expected] of [
    ['/scep/%zz', 400],
    ['/cmp/%ff%fe', 400],
    [`/scep/${'a'.repeat(2_000)}`, 404],
  ] as const) {
    const { statusCode, body, headers } = await app.inject(url);
    t.equal(statusCode, expected, url.slice(0, 20));
    t.equal(headers['content-type'], 'text/plain');
    t.match(body, /^(Not found|The request is not valid)\.\n$/);
  }
});

interface Peer {
  readonly port: number;
  readonly isTls: boolean;
  readonly cert: string;
  readonly key: string | Buffer;
}

/** Posts a request as a client that would show its certificate to whoever asks. */
function postTo({ port, isTls, cert, key: clientKey }: Peer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/scep/demo?operation=PKIOperation', method: 'POST', agent: false };
    const answered = (response: IncomingMessage) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts)));
    };
    const sent = isTls ? httpsRequest({ ...options, cert, key: clientKey, rejectUnauthorized: false }, answered) : httpRequest(options, answered);
    sent.on('error', reject);
    sent.end(request());
  });
}

const legacy = { digests: ['sha1', 'sha256'], ciphers: ['aes128-cbc', 'des-ede3-cbc'] } as const;
const legacyScep = { digests: [...legacy.digests], ciphers: [...legacy.ciphers] };
const old = { digest: 'sha1', cipher: 'des-ede3-cbc' } as const;
const base64 = (message: Buffer) => message.toString('base64');

t.test('CT-12 Junos: GET with a CA identity, SHA-1 and 3DES by profile, the certificate alone', async (t) => {
  const { app } = serve(t, { junos: world.with({ scep: legacyScep }), demo: world.endpoint });
  const plain = (await app.inject('/scep/junos?operation=GetCACert')).rawPayload;
  t.same((await app.inject('/scep/junos?operation=GetCACert&message=my-ca.profile')).rawPayload, plain, 'the identity is no base64 and is ignored');
  const message = buildPkcsReq({ key, subject: name('/CN=srx'), challenge: 'c', recipient: ra.certificate, ...old });
  const ask = async (path: string) => {
    const response = await app.inject(`/scep/${path}?operation=PKIOperation&message=${encodeURIComponent(base64(message.message))}`);
    const read = readCertRep(response.rawPayload, ra.certificate);
    if (!read.ok) throw new Error(read.error);
    return read.value;
  };
  const opened = openReply(await ask('junos'), replyKeyOf(message));
  t.equal(opened.ok && opened.value.certificates.length, 1, 'leaf only');
  t.match(await ask('demo'), { status: 'FAILURE', failInfo: 'badAlg' }, 'and not where the profile is not made for it');
});

t.test('CT-13 RouterOS: what a legacy profile offers is what it takes, polls included', async (t) => {
  const { app, core } = serve(t, { mikrotik: world.with({ scep: legacyScep }) });
  const caps = (await app.inject('/scep/mikrotik?operation=GetCACaps')).payload.split('\n');
  for (const keyword of ['POSTPKIOperation', 'DES3', 'SHA-1', 'Renewal']) t.ok(caps.includes(keyword), keyword);
  const issue = core.decide;
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 5, session: {} });
  const subject = name('/CN=router');
  const first = buildPkcsReq({ key, subject, challenge: 'c', recipient: ra.certificate, transactionId: 'r', ...old });
  t.equal(status((await app.inject(post('/scep/mikrotik?operation=PKIOperation', first.message))).rawPayload), 'PENDING');
  const poll = () => buildCertPoll({ recipient: ra.certificate, signer: first.signer, transactionId: 'r', ...old }, world.issuing.certificate.subject, subject);
  t.equal(status((await app.inject(post('/scep/mikrotik?operation=PKIOperation', poll().message))).rawPayload), 'PENDING');
  const [asked] = core.requests;
  if (asked === undefined) throw new Error('asked');
  core.outcomes.set('r', { requester: asked.requester, outcome: issue(asked) });
  const byGet = `/scep/mikrotik?operation=PKIOperation&message=${encodeURIComponent(base64(poll().message))}`;
  t.equal(status((await app.inject(byGet)).rawPayload), 'SUCCESS', 'or by GET');
  t.equal((await app.inject('/scep/mikrotik?operation=GetNextCACert')).statusCode, 404, 'next-ca, while nothing follows');
});

t.test('CT-14 Android agents and Knox: GET with literal plus signs, spaces for them behind a proxy, a challenge of odd octets', async (t) => {
  const { app, core } = serve(t);
  const challenge = '\u0001\u0010Knox+/=\u00e9';
  let message = base64(buildPkcsReq({ key, subject: name('/CN=phone'), challenge, recipient: ra.certificate }).message);
  while (!message.includes('+') || !message.includes('/'))
    message = base64(buildPkcsReq({ key, subject: name('/CN=phone'), challenge, recipient: ra.certificate }).message);
  for (const form of [message, message.replaceAll('+', '%20'), message.replaceAll('=', '%3D')]) {
    t.equal(status((await app.inject({ url: `/scep/demo?operation=PKIOperation&message=${form}` })).rawPayload), 'SUCCESS');
  }
  t.equal(core.requests.length, 3);
  for (const { evidence } of core.requests) t.equal(evidence.challenge, challenge, 'octet for octet');
});
