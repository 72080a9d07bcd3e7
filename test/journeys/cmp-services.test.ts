import { existsSync } from 'node:fs';
import t from 'tap';
import { needs } from '../support/clients.js';
import { openBench } from '../support/openssl.js';
import { program } from '../support/program.js';
import { type Ran, run } from '../support/run.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

interface ProfileView {
  readonly id: string;
}

/** Revocation and general messages, by OpenSSL and by our own commands, against a running server. */
t.test('what devices say over CMP beside enrolling', needs('openssl'), async (t) => {
  // One process: another one may serve a CRL that is up to half a minute old.
  const server = await startServer({ env: { GATEHOUSE_PROCESSES: '1' } });
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
  });
  const { cmp: first, ca } = server.firstRun;
  const bySecret = ['-ref', first.reference, '-secret', `pass:${first.secret}`];
  const byCertificate = (name: string) => ['-cert', `${name}.pem`, '-key', `${name}.key`, '-trusted', ca.file];
  const cmp = (...args: readonly string[]): Promise<Ran> =>
    bench.openssl('cmp', '-config', '', '-batch', '-server', first.server, '-path', first.path, '-recipient', first.recipient, '-msg_timeout', '30', ...args);
  const gatehouse = (...args: readonly string[]): Promise<Ran> => run(process.execPath, [...program, ...args], { cwd: bench.dir });
  const enrol = async (name: string) => {
    await bench.key(`${name}.key`);
    const ran = await cmp('-cmd', 'ir', ...bySecret, '-newkey', `${name}.key`, '-subject', `/CN=${name}`, '-certout', `${name}.pem`, '-implicit_confirm');
    if (ran.code !== 0) throw new Error(ran.output);
  };
  const api = async <T>(path: string, init?: RequestInit): Promise<{ readonly body: T; readonly etag: string }> => {
    const response = await server.api(path, init);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return { body: (await response.json()) as T, etag: response.headers.get('etag') ?? '' };
  };
  const statusOf = async (name: string) => {
    const { body } = await api<{ items: readonly { status: string }[] }>(`/api/v1/certificates?q=${name}`);
    return body.items[0]?.status;
  };
  const allowSecret = async () => {
    const { body } = await api<{ items: readonly ProfileView[] }>('/api/v1/cmp-profiles');
    const path = `/api/v1/cmp-profiles/${body.items[0]?.id}`;
    const { etag } = await api(path);
    const headers = { 'content-type': 'application/merge-patch+json', 'if-match': etag };
    await api(path, { method: 'PATCH', headers, body: JSON.stringify({ policy: { cmp: { revocation: { bySecret: true } } } }) });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  };
  const isOnList = async (name: string) => {
    const crl = await fetch(`${server.deviceUrl}/pki/issuing.crl`);
    bench.write('now.crl', Buffer.from(await crl.arrayBuffer()));
    const listed = (await bench.openssl('crl', '-inform', 'DER', '-in', 'now.crl', '-noout', '-text')).stdout;
    const { stdout } = await bench.openssl('x509', '-in', `${name}.pem`, '-noout', '-serial');
    return listed.includes(stdout.trim().replace('serial=', ''));
  };

  await t.test('openssl cmp -cmd rr revokes the certificate that signs (CMP-137, CMP-139, CMP-142)', async (t) => {
    await enrol('lost');
    const ran = await cmp('-cmd', 'rr', ...byCertificate('lost'), '-oldcert', 'lost.pem', '-revreason', '1');
    t.equal(ran.code, 0, ran.output);
    t.match(ran.output, /revocation accepted/);
    t.equal(await statusOf('lost'), 'revoked');
    t.ok(await isOnList('lost'), 'and it is on the CRL');
    const again = await cmp('-cmd', 'rr', ...byCertificate('lost'), '-oldcert', 'lost.pem', '-revreason', '1');
    t.not(again.code, 0);
    t.match(again.output, /certRevoked/, 'twice');
    await enrol('plain');
    t.equal((await cmp('-cmd', 'rr', ...byCertificate('plain'), '-oldcert', 'plain.pem')).code, 0, 'without a reason');
  });

  await t.test('openssl cmp -cmd rr for the certificate of another device, and by shared secret, is refused (CMP-140)', async (t) => {
    await enrol('mine');
    await enrol('other');
    const foreign = await cmp('-cmd', 'rr', ...byCertificate('mine'), '-oldcert', 'other.pem');
    t.not(foreign.code, 0);
    t.match(foreign.output, /notAuthorized/);
    const mac = await cmp('-cmd', 'rr', ...bySecret, '-oldcert', 'other.pem');
    t.not(mac.code, 0);
    t.match(mac.output, /wrongIntegrity/);
    t.equal(await statusOf('other'), 'valid');
  });

  await t.test('a certificate is put on hold, released and revoked (CMP-144)', async (t) => {
    await enrol('held');
    t.equal((await cmp('-cmd', 'rr', ...byCertificate('held'), '-oldcert', 'held.pem', '-revreason', '6')).code, 0);
    t.equal(await statusOf('held'), 'revoked');
    const itself = await cmp('-cmd', 'rr', ...byCertificate('held'), '-oldcert', 'held.pem', '-revreason', '8');
    t.match(itself.output, /certRevoked/, 'not by itself');
    await allowSecret();
    const released = await cmp('-cmd', 'rr', ...bySecret, '-oldcert', 'held.pem', '-revreason', '8');
    t.equal(released.code, 0, released.output);
    t.equal(await statusOf('held'), 'valid');
    t.notOk(await isOnList('held'));
    t.equal((await cmp('-cmd', 'rr', ...byCertificate('held'), '-oldcert', 'held.pem', '-revreason', '4')).code, 0);
    t.ok(await isOnList('held'));
  });

  await t.test('an administrator sees why a certificate is revoked, and releases it (CMP-144)', async (t) => {
    await enrol('watched');
    t.equal((await cmp('-cmd', 'rr', ...byCertificate('watched'), '-oldcert', 'watched.pem', '-revreason', '6')).code, 0);
    const { body } = await api<{ items: readonly { id: string; revocationReason: string }[] }>('/api/v1/certificates?q=watched');
    const [certificate] = body.items;
    t.equal(certificate?.revocationReason, 'certificateHold');
    const decide = (reason: string) =>
      server.api(`/api/v1/certificates/${certificate?.id}/revoke`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ reason }),
      });
    const until = async (status: string) => {
      for (let tries = 0; tries < 40 && (await statusOf('watched')) !== status; tries += 1) await new Promise((resolve) => setTimeout(resolve, 250));
      return statusOf('watched');
    };
    t.equal((await decide('removeFromCRL')).status, 202);
    t.equal(await until('valid'), 'valid', 'released');
    t.equal((await decide('removeFromCRL')).status, 409, 'once');
    t.equal((await decide('certificateHold')).status, 202);
    t.equal(await until('revoked'), 'revoked', 'put on hold by the administrator');
    t.equal((await decide('keyCompromise')).status, 202, 'and from there revoked for good');
    const reason = async () =>
      (await api<{ items: readonly { revocationReason: string }[] }>('/api/v1/certificates?q=watched')).body.items[0]?.revocationReason;
    for (let tries = 0; tries < 40 && (await reason()) !== 'keyCompromise'; tries += 1) await new Promise((resolve) => setTimeout(resolve, 250));
    t.equal(await reason(), 'keyCompromise');
    t.equal((await decide('removeFromCRL')).status, 409);
  });

  for (const infotype of ['signKeyPairTypes', 'encKeyPairTypes', 'preferredSymmAlg', 'currentCRL', 'caProtEncCert', 'caKeyUpdateInfo', 'caCerts', undefined]) {
    await t.test(`openssl cmp -cmd genm ${infotype === undefined ? 'with an empty list' : `-infotype ${infotype}`} (CMP-158)`, async (t) => {
      if (!existsSync(bench.file('asker.pem'))) await enrol('asker');
      for (const credential of [bySecret, byCertificate('asker')]) {
        const ran = await cmp('-cmd', 'genm', ...credential, ...(infotype === undefined ? [] : ['-infotype', infotype]));
        if (/unknown OID name/.test(ran.output)) return t.pass('this OpenSSL does not know the type');
        t.equal(ran.code, 0, ran.output);
        t.match(ran.output, /genp contains|received GENP/);
      }
    });
  }

  await t.test('gatehouse cmp genm shows what the CA tells, and writes certificates and CRLs', async (t) => {
    const server = ['--url', first.url, '--reference', first.reference, '--secret', first.secret];
    const caCerts = await gatehouse('cmp', 'genm', ...server, '--infotype', 'caCerts', '--out', 'chain.pem');
    t.equal(caCerts.code, 0, caCerts.output);
    t.match(caCerts.stdout, /caCerts: 1/);
    t.equal((await bench.openssl('verify', '-CAfile', ca.file, 'chain.pem')).code, 0);
    const crl = await gatehouse('cmp', 'genm', ...server, '--infotype', 'currentCRL', '--out', 'crl.pem');
    t.equal(crl.code, 0, crl.output);
    t.equal((await bench.openssl('crl', '-in', 'crl.pem', '-CAfile', ca.file, '-noout')).code, 0);
    const several = await gatehouse('cmp', 'genm', ...server, '--infotype', 'certReqTemplate', 'suppLangTags', '1.2.3.4');
    t.match(several.stdout, /rsaKeyLen: 2048/);
    t.match(several.stdout, /suppLangTags: en/);
    t.match(several.stdout, /unsupportedOIDs: 1\.2\.3\.4/);
    const odd = await gatehouse('cmp', 'genm', ...server, '--infotype', 'nonsense');
    t.equal(odd.code, 64);
    t.match(odd.stderr, /neither an object identifier nor one of/);
  });

  await t.test('gatehouse cmp rr revokes, by itself, by name and by secret', async (t) => {
    for (const name of ['cli-1', 'cli-2', 'cli-3']) await enrol(name);
    const signed = (name: string) => ['--url', first.url, '--cert', `${name}.pem`, '--cert-key', `${name}.key`, '--trusted', ca.file];
    const itself = await gatehouse('cmp', 'rr', ...signed('cli-1'), '--reason', 'keyCompromise');
    t.equal(itself.code, 0, itself.output);
    t.match(itself.stdout, /Revoked\./);
    t.equal(await statusOf('cli-1'), 'revoked');
    const { stdout } = await bench.openssl('x509', '-in', 'cli-2.pem', '-noout', '-serial');
    const { stdout: issuer } = await bench.openssl('x509', '-in', 'cli-2.pem', '-noout', '-issuer', '-nameopt', 'RFC2253');
    const named = ['--issuer', issuer.trim().replace('issuer=', ''), '--serial', stdout.trim().replace('serial=', '')];
    const byName = await gatehouse('cmp', 'rr', ...signed('cli-2'), ...named, '--reason', 'certificateHold');
    t.equal(byName.code, 0, byName.output);
    const secret = ['--url', first.url, '--reference', first.reference, '--secret', first.secret];
    const released = await gatehouse('cmp', 'rr', ...secret, '--revoke', 'cli-2.pem', '--reason', 'removeFromCRL');
    t.equal(released.code, 0, released.output);
    t.match(released.stdout, /Released\./);
    t.equal(await statusOf('cli-2'), 'valid');
    const again = await gatehouse('cmp', 'rr', ...signed('cli-1'));
    t.equal(again.code, 1);
    t.match(again.stderr, /certRevoked/);
    t.equal((await gatehouse('cmp', 'rr', ...signed('cli-3'), '--reason', 'boredom')).code, 64);
  });
});
