import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { generateEcKey, generateRsaKey, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { registerScep } from '../../src/endpoints/scep/route.js';
import { certificateFingerprint, createSigner, serialHex, signCrl } from '../../src/pkix/index.js';
import { systemClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import type { Result } from '../../src/runtime/result.js';
import type { ScepEndpoint } from '../../src/tenancy/directory.js';
import { createWorld, type FakeEnrolment, issuingEnrolment, name, raKey } from '../endpoints/scep/world.js';

const world = createWorld();
const key = generateRsaKey();
const subject = name('/O=Plant/CN=device-1');

interface Listening {
  readonly url: string;
  readonly core: FakeEnrolment;
  readonly seen: { readonly method: string; readonly operation: string }[];
}

async function listen(t: Test, endpoint: ScepEndpoint = world.endpoint): Promise<Listening> {
  const core = issuingEnrolment(world);
  const seen: { method: string; operation: string }[] = [];
  const app = Fastify();
  app.addHook('onRequest', async (request) => {
    seen.push({ method: request.method, operation: new URL(request.raw.url ?? '', 'http://x').searchParams.get('operation') ?? '' });
  });
  const directory = {
    scep: (path: string) => (path === 'demo' ? endpoint : undefined),
    cmp: () => undefined,
    defaultCmp: () => undefined,
    legacy: () => undefined,
  };
  registerScep(app, { directory, enrolment: core, clock: systemClock, log: createLog('silent') });
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(() => app.close());
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/scep/demo`, core, seen };
}

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function issued(outcome: ScepOutcome) {
  if (outcome.kind !== 'issued') throw new Error(outcome.kind);
  return outcome.certificate;
}

t.test('enrols by POST, then renews with a new key by RenewalReq (RFC 8894 §2.3)', async (t) => {
  const { url, core, seen } = await listen(t);
  const client = new ScepClient({ url, caSha256: certificateFingerprint(world.root.certificate.der) });
  const certificate = issued(must(await client.enrol({ key, subject, challenge: 'open sesame', cipher: 'aes256-cbc', digest: 'sha512' })));
  t.same(certificate.publicKey.spki, key.publicKey.spki);
  t.same(seen, [
    { method: 'GET', operation: 'GetCACaps' },
    { method: 'GET', operation: 'GetCACert' },
    { method: 'POST', operation: 'PKIOperation' },
  ]);
  const next = generateRsaKey();
  const renewed = issued(must(await client.enrol({ key: next, subject, renews: { certificate, privateKey: key.privateKey } })));
  t.same(renewed.publicKey.spki, next.publicKey.spki);
  t.match(core.requests, [
    { intent: 'initial', evidence: { challenge: 'open sesame' }, facts: { cipher: 'aes256-cbc', digest: 'sha512', clientFamily: 'gatehouse' } },
    { intent: 'renewal' },
  ]);
});

t.test('where Renewal is not offered the renewal is a PKCSReq signed with the old certificate', async (t) => {
  const { url, core } = await listen(t, world.with({ scep: { renewal: false } }));
  const certificate = world.issue(key.publicKey, subject);
  issued(must(await new ScepClient({ url }).enrol({ key, subject, renews: { certificate, privateKey: key.privateKey } })));
  t.match(core.requests, [{ intent: 'initial' }]);
  t.same(core.requests[0]?.evidence.signer?.certificate.der, certificate.der);
});

t.test('polls while the request waits, with CertPoll (RFC 8894 §4.4)', async (t) => {
  const { url, core } = await listen(t);
  const issue = core.decide;
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 1, session: {} });
  const client = new ScepClient({ url });
  const options = { key, subject, challenge: 'x', transactionId: 'slow' };
  const first = must(await client.enrol(options));
  if (first.kind !== 'pending') throw new Error(first.kind);
  t.equal(must(await client.poll(first.pending)).kind, 'pending');
  const [asked] = core.requests;
  if (asked === undefined) throw new Error('not asked');
  core.outcomes.set('slow', { requester: asked.requester, outcome: issue(asked) });
  t.ok(issued(must(await client.poll(first.pending))));
  core.decide = () => ({ kind: 'pending', orderId: 'o', checkAfterSeconds: 1, session: {} });
  const waited = client.enrolAndWait({ ...options, transactionId: 'slower' }, 20, 2_000);
  setTimeout(() => {
    const last = core.requests.at(-1);
    if (last !== undefined) core.outcomes.set('slower', { requester: last.requester, outcome: issue(last) });
  }, 100);
  t.ok(issued(must(await waited)));
});

t.test('tells what the server refused', async (t) => {
  const { url, core } = await listen(t);
  core.decide = () => ({ kind: 'refused', refusal: { code: 'credential-invalid' } });
  t.same(must(await new ScepClient({ url }).enrol({ key, subject })), { kind: 'refused', failInfo: 'badRequest', text: 'The credential is not valid.' });
});

t.test('trusts no server but the one whose CA was pinned, and no answer but its own', async (t) => {
  const { url, core } = await listen(t);
  const stranger = createWorld();
  const pinned = await new ScepClient({ url, caSha256: certificateFingerprint(stranger.root.certificate.der) }).enrol({ key, subject });
  t.same(pinned, { ok: false, error: 'None of the certificates of the server has the expected fingerprint.' });

  const foreignRa = raKey(stranger.issuing, stranger.root);
  const forged = await listen(t, { ...world.endpoint, raKeys: [{ ...foreignRa, chain: [] }] });
  const underPin = await new ScepClient({ url: forged.url, caSha256: certificateFingerprint(world.root.certificate.der) }).enrol({ key, subject });
  t.same(underPin, { ok: false, error: 'The RA certificate does not stand under the expected CA (no-path).' });

  core.decide = () => ({
    kind: 'issued',
    orderId: 'o',
    certificate: world.issue(generateRsaKey().publicKey, subject).der,
    isModified: false,
    isReplay: false,
    session: {},
  });
  t.same(await new ScepClient({ url }).enrol({ key, subject }), { ok: false, error: 'The certificate is for another key than the requested one.' });
});

t.test('puts network and HTTP failures in words', async (t) => {
  const { url } = await listen(t);
  const missing = await new ScepClient({ url: url.replace('demo', 'nothing') }).enrol({ key, subject });
  t.same(missing, { ok: false, error: 'GetCACert was answered with HTTP 404.' });
  const refused = await new ScepClient({ url: 'http://127.0.0.1:1/scep/demo' }).capabilities();
  t.equal(refused.ok, false);
  if (!refused.ok) t.match(refused.error, /^http:\/\/127\.0\.0\.1:1 could not be asked: /);
});

t.test('asks by GET where the server does not take POST', async (t) => {
  const core = issuingEnrolment(world);
  const app = Fastify();
  const seen: string[] = [];
  app.addHook('onSend', async (request, reply, payload) => {
    seen.push(request.method);
    if (!request.raw.url?.includes('GetCACaps')) return payload;
    const body = Buffer.from('AES\r\nSHA-256\r\n');
    reply.header('content-length', body.length);
    return body;
  });
  const directory = { scep: () => world.endpoint, cmp: () => undefined, defaultCmp: () => undefined, legacy: () => undefined };
  registerScep(app, { directory, enrolment: core, clock: systemClock, log: createLog('silent') });
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.teardown(() => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/scep/demo`;
  t.ok(issued(must(await new ScepClient({ url }).enrol({ key, subject }))));
  t.same(new Set(seen), new Set(['GET']));
});

t.test('SCEP-145 SCEP-146 fetches its certificate by GetCert and the list by GetCRL; others are told that there is none', async (t) => {
  const { url, core } = await listen(t);
  const client = new ScepClient({ url });
  const certificate = issued(must(await client.enrol({ key, subject, challenge: 'x' })));
  const { id: profileId, tenantId, connectorId } = world.endpoint.profile;
  const { der, notBefore, notAfter, serial } = certificate;
  const place = { id: 'c', profileId, tenantId, connectorId, orderId: null, status: 'valid' as const };
  core.certificates.push({
    ...place,
    der,
    notBefore,
    notAfter,
    serial: serialHex(serial),
    issuer: '',
    subject: '',
    sans: [],
    sha256: certificateFingerprint(der),
  });
  const own = { certificate, privateKey: key.privateKey };
  t.same(must(await client.getCertificate(own, certificate.issuer, serial)), { kind: 'found', found: certificate });
  const other = generateRsaKey();
  const stranger = { certificate: world.issue(other.publicKey, subject), privateKey: other.privateKey };
  t.match(must(await client.getCertificate(stranger, certificate.issuer, serial)), { kind: 'refused', failInfo: 'badCertId' });
  t.match(must(await client.getCrl(own, certificate.issuer, serial)), { kind: 'refused', failInfo: 'badRequest' }, 'the CA gives none');
  const { key: caKey, certificate: ca } = world.issuing;
  const times = { thisUpdate: new Date('2026-01-01T00:00:00Z'), nextUpdate: new Date('2036-01-01T00:00:00Z') };
  const revoked = [{ serial, revokedAt: times.thisUpdate, reason: 1 }];
  core.crl = signCrl({ issuer: ca.subject, ...times, revoked, extensions: [] }, createSigner(caKey.privateKey, caKey.publicKey));
  const list = must(await client.getCrl(own, certificate.issuer, serial));
  t.same(list.kind === 'found' && list.found.revoked.map((item) => serialHex(item.serial)), [serialHex(serial)]);
});

t.test('SCEP-040 learns the certificates to come by GetNextCACert', async (t) => {
  const nextRa = raKey(world.issuing, world.root, { state: 'next' });
  const { url } = await listen(t, world.with({ raKeys: [world.ra, nextRa] }));
  const client = new ScepClient({ url });
  t.ok(must(await client.capabilities()).has('GetNextCACert'));
  const [first] = must(await client.nextCertificates());
  t.same(first?.der, nextRa.certificate.der);
  const { url: bare } = await listen(t);
  t.same(await new ScepClient({ url: bare }).nextCertificates(), { ok: false, error: 'GetNextCACert was answered with HTTP 404.' });
});

t.test('SCEP-079 SCEP-096 enrols an EC key, the answer encrypted under the challenge, where the server does that', async (t) => {
  const ec = generateEcKey();
  const { url } = await listen(t, world.with({ scep: { passwordRecipients: true } }));
  const certificate = issued(must(await new ScepClient({ url }).enrol({ key: ec, subject, challenge: 'open sesame' })));
  t.same(certificate.publicKey.spki, ec.publicKey.spki);
  const { url: plain } = await listen(t);
  t.match(must(await new ScepClient({ url: plain }).enrol({ key: ec, subject, challenge: 'open sesame' })), { kind: 'refused', failInfo: 'badAlg' });
});

t.test('CT-12 plays clients that only ask by GET and name the CA', async (t) => {
  const { url, seen } = await listen(t);
  t.ok(issued(must(await new ScepClient({ url, isGetOnly: true, caIdentifier: 'my-ca' }).enrol({ key, subject, challenge: 'x' }))));
  t.same(new Set(seen.map((item) => item.method)), new Set(['GET']));
});
