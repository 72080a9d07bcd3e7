import { copyFileSync, existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { needs } from '../support/clients.js';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

interface Snippet {
  readonly client: string;
  readonly text: string;
}

async function snippetsOf(server: RunningServer, protocol: 'scep' | 'cmp'): Promise<ReadonlyMap<string, string>> {
  const profiles = (await (await server.api(`/api/v1/${protocol}-profiles`)).json()) as { items: { id: string }[] };
  const answer = await server.api(`/api/v1/${protocol}-profiles/${profiles.items[0]?.id}/snippets`);
  if (answer.status !== 200) throw new Error(await answer.text());
  const { items } = (await answer.json()) as { items: Snippet[] };
  return new Map(items.map(({ client, text }) => [client, text]));
}

/** A profile of its own, and its snippets by client. */
async function created(server: RunningServer, name: string, policy: object): Promise<ReadonlyMap<string, string>> {
  const connectors = (await (await server.api('/api/v1/connectors?type=crypto-engine')).json()) as { items: { id: string }[] };
  const body = JSON.stringify({ name, connectorId: connectors.items[0]?.id, policy });
  const answer = await server.api('/api/v1/cmp-profiles', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (answer.status !== 201) throw new Error(await answer.text());
  const { id } = (await answer.json()) as { id: string };
  const { items } = (await (await server.api(`/api/v1/cmp-profiles/${id}/snippets`)).json()) as { items: Snippet[] };
  return new Map(items.map(({ client, text }) => [client, text]));
}

/** A new profile reaches the listener within a second, its RA certificate a little later (503 until then). */
async function untilServed(smokeTest: string, shell: (text: string) => Promise<{ readonly stdout: string }>): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    if (!/404|503/.test((await shell(smokeTest)).stdout)) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000));
}

t.setTimeout(300_000);

t.test('the snippets of a profile work as they are shown', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const [scep, cmp] = [await snippetsOf(server, 'scep'), await snippetsOf(server, 'cmp')];
  const { reference, secret } = server.firstRun.cmp;
  const { challenge } = server.firstRun.scep;

  const bench = openBench();
  t.teardown(() => bench.remove());
  copyFileSync(server.firstRun.ca.file, bench.file('ca.pem'));
  const shell = async (t: Test, text: string | undefined, device: string) => {
    const env = { DEVICE: device, CHALLENGE: challenge, REFERENCE: reference, SECRET: secret };
    const ran = await run('/bin/sh', ['-eu', '-c', text ?? 'false'], { cwd: bench.dir, env });
    t.equal(ran.code, 0, ran.output);
    return ran;
  };

  t.test('they show no secret', async (t) => {
    const all = [...scep.values(), ...cmp.values()].join('\n');
    for (const hidden of [challenge, secret, reference]) t.notOk(all.includes(hidden));
    t.same([...scep.keys()], ['curl', 'strongswan', 'certmonger', 'sscep', 'cisco-ios', 'apple', 'intune']);
    t.same(
      [...cmp.keys()],
      [
        'openssl',
        'openssl-p10cr',
        'device-secret',
        'gatehouse',
        'openssl-further',
        'openssl-renewal',
        'openssl-questions',
        'openssl-revocation',
        'base-station',
        'curl',
      ],
    );
  });

  t.test('openssl cmp: each operation of the profile, as it is shown', needs('openssl'), async (t) => {
    for (const client of ['openssl', 'openssl-p10cr', 'openssl-further', 'openssl-questions', 'openssl-renewal'])
      await shell(t, cmp.get(client), 'snippet-cmp');
    for (const file of ['device.pem', 'request.pem', 'further.pem', 'next.pem'])
      t.equal((await bench.openssl('verify', '-CAfile', 'ca.pem', file)).code, 0, file);
    await shell(t, cmp.get('openssl'), 'snippet-revoked');
    t.match((await shell(t, cmp.get('openssl-revocation'), 'x')).output, /revocation accepted/);
  });

  const withCurl = { ...needs('openssl'), ...(existsSync('/usr/bin/curl') ? {} : { skip: 'needs curl' }) };
  t.test('CMP-215 a secret for one device: minted and used as it is shown, and good for that device alone', withCurl, async (t) => {
    const { token } = server.firstRun.admin;
    const own = `${cmp.get('device-secret')}`.replaceAll('device.', 'lamp.');
    const env = { DEVICE: 'snippet-lamp', TOKEN: token, ADMIN: server.adminUrl };
    const ran = await run('/bin/sh', ['-eu', '-c', own], { cwd: bench.dir, env });
    t.equal(ran.code, 0, ran.output);
    t.equal((await bench.openssl('verify', '-CAfile', 'ca.pem', 'lamp.pem')).code, 0);
    t.match((await bench.openssl('x509', '-in', 'lamp.pem', '-noout', '-subject')).stdout, /snippet-lamp/);
    const elsewhere = own.replaceAll('lamp.', 'thief.').replace('-subject "/CN=$DEVICE"', '-subject "/CN=snippet-thief"');
    t.not(elsewhere, own);
    const refused = await run('/bin/sh', ['-eu', '-c', elsewhere], { cwd: bench.dir, env });
    t.not(refused.code, 0, 'another name than the one it was minted for');
    t.match(refused.output, /PKIStatus: rejection/);
    t.equal(existsSync(bench.file('thief.pem')), false);
  });

  t.test('our own client over CMP, as it is shown', async (t) => {
    bench.write('secret.txt', `${secret}\n`);
    const text = (cmp.get('gatehouse') ?? '').replace('gatehouse', [process.execPath, ...program].join(' ')).replace('--out device', '--out own');
    await shell(t, text, 'snippet-own');
    t.match(bench.read('own.pem'), 'BEGIN CERTIFICATE');
  });

  t.test('openssl cmp: a vendor certificate, where the profile trusts its CA; nothing that the profile refuses', needs('openssl'), async (t) => {
    for (const key of ['vendor-ca.key', 'vendor.key']) await bench.key(key);
    const root = ['-subj', '/CN=Snippet Vendor', '-days', '30', '-out', 'vendor-chain.pem'];
    t.equal((await bench.openssl('req', '-x509', '-new', '-key', 'vendor-ca.key', ...root)).code, 0);
    await bench.csr('vendor.csr', 'vendor.key', '/O=Vendor/serialNumber=1');
    const signing = ['-CA', 'vendor-chain.pem', '-CAkey', 'vendor-ca.key', '-CAcreateserial', '-days', '30'];
    t.equal((await bench.openssl('x509', '-req', '-in', 'vendor.csr', ...signing, '-out', 'vendor.pem')).code, 0);
    const trust = { trustAnchors: [bench.read('vendor-chain.pem')], vendorDevices: 'any', conduct: '3gpp' };
    const cells = await created(server, 'Cells', {
      cmp: { ...trust, protection: ['signature'], revocation: { serve: false }, generalMessages: { serve: false } },
    });
    t.same([...cells.keys()], ['openssl-vendor', 'openssl-further', 'openssl-renewal', 'base-station', 'curl']);
    t.match(cells.get('base-station'), /CMP server port: \d+\nCMP server path: \/cmp\//);
    const ask = () => shell(t, `${cells.get('openssl-vendor')}`.replaceAll('device.', 'cell.'), 'snippet-cell');
    await untilServed(cells.get('curl') ?? '', (text) => run('/bin/sh', ['-c', text]));
    await ask();
    t.equal((await bench.openssl('verify', '-CAfile', 'ca.pem', 'cell.pem')).code, 0);
    const made = await created(server, 'Sensors', { cmp: { protection: ['mac'], centralKeys: { serve: true } }, approval: { mode: 'manual' } });
    t.same([...made.keys()], ['openssl', 'openssl-p10cr', 'device-secret', 'gatehouse', 'openssl-questions', 'openssl-central-key', 'curl']);
    t.match(made.get('openssl'), /-total_timeout/, 'an administrator takes time');
  });

  t.test('strongSwan', needs('openssl', 'pki --scep'), async (t) => {
    await shell(t, scep.get('strongswan'), 'snippet-strongswan');
    t.match((await bench.openssl('x509', '-in', 'device.pem', '-noout', '-subject')).stdout, /snippet-strongswan/);
  });

  t.test('curl', withCurl, async (t) => {
    t.match((await shell(t, scep.get('curl'), 'x')).stdout, /SCEPStandard/);
    t.match(bench.read('scep-certificates.pem'), 'BEGIN CERTIFICATE');
    t.notMatch((await shell(t, cmp.get('curl'), 'x')).stdout, /^(000|404)/);
  });
});
