import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { buildPkcsReq, type DeviceKey, generateRsaKey, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { type Certificate, isSameName, nameToText, parseCertificate, serialHex, toPem } from '../../src/pkix/index.js';
import { readCertRep } from '../../src/protocol/scep/index.js';
import type { Result } from '../../src/runtime/result.js';
import { type Authority, authority, certify, name, raKey } from '../endpoints/scep/world.js';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { run } from '../support/run.js';
import { untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';

t.setTimeout(240_000);

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function issued(outcome: Result<ScepOutcome, string>): Certificate {
  const value = must(outcome);
  if (value.kind !== 'issued') throw new Error(JSON.stringify(value));
  return value.certificate;
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 450; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within three quarters of a minute');
}

async function post(server: RunningServer, path: string, body: object = {}) {
  const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return JSON.parse(text);
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into at any depth, and a wrong path fails the test that takes it
type Json = any;

async function get(server: RunningServer, path: string): Promise<Json> {
  return (await server.api(`/api/v1${path}`)).json();
}

const key = generateRsaKey();

t.test('the issuing CA and the RA certificate change under a running server, and no device notices', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const { url, challenge } = server.firstRun.scep;
  const settings = {
    GATEHOUSE_DATA_DIR: server.dataDir,
    GATEHOUSE_LISTEN: new URL(server.deviceUrl).host,
    GATEHOUSE_ADMIN_LISTEN: new URL(server.adminUrl).host,
  };
  const gatehouse = (...args: readonly string[]) => run(process.execPath, [...program, ...args], { cwd: server.dataDir, env: settings });

  const device = new ScepClient({ url });
  const old = issued(await device.enrol({ key, subject: name('/CN=device-1'), challenge }));
  const { ra: oldRa } = must(await device.certificates());

  await t.test('SCEP-038 an operator sees the fingerprints that a device sees', async (t) => {
    const { items } = await get(server, '/scep-profiles');
    const [shown] = items[0].published.ra;
    t.equal(shown.serial, serialHex(oldRa.serial));
    const listed = await gatehouse('ca', 'list');
    t.equal(listed.code, 0, listed.output);
    t.match(listed.stdout, /^root +active .*\n +SHA-256 [0-9A-F:]{95}\nissuing +active /);
    t.ok(listed.stdout.includes(server.firstRun.ca.sha256), 'the root of the first run');
  });

  await t.test('SCEP-040 SCEP-041 the CA that follows is prepared and announced, with an RA certificate of its own', async (t) => {
    t.notOk(must(await new ScepClient({ url }).capabilities()).has('GetNextCACert'), 'SCEP-023');
    const prepared = await gatehouse('ca', 'prepare', '--at', new Date(Date.now() + 86_400_000).toISOString());
    t.match(prepared.stdout, /^issuing-2 +next .* takes over at /, prepared.output);
    t.match(
      (await gatehouse('ca', 'prepare', '--at', new Date(Date.now() + 86_400_000).toISOString())).stderr,
      /HTTP 409: A CA that follows is prepared already/,
    );
    const announced = await until(async () => {
      const found = await new ScepClient({ url }).nextCertificates();
      return found.ok && found.value.length === 3 ? found.value : undefined;
    });
    const [nextRa, nextCa] = announced as readonly [Certificate, Certificate];
    t.ok(isSameName(nextRa.issuer, nextCa.subject), 'verified under the RA certificate of today by the client');
    t.notOk(isSameName(nextCa.subject, old.issuer));
    t.ok(isSameName(issued(await device.enrol({ key, subject: name('/CN=device-2'), challenge })).issuer, old.issuer), 'today still issues');
  });

  await t.test('SCEP-044 once it has taken over it issues, also to devices that know only what was before', async (t) => {
    const activated = await gatehouse('ca', 'activate', 'issuing-2');
    t.match(activated.stdout, /issuing +retired .*\n.*\nissuing-2 +active /, activated.output);
    const fresh = await until(async () => {
      const client = new ScepClient({ url });
      const { ra } = must(await client.certificates());
      return serialHex(ra.serial) === serialHex(oldRa.serial) ? undefined : client;
    });
    const { ra, authorities } = must(await fresh.certificates());
    const [nextCa] = authorities as readonly [Certificate];
    t.notOk(isSameName(nextCa.subject, old.issuer));
    t.ok(isSameName(ra.issuer, nextCa.subject), 'the RA certificate has followed');
    t.ok(isSameName(issued(await fresh.enrol({ key: generateRsaKey(), subject: name('/CN=device-3'), challenge })).issuer, nextCa.subject));
    const renewed = issued(await device.enrol({ key: generateRsaKey(), subject: old.subject, renews: { privateKey: key.privateKey, certificate: old } }));
    t.ok(isSameName(renewed.issuer, nextCa.subject), 'encrypted to the RA certificate of before, signed with a certificate of the CA of before');
  });

  await t.test('SCEP-157 no SCEP message revokes; an administrator does, and the CRL of the CA of before says so', async (t) => {
    const listed = await get(server, `/certificates?serial=${serialHex(old.serial)}`);
    const [{ id, status }] = listed.items;
    t.not(status, 'revoked', 'after enrolments, renewals and look-ups');
    await post(server, `/certificates/${id}/revoke`, { reason: 'keyCompromise' });
    await until(async () => ((await get(server, `/certificates/${id}`)).status === 'revoked' ? true : undefined));
    const ownKey = generateRsaKey();
    const certificate = issued(await device.enrol({ key: ownKey, subject: name('/CN=device-4'), challenge }));
    const asked = must(await device.getCrl({ certificate, privateKey: ownKey.privateKey }, old.issuer, old.serial));
    t.match(asked, { kind: 'found' }, 'GetCRL still knows the CA of before');
    const list = await until(async () => {
      const found = await fetch(`${server.deviceUrl}/pki/issuing.crl`);
      const body = Buffer.from(await found.arrayBuffer());
      return body.includes(old.serial) ? body : undefined;
    });
    t.ok(list.length > 0);
  });
});

/** A server that devices were enrolled at before: its CA, its RA key, and where its devices go on asking. */
interface Origin {
  readonly server: string;
  readonly path: string;
  readonly ca: Authority;
}

const origins: readonly Origin[] = [
  { server: 'NDES', path: '/certsrv/mscep/mscep.dll', ca: authority('/DC=example/DC=plant/CN=Plant Issuing CA 1') },
  { server: 'EJBCA', path: '/ejbca/publicweb/apply/scep/plant/pkiclient.exe', ca: authority('/CN=ManagementSubCA/O=EJBCA Plant') },
  { server: 'step-ca', path: '/scep/plant-provisioner', ca: authority('/O=Smallstep/CN=Smallstep Intermediate CA') },
];

async function pfxOf(ra: ReturnType<typeof raKey>): Promise<string> {
  const bench = openBench();
  try {
    bench.write('ra.key', ra.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    bench.write('ra.pem', toPem('CERTIFICATE', ra.certificate.der));
    const ran = await bench.openssl('pkcs12', '-export', '-inkey', 'ra.key', '-in', 'ra.pem', '-passout', 'pass:secret', '-out', 'ra.pfx');
    if (ran.code !== 0) throw new Error(ran.output);
    return readFileSync(bench.file('ra.pfx')).toString('base64');
  } finally {
    bench.remove();
  }
}

t.test('devices enrolled at another server renew here without a change', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const [connector] = (await get(server, '/connectors')).items;
  for (const [index, { server: origin, path, ca }] of origins.entries()) {
    await t.test(`SCEP-110 SCEP-005 ${origin}: ${path}`, async (t) => {
      const anchored = { certificate: toPem('CERTIFICATE', ca.certificate.der) };
      // step-ca serves under /scep/, as we do: there the provisioner's name is the endpoint's.
      const place = path.startsWith('/scep/') ? { endpointPath: path.slice('/scep/'.length) } : { endpointPath: `plant-${index}`, legacyPaths: [path] };
      const profile = await post(server, '/scep-profiles', {
        name: `Plant of ${origin}`,
        connectorId: connector.id,
        ...place,
        policy: { scep: { renewalAnchors: [anchored] } },
      });
      const oldRa = raKey(ca, ca);
      await post(server, `/scep-profiles/${profile.id}/ra-keys/import`, { pfx: await pfxOf(oldRa), password: 'secret' });
      const url = `${server.deviceUrl}${path}`;
      await untilScepServed(url);

      const holder = (text: string) => {
        const ownKey: DeviceKey = generateRsaKey();
        const subject = name(text);
        return { ownKey, subject, certificate: certify({ key: ca.key, name: ca.certificate.subject }, { publicKey: ownKey.publicKey, subject }) };
      };
      const one = holder('/O=Plant/CN=pump-1');
      const renewed = issued(
        await new ScepClient({ url }).enrol({
          key: generateRsaKey(),
          subject: one.subject,
          renews: { privateKey: one.ownKey.privateKey, certificate: one.certificate },
        }),
      );
      t.equal(nameToText(renewed.subject), 'CN=pump-1,O=Plant');
      const again = issued(
        await new ScepClient({ url }).enrol({
          key: one.ownKey,
          subject: one.subject,
          transactionId: 'again',
          renews: { privateKey: one.ownKey.privateKey, certificate: one.certificate },
        }),
      );
      t.ok(parseCertificate(again.der).ok, 'and a device that starts over gets another');

      const two = holder('/O=Plant/CN=pump-2');
      const signer = { certificate: two.certificate, privateKey: two.ownKey.privateKey };
      const { message } = buildPkcsReq({ key: two.ownKey, subject: two.subject, recipient: oldRa.certificate, signer });
      const answer = await fetch(`${url}?operation=PKIOperation`, { method: 'POST', body: new Uint8Array(message) });
      const reply = readCertRep(Buffer.from(await answer.arrayBuffer()), oldRa.certificate);
      t.match(reply, { ok: true, value: { status: 'SUCCESS' } }, 'a device that goes on using the RA certificate of the old server, without a GetCACert');

      const stranger = holder('/O=Plant/CN=pump-3');
      const other = certify(
        { key: authority('/CN=Elsewhere').key, name: ca.certificate.subject },
        { publicKey: stranger.ownKey.publicKey, subject: stranger.subject },
      );
      const refused = must(
        await new ScepClient({ url }).enrol({
          key: stranger.ownKey,
          subject: stranger.subject,
          renews: { privateKey: stranger.ownKey.privateKey, certificate: other },
        }),
      );
      t.match(refused, { kind: 'refused', failInfo: 'badRequest' }, 'a CA that only has the name is none');
    });
  }
});
