import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { enrolByCmp } from '../../src/device-client/cmp.js';
import { certificateCredential } from '../../src/device-client/cmp-credentials.js';
import { newDeviceKey } from '../../src/device-client/device-key.js';
import { generateRsaKey, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { type Certificate, fromPem, nameFromText, nameToText, parseCertificate, serialHex } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { needs } from '../support/clients.js';
import { type CmpStand, openCmpStand, type StandProfile } from '../support/cmp-stand.js';
import { type FakeEjbca, type IssuedByFake, startFakeEjbca } from '../support/ejbca/index.js';
import { untilCmpServed, untilScepServed } from '../support/served.js';

t.setTimeout(300_000);

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(String(result.error));
  return result.value;
}

const subject = (text: string) => must(nameFromText(text));

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within a minute');
}

interface Connector {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
}
interface Report {
  readonly ok: boolean;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly message: string }[];
}
interface Order {
  readonly id: string;
  readonly state: string;
  readonly certificateId: string | null;
  readonly failReason: string | null;
}

function connectorBody(fake: FakeEjbca, config: object = {}) {
  const { url: connectorUrl, trustedCa, pfx, pfxPassword } = fake;
  const names = { caName: 'IssuingCA', endEntityProfile: 'Devices', certificateProfile: 'DeviceTLS' };
  return {
    type: 'ejbca',
    name: 'Corporate CA',
    config: { connectorUrl, ...names, trustedCa, pfx: pfx.good, pfxPassword, timeoutMs: 1_500, maxProcessingMs: 500, ...config },
  };
}

/** Polls until the CA has answered, as a device does. */
async function atLast(client: ScepClient, outcome: ScepOutcome): Promise<Certificate> {
  let now = outcome;
  for (let tries = 0; now.kind === 'pending' && tries < 120; tries += 1) {
    await sleep(250);
    now = must(await client.poll(now.pending));
  }
  if (now.kind !== 'issued') throw new Error(JSON.stringify(now));
  return now.certificate;
}

async function orderOf({ api }: CmpStand, name: string): Promise<Order | undefined> {
  return (await api<{ items: readonly Order[] }>('GET', `/orders?q=${encodeURIComponent(name)}`)).items[0];
}

const issuedAs = async (fake: FakeEjbca, certificate: Certificate): Promise<IssuedByFake | undefined> =>
  (await fake.issued()).find(({ serial }) => serial === serialHex(certificate.serial));

t.test('devices are served by EJBCA through the built program', needs('openssl'), async (t) => {
  const fake = await startFakeEjbca();
  t.teardown(() => fake.stop());
  const stand = await openCmpStand();
  t.teardown(() => stand.close());
  const { api, bench } = stand;

  const tested = await api<Report>('POST', '/connectors/test', connectorBody(fake));
  t.equal(tested.ok, true, JSON.stringify(tested));
  const connector = await api<Connector>('POST', '/connectors', connectorBody(fake));
  t.match(connector.config, { pfx: { set: true }, pfxPassword: { set: true }, clientCertificate: { subject: 'CN=Gatehouse RA' } });
  const saved = await api<Report>('POST', `/connectors/${connector.id}/test`);
  t.equal(saved.ok, true, JSON.stringify(saved));
  const options = await api<{ items: readonly { field: string; values: readonly string[] }[] }>('GET', `/connectors/${connector.id}/options`);
  t.strictSame(options.items.find(({ field }) => field === 'caName')?.values, ['IssuingCA', 'OtherCA']);

  const challenge = 'open-sesame-for-all';
  const policy = { scep: { renewalAnchors: [{ certificate: fake.issuingCa }] } };
  const made = await api<{ serverUrl: string }>('POST', '/scep-profiles', { name: 'Routers', connectorId: connector.id, challengePassword: challenge, policy });
  await untilScepServed(made.serverUrl);
  const client = new ScepClient({ url: made.serverUrl });
  const key = generateRsaKey();
  let first: Certificate | undefined;

  await t.test('SCEP: enrols, and renews under the same end entity', async (t) => {
    first = await atLast(client, must(await client.enrol({ key, subject: subject('/O=Acme/CN=router-1'), challenge })));
    t.equal(nameToText(first.issuer), 'CN=Fake Issuing CA,O=Fake EJBCA,C=SE');
    const newKey = generateRsaKey();
    const renewal = await client.enrol({ key: newKey, subject: first.subject, renews: { certificate: first, privateKey: key.privateKey } });
    const second = await atLast(client, must(renewal));
    t.ok(second.publicKey.spki.equals(newKey.publicKey.spki));
    const [before, after] = [await issuedAs(fake, first), await issuedAs(fake, second)];
    t.match(before?.username, /^gh-/);
    t.equal(after?.username, before?.username);
  });

  await t.test('SCEP: a certificate of EJBCA that is older than Gatehouse renews here, and keeps its end entity (row SCEP-110)', async (t) => {
    const oldKey = generateRsaKey();
    const seeded = await fake.seed({ username: 'by-hand-42', subject: 'CN=router-42,O=Acme', publicKey: oldKey.publicKey.spki });
    const old = must(parseCertificate(seeded));
    const newKey = generateRsaKey();
    const renewal = await client.enrol({ key: newKey, subject: old.subject, renews: { certificate: old, privateKey: oldKey.privateKey } });
    const renewed = await atLast(client, must(renewal));
    t.equal((await issuedAs(fake, renewed))?.username, 'by-hand-42');
  });

  await t.test('SCEP: an operator revokes, with a reason', async (_t) => {
    const order = await until(() => orderOf(stand, 'router-1'));
    await api('POST', `/certificates/${order.certificateId}/revoke`, { reason: 'keyCompromise' });
    await until(async () => ((await fake.issued()).some(({ subject, reason }) => subject === 'CN=router-1,O=Acme' && reason === 1) ? true : undefined));
  });

  await t.test('a CA that issues and never answers: the device waits, and gets that one certificate', async (t) => {
    await fake.rules({ call: 'pkcs10enroll', after: 'hang' });
    const lostKey = generateRsaKey();
    const certificate = await atLast(client, must(await client.enrol({ key: lostKey, subject: subject('/O=Acme/CN=router-lost'), challenge })));
    const all = (await fake.issued()).filter((item) => item.subject === 'CN=router-lost,O=Acme');
    t.equal(all.length, 1, 'issued once');
    t.equal(all[0]?.serial, serialHex(certificate.serial));
  });

  await t.test('a CA that is off-line: the device waits until it is back', async (t) => {
    await fake.set({ isCaActive: false });
    const outcome = must(await client.enrol({ key: generateRsaKey(), subject: subject('/O=Acme/CN=router-waits'), challenge }));
    t.equal(outcome.kind, 'pending');
    await fake.set({ isCaActive: true });
    t.ok(await atLast(client, outcome));
  });

  await t.test('what EJBCA does not allow is refused, and the operator reads why', async (t) => {
    const outcome = must(await client.enrol({ key: generateRsaKey(), subject: subject('/O=Without a common name'), challenge }));
    t.equal(outcome.kind, 'refused');
    const order = await until(() => orderOf(stand, 'Without a common name'));
    t.match(order, { state: 'REJECTED', failReason: /Wrong number of COMMONNAME fields/ });
  });

  await t.test('F11: a certificate with names nobody asked for reaches no device and is revoked', async (t) => {
    await fake.rules({ call: 'pkcs10enroll', wrong: 'name' });
    const outcome = must(await client.enrol({ key: generateRsaKey(), subject: subject('/O=Acme/CN=router-wrong'), challenge }));
    t.equal(outcome.kind, 'pending');
    t.match(await orderOf(stand, 'router-wrong'), { state: 'STUCK' });
    await until(async () =>
      (await fake.issued()).some((item) => item.subject === 'CN=router-wrong,O=Acme' && item.revokedAt !== undefined) ? true : undefined,
    );
  });

  await t.test('CMP: ir and kur go by the web service, p10cr by REST, and rr revokes', async (t) => {
    const body = { name: 'Machines', connectorId: connector.id, overrides: { certificateProfile: 'ServerTLS' } };
    const cmp = await api<{ id: string; cmpUrl: string; credentials: { reference: string; secret: string } }>('POST', '/cmp-profiles', body);
    const profile: StandProfile = { id: cmp.id, url: cmp.cmpUrl, path: new URL(cmp.cmpUrl).pathname.slice(1), ...cmp.credentials };
    await untilCmpServed(cmp.cmpUrl);
    bench.write('root.pem', fake.rootCa);
    bench.write('issuing.pem', fake.issuingCa);
    const run = (...args: readonly string[]) =>
      stand.openssl(profile, '-recipient', '/C=SE/O=Fake EJBCA/CN=Fake Issuing CA', '-trusted', 'root.pem', '-untrusted', 'issuing.pem', ...args);
    const secret = ['-ref', profile.reference, '-secret', `pass:${profile.secret}`];
    await bench.key('machine.key');
    const ir = await run('-cmd', 'ir', ...secret, '-newkey', 'machine.key', '-subject', '/O=Acme/CN=machine-1', '-certout', 'machine.pem');
    t.equal(ir.code, 0, ir.output);
    await bench.key('p10.key');
    await bench.csr('p10.csr', 'p10.key', '/O=Acme/CN=machine-2');
    const p10cr = await run('-cmd', 'p10cr', ...secret, '-csr', 'p10.csr', '-certout', 'p10.pem');
    t.equal(p10cr.code, 0, p10cr.output);
    // The answers to what is signed are signed by the RA key, which EJBCA has certified meanwhile.
    await until(async () => ((await fake.issued()).some(({ subject }) => subject === 'CN=Machines CMP RA') ? true : undefined));
    await bench.key('machine2.key');
    const own = ['-cert', 'machine.pem', '-key', 'machine.key'];
    // 503 for the moment until the new RA key is in use everywhere.
    const kur = await until(async () => {
      const ran = await run('-cmd', 'kur', ...own, '-newkey', 'machine2.key', '-certout', 'machine2.pem');
      return ran.output.includes('transfer error') ? undefined : ran;
    });
    t.equal(kur.code, 0, kur.output);
    const rr = await run('-cmd', 'rr', '-cert', 'machine2.pem', '-key', 'machine2.key', '-oldcert', 'machine2.pem', '-revreason', '4');
    t.equal(rr.code, 0, rr.output);

    const machines = (await fake.issued()).filter((item) => item.subject === 'CN=machine-1,O=Acme');
    t.equal(new Set(machines.map(({ username }) => username)).size, 1);
    t.strictSame(
      machines.map(({ reason }) => reason),
      [undefined, 4],
    );
    t.ok(
      machines.every(({ certificateProfile }) => certificateProfile === 'ServerTLS'),
      'the setting of the profile goes before the connector’s',
    );
    const calls = await fake.calls();
    t.ok((calls['soap:certificateRequest'] ?? 0) >= 2 && (calls.pkcs10enroll ?? 0) >= 1);
  });

  await t.test('CMP: a certificate of EJBCA that is older than Gatehouse is renewed by kur, and keeps its end entity (row CMP-114)', async (t) => {
    const policy = { cmp: { renewalAnchors: [{ certificate: fake.issuingCa }] } };
    const cmp = await api<{ cmpUrl: string }>('POST', '/cmp-profiles', { name: 'Older machines', connectorId: connector.id, policy });
    await untilCmpServed(cmp.cmpUrl);
    const old = must(newDeviceKey('P-256'));
    const seeded = await fake.seed({ username: 'by-hand-77', subject: 'CN=machine-77,O=Acme', publicKey: old.publicKey.spki });
    const certificate = must(parseCertificate(seeded));
    const trusted = [fake.issuingCa, fake.rootCa].map((pem) => must(parseCertificate(fromPem('CERTIFICATE', pem)[0] ?? Buffer.alloc(0))));
    const [issuing] = trusted as [Certificate];
    const server = { url: cmp.cmpUrl, credential: must(certificateCredential(certificate, [issuing], old)), recipient: issuing.subject, trusted };
    const renew = async (subject: Certificate['subject']) => {
      const newKey = must(newDeviceKey('P-256'));
      // The answer is signed by the RA key, which EJBCA certifies first.
      const answer = await until(async () => {
        const asked = await enrolByCmp({ ...server, type: 'kur', newKey: newKey.signer ?? newKey, subject, oldCertificate: certificate, timeoutMs: 120_000 });
        return asked.ok || (asked.error.kind !== 'http' && asked.error.kind !== 'unreachable') ? asked : undefined;
      });
      return { answer, newKey };
    };
    t.match((await renew(must(nameFromText('/O=Acme/CN=machine-78')))).answer, { ok: false, error: { kind: 'refused', isVerified: true } }, 'no other name');
    const { answer, newKey } = await renew(certificate.subject);
    const renewed = must(answer).certificate;
    t.ok(renewed.publicKey.spki.equals(newKey.publicKey.spki));
    t.equal((await issuedAs(fake, renewed))?.username, 'by-hand-77');
    const order = await until(async () => {
      const found = await orderOf(stand, 'machine-77');
      return found?.state === 'CONFIRMED' ? found : undefined;
    });
    t.ok(order, 'and confirmed by the device that has it');
  });

  await t.test('where the web service is off, CMP without a PKCS#10 is refused in words before anything is promised', async (t) => {
    await fake.set({ webService: false });
    const other = await api<Connector>('POST', '/connectors', { ...connectorBody(fake), name: 'REST only' });
    const cmp = await api<{ id: string; cmpUrl: string; credentials: { reference: string; secret: string } }>('POST', '/cmp-profiles', {
      name: 'REST only',
      connectorId: other.id,
    });
    await untilCmpServed(cmp.cmpUrl);
    const profile: StandProfile = { id: cmp.id, url: cmp.cmpUrl, path: new URL(cmp.cmpUrl).pathname.slice(1), ...cmp.credentials };
    await bench.key('refused.key');
    const secret = ['-ref', profile.reference, '-secret', `pass:${profile.secret}`];
    const recipient = ['-recipient', '/C=SE/O=Fake EJBCA/CN=Fake Issuing CA'];
    const ir = await stand.openssl(
      profile,
      ...recipient,
      '-cmd',
      'ir',
      ...secret,
      '-newkey',
      'refused.key',
      '-subject',
      '/CN=machine-refused',
      '-certout',
      'refused.pem',
    );
    t.not(ir.code, 0);
    t.match(await until(() => orderOf(stand, 'machine-refused')), { state: 'REJECTED', failReason: /web service, which is off/ });
    await fake.set({ webService: true });
  });

  await t.test('a new PFX takes the place of the old one; key and password are never shown', async (t) => {
    const read = await stand.server.api(`/api/v1/connectors/${connector.id}`);
    const patch = (config: object) =>
      stand.server.api(`/api/v1/connectors/${connector.id}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json', 'if-match': read.headers.get('etag') ?? '' },
        body: JSON.stringify({ config }),
      });
    const wrong = await patch({ pfx: fake.pfx.good, pfxPassword: 'not it' });
    t.match(await wrong.json(), { status: 400, errors: [{ path: 'config.pfxPassword' }] });
    t.match(await (await patch({ pfx: fake.pfx.expired, pfxPassword: fake.pfxPassword })).json(), {
      status: 400,
      errors: [{ path: 'config.pfx', message: /has expired/ }],
    });
    t.match(await (await patch({ pfx: Buffer.from('x').toString('base64') })).json(), { status: 400, errors: [{ path: 'config.pfx' }] });
    const changed = await patch({ pfx: fake.pfx.good, pfxPassword: fake.pfxPassword, clientCertificate: { subject: 'CN=forged' } });
    t.match(await changed.json(), { config: { clientCertificate: { subject: 'CN=Gatehouse RA' }, timeoutMs: 1_500 } });
    const shown = [await read.text(), stand.server.output(), JSON.stringify(await api('GET', '/audit-events'))].join('\n');
    t.notMatch(shown, /PRIVATE KEY|pfx password/);
    t.ok(first !== undefined);
  });
});
