import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { buildPkcsReq, generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { fromPem, keyUsageOf, parseCertificate, toPem } from '../../src/pkix/index.js';
import { name } from '../endpoints/scep/world.js';
import { client, needs } from '../support/clients.js';
import { type Bench, openBench } from '../support/openssl.js';
import { type Ran, run } from '../support/run.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

const challenge = 'two-keys-one-profile';

function usagesOf(pem: string): readonly string[] {
  const [der = Buffer.alloc(0)] = fromPem('CERTIFICATE', pem);
  const parsed = parseCertificate(der);
  if (!parsed.ok) throw parsed.error;
  const usages = keyUsageOf(parsed.value.extensions);
  return usages.ok ? (usages.value ?? []) : [];
}

/** The files of `bench` whose certificate has this usage. */
function filesWith(bench: Bench, prefix: string, usage: string): readonly string[] {
  const files = readdirSync(bench.dir).filter((file) => file.startsWith(prefix) && file.endsWith('.pem'));
  return files.filter((file) => usagesOf(bench.read(file)).includes(usage));
}

t.test('SCEP-158 real clients and a profile with two RA keys', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const { items } = (await (await server.api('/api/v1/connectors')).json()) as { items: { id: string }[] };
  const body = { name: 'Two', connectorId: items[0]?.id, endpointPath: 'two', challengePassword: challenge, policy: { scep: { raKeys: 'two' } } };
  const created = await server.api('/api/v1/scep-profiles', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  t.equal(created.status, 201);
  const url = `${server.deviceUrl}/scep/two`;
  for (let tries = 0; tries < 300 && (await fetch(`${url}?operation=GetCACert`)).status !== 200; tries += 1) await sleep(100);

  await t.test('our own', async (t) => {
    const outcome = await new ScepClient({ url }).enrol({ key: generateRsaKey(), subject: name('/CN=own'), challenge });
    t.match(outcome, { ok: true, value: { kind: 'issued' } });
  });

  await t.test('CT-03 strongSwan', needs('openssl', 'pki --scep'), async (t) => {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const pki = (...args: readonly string[]): Promise<Ran> => run(client('pki --scep'), args, { cwd: bench.dir });
    const fetched = await pki('--scepca', '--url', url, '--caout', 'ca.pem', '--raout', 'ra.pem', '--outform', 'pem', '--force');
    t.equal(fetched.code, 0, fetched.output);
    const [encrypts = '', ...others] = filesWith(bench, 'ra', 'keyEncipherment');
    const [signs = ''] = filesWith(bench, 'ra', 'digitalSignature');
    t.equal(others.length, 0);
    t.not(encrypts, signs, 'it writes both');
    await bench.key('device.key', 'RSA-2048');
    const authorities = filesWith(bench, 'ca', 'keyCertSign').flatMap((file) => ['--cacert', file]);
    const trust = ['--cacert-enc', encrypts, '--cacert-sig', signs, ...authorities];
    const identity = ['--in', 'device.key', '--dn', 'CN=strongswan-two', '--password', challenge];
    const ran = await pki('--scep', '--url', url, ...trust, '--cipher', 'aes', '--outform', 'pem', ...identity);
    t.equal(ran.code, 0, ran.output);
  });

  await t.test('CT-09 certmonger', needs('openssl', 'scep-submit'), async (t) => {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const submit = (...args: readonly string[]): Promise<Ran> => run(client('scep-submit'), ['-u', url, ...args], { cwd: bench.dir });
    const shown = await submit('-C');
    t.equal(shown.code, 0, shown.output);
    const pems = shown.stdout.split(/(?<=-----END CERTIFICATE-----\n)/).filter((text) => text.includes('BEGIN'));
    const [ra = ''] = pems;
    t.ok(usagesOf(ra).includes('keyEncipherment'), 'the first is the one to encrypt to');
    const key = generateRsaKey();
    const [der = Buffer.alloc(0)] = fromPem('CERTIFICATE', ra);
    const recipient = parseCertificate(der);
    if (!recipient.ok) throw recipient.error;
    const { message } = buildPkcsReq({ recipient: recipient.value, key, subject: name('/CN=certmonger-two'), challenge });
    for (const [index, text] of pems.entries()) bench.write(`shown-${index}.pem`, text);
    const roots = pems.map((_, index) => `shown-${index}.pem`).filter((file) => usagesOf(bench.read(file)).includes('keyCertSign'));
    const trust = ['-r', 'shown-0.pem', '-N', roots[0] ?? '', '-I', roots[1] ?? ''];
    const answer = await submit('-p', bench.write('request.msg', toPem('PKCS7', message)), ...trust);
    t.equal(answer.code, 0, answer.output);
  });
});
