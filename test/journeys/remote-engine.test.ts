import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { generateRsaKey, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { type Certificate, fromPem, nameFromText, parseCertificate, parseCrl } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';

const run = promisify(execFile);
t.setTimeout(240_000);

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function post<T>(server: RunningServer, path: string, body: object): Promise<T> {
  const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(200);
  }
  throw new Error('it did not happen within a minute');
}

async function settled(client: ScepClient, outcome: ScepOutcome): Promise<Certificate> {
  if (outcome.kind === 'issued') return outcome.certificate;
  if (outcome.kind === 'refused') throw new Error(outcome.text);
  const { pending } = outcome;
  const done = await until(async () => {
    const next = must(await client.poll(pending));
    return next.kind === 'pending' ? undefined : next;
  });
  if (done.kind !== 'issued') throw new Error(JSON.stringify(done));
  return done.certificate;
}

/** Whether the engine's own list shows a certificate as revoked. */
async function isRevokedAt(engine: RunningServer, { serial }: Certificate): Promise<boolean> {
  const crl = must(parseCrl(Buffer.from(await (await fetch(`${engine.deviceUrl}/pki/issuing.crl`)).arrayBuffer())));
  return crl.revoked.some((item) => item.serial.equals(serial));
}

async function revokeAndSee(t: Test, ra: RunningServer, engine: RunningServer, certificate: Certificate): Promise<void> {
  const serial = certificate.serial.toString('hex');
  const { items } = (await (await ra.api(`/api/v1/certificates?serial=${serial}`)).json()) as { items: { id: string }[] };
  await post(ra, `/certificates/${items[0]?.id}/revoke`, { reason: 'superseded' });
  t.ok(await until(async () => ((await isRevokedAt(engine, certificate)) ? true : undefined)), 'the list of the engine shows it');
}

t.test('one Gatehouse is the engine of another: devices enrol, renew and are revoked through it', async (t) => {
  const [engine, ra] = await Promise.all([startServer(), startServer()]);
  t.teardown(() => Promise.all([engine.stop(), ra.stop()]));
  const { clientSecret } = await post<{ clientSecret: string }>(engine, '/engine-clients', { name: 'RA', clientId: 'ra' });
  const config = { url: `${engine.adminUrl}/engine`, clientId: 'ra', clientSecret };
  const connector = await post<{ id: string }>(ra, '/connectors', { type: 'crypto-engine', name: 'Elsewhere', config });
  t.match(await post(ra, `/connectors/${connector.id}/test`, {}), { ok: true });
  const [issuing] = fromPem('CERTIFICATE', readFileSync(engine.firstRun.ca.file, 'utf8')).map((der) => must(parseCertificate(der)));

  await t.test('over SCEP', async (t) => {
    await post(ra, '/scep-profiles', { name: 'Far SCEP', connectorId: connector.id, endpointPath: 'far', challengePassword: 'far-challenge' });
    const url = `${ra.deviceUrl}/scep/far`;
    await untilScepServed(url);
    const client = new ScepClient({ url });
    const subject = must(nameFromText('CN=far-scep'));
    const [key, newKey] = [generateRsaKey(), generateRsaKey()];
    const first = await settled(client, must(await client.enrol({ key, subject, challenge: 'far-challenge' })));
    t.same(first.issuer.der, issuing?.subject.der, 'the CA elsewhere issued it');
    const second = await settled(
      client,
      must(await client.enrol({ key: newKey, subject, transactionId: 'far-renewal', renews: { certificate: first, privateKey: key.privateKey } })),
    );
    t.same(second.issuer.der, issuing?.subject.der);
    t.notSame(second.serial, first.serial);
    await revokeAndSee(t, ra, engine, second);
  });

  await t.test('over CMP', async (t) => {
    const profile = await post<{ id: string }>(ra, '/cmp-profiles', { name: 'Far CMP', connectorId: connector.id, endpointPath: 'far' });
    const { reference, secret } = await post<{ reference: string; secret: string }>(ra, `/cmp-profiles/${profile.id}/rotate-secret`, {});
    const at = (name: string) => join(ra.dataDir, name);
    const server = new URL(ra.deviceUrl).host;
    await sleep(1_500);
    const common = ['cmp', '-server', server, '-path', 'cmp/far', '-recipient', '/CN=Far', '-ignore_keyusage', '-unprotected_errors'];
    await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at('cmp.key')]);
    const enrolment = [
      '-cmd',
      'ir',
      '-ref',
      reference,
      '-secret',
      `pass:${secret}`,
      '-newkey',
      at('cmp.key'),
      '-subject',
      '/CN=far-cmp',
      '-certout',
      at('cmp.pem'),
    ];
    await run('openssl', [...common, ...enrolment]);
    const read = (name: string) => must(parseCertificate(fromPem('CERTIFICATE', readFileSync(at(name), 'utf8'))[0] ?? Buffer.alloc(0)));
    const first = read('cmp.pem');
    t.same(first.issuer.der, issuing?.subject.der);
    await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', at('new.key')]);
    const update = [
      '-cmd',
      'kur',
      '-cert',
      at('cmp.pem'),
      '-key',
      at('cmp.key'),
      '-newkey',
      at('new.key'),
      '-trusted',
      engine.firstRun.ca.file,
      '-certout',
      at('new.pem'),
    ];
    await run('openssl', [...common, ...update]);
    const second = read('new.pem');
    t.same(second.issuer.der, issuing?.subject.der);
    await revokeAndSee(t, ra, engine, second);
  });
});
