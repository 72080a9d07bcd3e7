import { existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { needs } from '../support/clients.js';
import { type Bench, type KeyType, openBench } from '../support/openssl.js';
import type { Ran } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

interface OrderView {
  readonly id: string;
  readonly protocol: string;
  readonly state: string;
  readonly operation: string;
  readonly subject: string;
  readonly credential: string;
  readonly clientFamily: string;
  readonly certificateId: string | null;
}

/** One `openssl cmp` call of a device against the demo profile (options of OpenSSL 3.0). */
function cmp(server: RunningServer, bench: Bench, ...args: readonly string[]): Promise<Ran> {
  const { cmp } = server.firstRun;
  return bench.openssl('cmp', '-config', '', '-batch', '-server', cmp.server, '-path', cmp.path, '-recipient', cmp.recipient, '-msg_timeout', '30', ...args);
}

function secretOf(server: RunningServer): readonly string[] {
  return ['-ref', server.firstRun.cmp.reference, '-secret', `pass:${server.firstRun.cmp.secret}`];
}

async function verifies(t: Test, server: RunningServer, bench: Bench, certificate: string): Promise<void> {
  for (const option of ['-CAfile', '-trusted']) {
    const ran = await bench.openssl('verify', option, server.firstRun.ca.file, certificate);
    t.equal(ran.code, 0, `openssl verify ${option}: ${ran.output}`);
  }
}

async function ordersOf(server: RunningServer, name: string): Promise<readonly OrderView[]> {
  const response = await server.api(`/api/v1/orders?q=${encodeURIComponent(name)}&sort=createdAt`);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { readonly items: readonly OrderView[] }).items;
}

/** What a log of openssl says its messages were: `IR`, `IP`, `CERTCONF`, `PKICONF`. */
function messagesOf(ran: Ran): readonly string[] {
  return [...ran.output.matchAll(/CMP info: (?:sending|received) ([A-Z][A-Z0-9]*)$/gm)].map((match) => match[1] ?? '');
}

async function firstCertificate(server: RunningServer, bench: Bench, name: string, type: KeyType = 'P-256'): Promise<void> {
  await bench.key(`${name}.key`, type);
  const args = ['-cmd', 'ir', ...secretOf(server), '-newkey', `${name}.key`, '-subject', `/CN=${name}`, '-certout', `${name}.pem`, '-implicit_confirm'];
  const ran = await cmp(server, bench, ...args);
  if (ran.code !== 0) throw new Error(ran.output);
}

t.setTimeout(180_000);

t.test('openssl cmp', needs('openssl'), async (t) => {
  const server = await startServer();
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
  });

  t.test('ir with PasswordBasedMac, explicit confirmation: ir, ip, certConf, pkiconf (CMP-062, CMP-122)', async (t) => {
    await bench.key('explicit.key');
    const ran = await cmp(
      server,
      bench,
      ...['-cmd', 'ir', ...secretOf(server), '-newkey', 'explicit.key', '-subject', '/CN=explicit', '-sans', 'explicit.example,192.0.2.7'],
      ...['-certout', 'explicit.pem', '-cacertsout', 'capubs.pem', '-extracertsout', 'extra.pem', '-chainout', 'chain.pem'],
    );
    t.equal(ran.code, 0, ran.output);
    t.strictSame(messagesOf(ran), ['IR', 'IP', 'CERTCONF', 'PKICONF'], ran.output);
    await verifies(t, server, bench, 'explicit.pem');
    t.equal((await bench.openssl('verify', '-CAfile', 'capubs.pem', 'explicit.pem')).code, 0, 'the CA certificates of the answer verify it');
    const text = (await bench.openssl('x509', '-in', 'explicit.pem', '-noout', '-subject', '-ext', 'subjectAltName')).stdout;
    t.match(text, /CN ?= ?explicit/);
    t.match(text, /DNS:explicit\.example, IP Address:192\.0\.2\.7/);
    const [order] = await ordersOf(server, 'explicit');
    t.match(order, { protocol: 'cmp', state: 'CONFIRMED', operation: 'enrolment', credential: `secret:${server.firstRun.cmp.reference}` });
  });

  for (const [title, options] of [
    ['the default MAC of OpenSSL', []],
    ['HMAC-SHA-256 (CMP-063)', ['-digest', 'sha256', '-mac', 'hmacWithSHA256']],
    ['SHA-512 as one-way function', ['-digest', 'sha512', '-mac', 'hmacWithSHA512']],
  ] as const) {
    t.test(`ir with implicit confirmation and ${title} (CMP-047)`, async (t) => {
      const name = `implicit-${options.length === 0 ? 'default' : options[1]}`;
      await bench.key(`${name}.key`);
      const args = ['-cmd', 'ir', ...secretOf(server), ...options, '-implicit_confirm', '-newkey', `${name}.key`, '-subject', `/CN=${name}`];
      const ran = await cmp(server, bench, ...args, '-certout', `${name}.pem`);
      t.equal(ran.code, 0, ran.output);
      t.strictSame(messagesOf(ran), ['IR', 'IP'], ran.output);
      await verifies(t, server, bench, `${name}.pem`);
    });
  }

  for (const type of ['RSA-2048', 'P-384', 'P-521', 'Ed25519'] as const) {
    t.test(`ir for a ${type} key`, async (t) => {
      const name = `key-${type.toLowerCase()}`;
      await firstCertificate(server, bench, name, type);
      await verifies(t, server, bench, `${name}.pem`);
    });
  }

  t.test('p10cr with PasswordBasedMac (CMP-118)', async (t) => {
    await bench.key('p10-mac.key');
    await bench.csr('p10-mac.csr', 'p10-mac.key', '/CN=p10-mac', '-addext', 'subjectAltName=DNS:p10.example');
    const ran = await cmp(server, bench, '-cmd', 'p10cr', ...secretOf(server), '-csr', 'p10-mac.csr', '-certout', 'p10-mac.pem');
    t.equal(ran.code, 0, ran.output);
    t.strictSame(messagesOf(ran), ['P10CR', 'CP', 'CERTCONF', 'PKICONF'], ran.output);
    await verifies(t, server, bench, 'p10-mac.pem');
    t.match((await bench.openssl('x509', '-in', 'p10-mac.pem', '-noout', '-ext', 'subjectAltName')).stdout, /DNS:p10\.example/);
  });

  // OpenSSL 3.0 cannot protect messages with Ed25519 keys ("unsupported key type").
  for (const type of ['P-256', 'RSA-2048', 'P-521'] as const) {
    t.test(`a ${type} certificate signs for further ones: cr, p10cr, kur (CMP-114, CMP-115)`, async (t) => {
      const own = `signer-${type.toLowerCase()}`;
      await firstCertificate(server, bench, own, type);
      const signed = ['-cert', `${own}.pem`, '-key', `${own}.key`, '-trusted', server.firstRun.ca.file];

      await bench.key(`${own}-cr.key`);
      const cr = await cmp(server, bench, '-cmd', 'cr', ...signed, '-newkey', `${own}-cr.key`, '-subject', `/CN=${own}-cr`, '-certout', `${own}-cr.pem`);
      t.equal(cr.code, 0, cr.output);
      t.strictSame(messagesOf(cr), ['CR', 'CP', 'CERTCONF', 'PKICONF'], cr.output);
      await verifies(t, server, bench, `${own}-cr.pem`);

      await bench.csr(`${own}-p10.csr`, `${own}-cr.key`, `/CN=${own}-p10`);
      const p10 = await cmp(server, bench, '-cmd', 'p10cr', ...signed, '-csr', `${own}-p10.csr`, '-certout', `${own}-p10.pem`);
      t.equal(p10.code, 0, p10.output);
      await verifies(t, server, bench, `${own}-p10.pem`);

      await bench.key(`${own}-2.key`);
      const kur = await cmp(server, bench, '-cmd', 'kur', ...signed, '-newkey', `${own}-2.key`, '-certout', `${own}-2.pem`);
      t.equal(kur.code, 0, kur.output);
      t.strictSame(messagesOf(kur), ['KUR', 'KUP', 'CERTCONF', 'PKICONF'], kur.output);
      await verifies(t, server, bench, `${own}-2.pem`);
      const states = (await ordersOf(server, own)).map((order) => `${order.operation} ${order.state}`);
      t.ok(states.includes('renewal CONFIRMED'), states.join());

      const again = await cmp(server, bench, '-cmd', 'kur', ...signed, '-newkey', `${own}-2.key`, '-certout', 'again.pem');
      t.not(again.code, 0, 'a certificate that was updated cannot be updated once more');
      t.match(again.output, /certRevoked|badCertId|notAuthorized|signerNotTrusted|badRequest/);
    });
  }

  t.test('ir signed by a vendor certificate that the profile trusts', async (t) => {
    await bench.key('vendor-ca.key');
    const ca = await bench.openssl('req', '-x509', '-new', '-key', 'vendor-ca.key', '-subj', '/CN=Vendor Root', '-days', '30', '-out', 'vendor-ca.pem');
    t.equal(ca.code, 0, ca.output);
    await bench.key('idevid.key');
    await bench.csr('idevid.csr', 'idevid.key', '/O=Vendor/serialNumber=4711');
    const signing = ['-CA', 'vendor-ca.pem', '-CAkey', 'vendor-ca.key', '-CAcreateserial', '-days', '30'];
    t.equal((await bench.openssl('x509', '-req', '-in', 'idevid.csr', ...signing, '-out', 'idevid.pem')).code, 0);
    await bench.key('ldevid.key');
    const request = ['-cmd', 'ir', '-cert', 'idevid.pem', '-key', 'idevid.key', '-trusted', server.firstRun.ca.file, '-newkey', 'ldevid.key'];
    const ask = (): Promise<Ran> => cmp(server, bench, ...request, '-subject', '/CN=ldevid', '-certout', 'ldevid.pem', '-unprotected_errors');

    const before = await ask();
    t.not(before.code, 0, 'refused while the profile does not know the vendor');
    await trustVendor(server, bench.read('vendor-ca.pem'));
    const after = await until(ask, (ran) => ran.code === 0);
    t.equal(after.code, 0, after.output);
    await verifies(t, server, bench, 'ldevid.pem');
  });

  t.test('a wrong secret is refused with badMessageCheck and makes no order', async (t) => {
    await bench.key('wrong.key');
    const args = [
      '-cmd',
      'ir',
      '-ref',
      server.firstRun.cmp.reference,
      '-secret',
      'pass:not-the-secret',
      '-newkey',
      'wrong.key',
      '-subject',
      '/CN=wrong-secret',
    ];
    const ran = await cmp(server, bench, ...args, '-certout', 'wrong.pem', '-unprotected_errors');
    t.not(ran.code, 0);
    t.match(ran.output, /badMessageCheck/);
    t.notOk(existsSync(bench.file('wrong.pem')));
    t.strictSame(await ordersOf(server, 'wrong-secret'), []);
  });

  t.test('an unknown reference is refused as a wrong secret is', async (t) => {
    await bench.key('unknown.key');
    const args = ['-cmd', 'ir', '-ref', 'nobody', '-secret', 'pass:whatever', '-newkey', 'unknown.key', '-subject', '/CN=unknown-reference'];
    const ran = await cmp(server, bench, ...args, '-certout', 'unknown.pem', '-unprotected_errors');
    t.not(ran.code, 0);
    t.match(ran.output, /badMessageCheck/);
  });

  t.test('a kur protected by the shared secret is refused with wrongIntegrity (CMP-114)', async (t) => {
    await firstCertificate(server, bench, 'mac-kur');
    await bench.key('mac-kur-2.key');
    const args = ['-cmd', 'kur', ...secretOf(server), '-oldcert', 'mac-kur.pem', '-newkey', 'mac-kur-2.key', '-certout', 'mac-kur-2.pem'];
    const ran = await cmp(server, bench, ...args, '-unprotected_errors');
    t.not(ran.code, 0);
    t.match(ran.output, /wrongIntegrity/);
  });

  t.test('an RSA key of 1024 bits is refused, and the refusal is an order that operators see', async (t) => {
    await bench.key('weak.key', 'RSA-1024');
    const ran = await cmp(server, bench, '-cmd', 'ir', ...secretOf(server), '-newkey', 'weak.key', '-subject', '/CN=weak-key', '-certout', 'weak.pem');
    t.not(ran.code, 0);
    t.match(ran.output, /badCertTemplate|badAlg/);
    const [order] = await ordersOf(server, 'weak-key');
    t.equal(order?.state, 'REJECTED');
  });

  t.test('the same profile answers under the well-known paths (RFC 9811)', async (t) => {
    for (const path of ['.well-known/cmp/p/demo', '.well-known/cmp/p/demo/initialization', '.well-known/cmp']) {
      await bench.key('path.key');
      const args = ['-server', server.firstRun.cmp.server, '-path', path, '-recipient', server.firstRun.cmp.recipient, ...secretOf(server)];
      const request = ['-cmd', 'ir', '-newkey', 'path.key', '-subject', '/CN=path', '-certout', 'path.pem'];
      const ran = await bench.openssl('cmp', '-config', '', '-batch', '-msg_timeout', '30', ...args, ...request);
      t.equal(ran.code, 0, `${path}: ${ran.output}`);
    }
  });

  t.test('an unknown profile is a quiet 404', async (t) => {
    const answer = await fetch(`${server.deviceUrl}/cmp/nothing-here`, {
      method: 'POST',
      headers: { 'content-type': 'application/pkixcmp' },
      body: Buffer.alloc(4),
    });
    t.equal(answer.status, 404);
  });

  t.end();
});

interface ProfileView {
  readonly id: string;
  readonly policy: { readonly cmp: Record<string, unknown> };
}

async function trustVendor(server: RunningServer, pem: string): Promise<void> {
  const list = (await (await server.api('/api/v1/cmp-profiles')).json()) as { readonly items: readonly ProfileView[] };
  const [profile] = list.items;
  if (profile === undefined) throw new Error('there is no CMP profile');
  const read = await server.api(`/api/v1/cmp-profiles/${profile.id}`);
  const headers = { 'content-type': 'application/merge-patch+json', 'if-match': read.headers.get('etag') ?? '' };
  const body = JSON.stringify({ policy: { cmp: { trustAnchors: [pem] } } });
  const answer = await server.api(`/api/v1/cmp-profiles/${profile.id}`, { method: 'PATCH', headers, body });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  const device = JSON.stringify({ subject: 'serialNumber=4711,O=Vendor', label: 'the one on the bench' });
  const listed = await server.api(`/api/v1/cmp-profiles/${profile.id}/vendor-devices`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: device,
  });
  if (listed.status !== 201) throw new Error(`${listed.status} ${await listed.text()}`);
}

/** Changes reach every process within a second: asks again for a few seconds. */
async function until(ask: () => Promise<Ran>, isGood: (ran: Ran) => boolean): Promise<Ran> {
  let ran = await ask();
  for (let tries = 0; tries < 10 && !isGood(ran); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    ran = await ask();
  }
  return ran;
}
