import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { buildRequest } from '../../src/device-client/certificate-wish.js';
import { type CmpEnrolment, enrolByCmp, secretCredential } from '../../src/device-client/cmp.js';
import { askByCmp } from '../../src/device-client/cmp-general.js';
import { revocationOf, revokeByCmp } from '../../src/device-client/cmp-revocation.js';
import { httpTransport } from '../../src/device-client/cmp-transport.js';
import { registerCmp } from '../../src/endpoints/cmp/route.js';
import { dnsName, nameToText, subjectAltNameExtension, verifyCertificate } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { begin, certificateOf, nonce, wish as wishFor } from '../endpoints/cmp/requests.js';
import { openHouse } from '../endpoints/cmp/residence.js';
import { directoryOf, named, newAuthority, newDevice, newKey, openStage, reference, type Stage, type StageOptions, secret } from '../endpoints/cmp/stage.js';

async function serve(t: Test, options: StageOptions = {}): Promise<{ stage: Stage; url: string }> {
  const stage = openStage(options);
  const app = stage.app();
  t.teardown(() => app.close());
  return { stage, url: `${await app.listen({ host: '127.0.0.1', port: 0 })}/cmp/demo` };
}

function wish(url: string, fields: Partial<CmpEnrolment> = {}): CmpEnrolment {
  const credential = secretCredential(reference, secret);
  return {
    url,
    type: 'ir',
    credential,
    recipient: named('Stage Issuing CA'),
    subject: named('device-77'),
    newKey: newKey().signer,
    timeoutMs: 10_000,
    ...fields,
  };
}

t.test('enrols by secret and by certificate, with every request', async (t) => {
  const { stage, url } = await serve(t, { policy: { caPubs: true } });
  const device = newDevice('device-77', stage.issuing);
  const signed = { credential: certificateOf(device), trusted: [stage.root.certificate] };
  const rows: readonly (readonly [row: string, fields: Partial<CmpEnrolment>])[] = [
    ['ir by secret', {}],
    ['ir by secret, implicit confirmation', { implicitConfirm: true }],
    ['ir with names and validity', { extensions: [subjectAltNameExtension([dnsName('d.example')])], notAfter: new Date('2027-01-01T00:00:00Z') }],
    ['ir by certificate', signed],
    ['cr by certificate', { ...signed, type: 'cr' }],
    ['kur by certificate', { ...signed, type: 'kur', oldCertificate: device.certificate }],
    ['p10cr by certificate', { ...signed, type: 'p10cr' }],
    ['p10cr by secret', { type: 'p10cr' }],
    ['a key of RSA', { newKey: newKey('RSA').signer }],
    ['a key of Ed25519', { newKey: newKey('Ed25519').signer }],
  ];
  for (const [row, fields] of rows) {
    const enrolled = await enrolByCmp(wish(url, fields));
    if (!enrolled.ok) {
      t.fail(`${row}: ${JSON.stringify(enrolled.error)}`);
      continue;
    }
    const { certificate, polls, isModified } = enrolled.value;
    t.match({ subject: nameToText(certificate.subject), polls, isModified }, { subject: 'CN=device-77', polls: 0, isModified: false }, row);
    t.ok(verifyCertificate(certificate, stage.issuing.certificate.publicKey).ok, row);
  }
  t.same(
    stage.core.confirmations,
    rows.filter(([, fields]) => fields.implicitConfirm !== true).map(() => true),
    'each confirmed, but the implicit one',
  );
});

t.test('polls while the server says so', async (t) => {
  const { stage, url } = await serve(t);
  stage.core.mode = 'wait';
  const timer = setTimeout(() => stage.core.issueWaiting(), 500);
  t.teardown(() => clearTimeout(timer));
  const enrolled = await enrolByCmp(wish(url));
  t.ok(enrolled.ok && enrolled.value.polls > 0, JSON.stringify(enrolled.ok || enrolled.error));
  stage.core.mode = 'wait';
  t.same(await enrolByCmp(wish(url, { timeoutMs: 600 })), { ok: false, error: { kind: 'timeout' } }, 'but no longer than it was told');
});

t.test('says why it has no certificate', async (t) => {
  const { stage, url } = await serve(t);
  const device = newDevice('device-77', stage.issuing);
  t.match(await enrolByCmp(wish(url, { credential: secretCredential(reference, Buffer.from('wrong')) })), {
    ok: false,
    error: { kind: 'refused', failInfo: ['badMessageCheck'], isVerified: false },
  });
  t.match(await enrolByCmp(wish(url, { type: 'kur' })), { ok: false, error: { kind: 'refused', failInfo: ['wrongIntegrity'], isVerified: true } });
  t.match(await enrolByCmp(wish(url, { credential: certificateOf(device), trusted: [newAuthority('Other').certificate] })), {
    ok: false,
    error: { kind: 'invalid-answer' },
  });
  t.match(await enrolByCmp(wish(url.replace('/demo', '/nosuch'))), { ok: false, error: { kind: 'http', status: 404 } });
  t.match(await enrolByCmp(wish('http://127.0.0.1:1/cmp/demo')), { ok: false, error: { kind: 'unreachable' } });
  stage.core.mode = 'key-size';
  t.match(await enrolByCmp(wish(url)), { ok: false, error: { kind: 'refused', failInfo: ['badCertTemplate'], isVerified: true } });
});

t.test('believes no answer that is not the answer to its request', async (t) => {
  const stage = openStage();
  const earlier = await enrolReply(stage);
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/pkixcmp' }).end(earlier));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  t.match(await enrolByCmp(wish(url)), { ok: false, error: { kind: 'invalid-answer' } }, 'an answer to another request, replayed');
});

async function enrolReply(stage: Stage): Promise<Buffer> {
  const reply = await stage.handle(buildRequest(await begin(), { senderNonce: nonce() }, wishFor()));
  if (reply.status !== 200) throw new Error('no reply');
  return reply.bytes;
}

t.test('revokes and asks, by secret and by certificate', async (t) => {
  const house = await openHouse({ revocation: { serve: true, bySecret: true, hold: true, passphrases: false, several: true } });
  const app = Fastify();
  registerCmp(app, { directory: directoryOf([house.endpoint]), ...house.deps });
  t.teardown(() => app.close());
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/cmp/demo`;
  const [one, two, three] = [await house.enrol('one'), await house.enrol('two'), await house.enrol('three')];
  const trusted = house.endpoint.caChain.slice(-1);
  const bySecret = { url, credential: secretCredential(reference, secret), recipient: named('CA'), timeoutMs: 10_000 };
  const signed = { ...bySecret, credential: certificateOf(one), trusted };

  t.match(await revokeByCmp(signed, [revocationOf(one.certificate, 1)]), { ok: true, value: { statuses: [{ status: 'accepted' }], polls: 0 } });
  t.match(await revokeByCmp(signed, [revocationOf(one.certificate, 1)]), {
    ok: false,
    error: { kind: 'refused', failInfo: ['certRevoked'], isVerified: true },
  });
  const several = await revokeByCmp(bySecret, [revocationOf(one.certificate), revocationOf(two.certificate, 6)]);
  t.match(several, { ok: true, value: { statuses: [{ status: 'rejection', failInfo: ['certRevoked'] }, { status: 'accepted' }] } }, 'each with its own status');

  house.mood.revocations = 'The CA is away.';
  const later = setTimeout(() => {
    house.mood.revocations = 'done';
    void house.work();
  }, 1_200);
  t.teardown(() => clearTimeout(later));
  const polled = await revokeByCmp(bySecret, [revocationOf(three.certificate, 4)]);
  t.match(polled, { ok: true, value: { statuses: [{ status: 'accepted' }] } }, 'polls while the CA needs time');
  t.ok(polled.ok && polled.value.polls > 0);

  const answers = await askByCmp(bySecret, [{ infoType: oids.caCerts }, { infoType: '1.2.3.4' }]);
  t.match(answers, { ok: true, value: [{ infoType: oids.caCerts }, { infoType: oids.unsupportedOIDs }] });
  t.match(
    await askByCmp({ ...signed, credential: certificateOf(two) }, [{ infoType: oids.caCerts }]),
    { ok: false, error: { failInfo: ['certRevoked'] } },
    'on hold',
  );
  t.match(await askByCmp({ ...bySecret, url: 'http://127.0.0.1:1/cmp/demo' }, []), { ok: false, error: { kind: 'unreachable' } });
});

t.test('a server that is away for now is sent the same message again when it said; without a time, or too late, it is not', async (t) => {
  const bodies: Buffer[] = [];
  const replies = [{ 'retry-after': '0' }, { 'retry-after': '0' }, undefined];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks));
      const headers = request.url === '/away' ? {} : request.url === '/late' ? { 'retry-after': '3600' } : replies[bodies.length - 1];
      if (headers === undefined) response.writeHead(200).end('answer');
      else response.writeHead(503, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const deadline = Date.now() + 60_000;
  t.same(await httpTransport(`${base}/soon`)(Buffer.from('message'), deadline), { ok: true, value: Buffer.from('answer') });
  t.strictSame(bodies.map(String), ['message', 'message', 'message']);
  t.same(await httpTransport(`${base}/away`)(Buffer.from('x'), deadline), { ok: false, error: { kind: 'http', status: 503 } });
  t.same(await httpTransport(`${base}/late`)(Buffer.from('x'), deadline), { ok: false, error: { kind: 'http', status: 503 } });
  t.equal(bodies.length, 5);
});
