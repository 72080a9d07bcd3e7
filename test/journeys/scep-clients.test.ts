import { existsSync, readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { buildPkcsReq, generateRsaKey } from '../../src/device-client/scep.js';
import { type Certificate, fromPem, nameFromText, parseCertificate, toPem } from '../../src/pkix/index.js';
import { client, needs } from '../support/clients.js';
import { type Bench, openBench } from '../support/openssl.js';
import { type Ran, run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

interface OrderView {
  readonly protocol: string;
  readonly state: string;
  readonly operation: string;
  readonly subject: string;
  readonly clientFamily: string;
  readonly digest: string;
  readonly cipher: string;
}

async function ordersOf(server: RunningServer, name: string): Promise<readonly OrderView[]> {
  const response = await server.api(`/api/v1/orders?q=${encodeURIComponent(name)}&sort=createdAt`);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { readonly items: readonly OrderView[] }).items;
}

async function verifies(t: Test, server: RunningServer, bench: Bench, certificate: string): Promise<void> {
  for (const option of ['-CAfile', '-trusted']) {
    const ran = await bench.openssl('verify', option, server.firstRun.ca.file, certificate);
    t.equal(ran.code, 0, `openssl verify ${option}: ${ran.output}`);
  }
}

/** The files that `pki --scepca` wrote: RA certificate, issuing CA, root. */
interface Anchors {
  readonly ra: string;
  readonly issuing: string;
  readonly root: string;
}

async function fetchAnchors(server: RunningServer, bench: Bench): Promise<{ readonly ran: Ran; readonly anchors: Anchors }> {
  const ran = await pki(bench, '--scepca', '--url', server.firstRun.scep.url, '--caout', 'ca.pem', '--raout', 'ra.pem', '--outform', 'pem', '--force');
  const files = readdirSync(bench.dir);
  const isRoot = async (file: string): Promise<boolean> => {
    const { stdout } = await bench.openssl('x509', '-in', file, '-noout', '-subject', '-issuer');
    const [subject, issuer] = stdout.split('\n').map((line) => line.replace(/^\w+ *= */, ''));
    return subject === issuer;
  };
  const cas = files.filter((name) => /^ca.*\.pem$/.test(name));
  const roots: string[] = [];
  for (const file of cas) if (await isRoot(file)) roots.push(file);
  const [root = 'no root'] = roots;
  return { ran, anchors: { ra: files.find((name) => /^ra.*\.pem$/.test(name)) ?? 'no ra', issuing: cas.find((name) => !roots.includes(name)) ?? root, root } };
}

function pki(bench: Bench, ...args: readonly string[]): Promise<Ran> {
  return run(client('pki --scep'), args, { cwd: bench.dir });
}

/** One enrolment by strongSwan; the certificate is printed and goes into `certificate`. */
async function enrol(server: RunningServer, bench: Bench, anchors: Anchors, certificate: string, ...args: readonly string[]): Promise<Ran> {
  const trust = ['--cacert-enc', anchors.ra, '--cacert-sig', anchors.issuing, '--cacert', anchors.root];
  const ran = await pki(bench, '--scep', '--url', server.firstRun.scep.url, ...trust, '--cipher', 'aes', '--outform', 'pem', ...args);
  if (ran.code === 0) await bench.openssl('x509', '-out', certificate, '-in', bench.write(`${certificate}.out`, ran.stdout));
  return ran;
}

t.setTimeout(180_000);

t.test('real SCEP clients', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());

  t.test('strongSwan pki --scep', needs('openssl', 'pki --scep'), async (t) => {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const { ran, anchors } = await fetchAnchors(server, bench);

    t.test('CT-03 fetches RA certificate, issuing CA and root', async (t) => {
      t.equal(ran.code, 0, ran.output);
      t.ok(existsSync(bench.file(anchors.ra)), `an RA certificate: ${readdirSync(bench.dir).join()}`);
      t.ok(existsSync(bench.file(anchors.root)), 'a root');
      await verifies(t, server, bench, anchors.ra);
    });

    for (const digest of ['sha256', 'sha512'] as const) {
      t.test(`CT-03 enrols with ${digest} and renews with the old certificate`, async (t) => {
        const name = `strongswan-${digest}`;
        await bench.key(`${name}.key`, 'RSA-2048');
        const common = ['--dn', `C=CH, O=Gatehouse, CN=${name}`, '--san', `${name}.example`, '--digest', digest];
        const secret = ['--password', server.firstRun.scep.challenge];
        const first = await enrol(server, bench, anchors, `${name}.pem`, '--in', `${name}.key`, ...common, ...secret);
        t.equal(first.code, 0, first.output);
        await verifies(t, server, bench, `${name}.pem`);
        const text = (await bench.openssl('x509', '-in', `${name}.pem`, '-noout', '-subject', '-ext', 'subjectAltName')).stdout;
        t.match(text, new RegExp(`DNS:${name}\\.example`));

        await bench.key(`${name}-2.key`, 'RSA-2048');
        const old = ['--cert', `${name}.pem`, '--key', `${name}.key`];
        const second = await enrol(server, bench, anchors, `${name}-2.pem`, '--in', `${name}-2.key`, ...common, ...old);
        t.equal(second.code, 0, second.output);
        await verifies(t, server, bench, `${name}-2.pem`);

        const orders = await ordersOf(server, name);
        t.strictSame(
          orders.map((order) => order.operation),
          ['enrolment', 'renewal'],
        );
        t.match(orders[0], { protocol: 'scep', clientFamily: /strongswan/i, digest });
      });
    }

    t.test('a wrong challenge is refused with badRequest, makes no order, and is counted as a refusal', async (t) => {
      await bench.key('wrong.key', 'RSA-2048');
      const refused = await enrol(server, bench, anchors, 'wrong.pem', '--in', 'wrong.key', '--dn', 'CN=wrong-challenge', '--password', 'not-the-challenge');
      t.not(refused.code, 0);
      t.notOk(existsSync(bench.file('wrong.pem')));
      t.strictSame(await ordersOf(server, 'wrong-challenge'), []);
    });

    t.test('a renewal without challenge and without old certificate is refused', async (t) => {
      await bench.key('bare.key', 'RSA-2048');
      const refused = await enrol(server, bench, anchors, 'bare.pem', '--in', 'bare.key', '--dn', 'CN=bare');
      t.not(refused.code, 0);
      t.strictSame(await ordersOf(server, 'CN=bare'), []);
    });

    t.end();
  });

  t.test('CT-09 certmonger scep-submit: capabilities, certificates and enrolment, all by GET', needs('openssl', 'scep-submit'), async (t) => {
    const bench = openBench();
    t.teardown(() => bench.remove());
    const submit = (...args: readonly string[]): Promise<Ran> => run(client('scep-submit'), ['-u', server.firstRun.scep.url, ...args], { cwd: bench.dir });

    const capabilities = await submit('-c');
    t.equal(capabilities.code, 0, capabilities.output);
    t.match(capabilities.stdout, /SCEPStandard/);

    const shown = await submit('-C');
    t.equal(shown.code, 0, shown.output);
    const [ra, root, issuing] = shown.stdout.split(/(?<=-----END CERTIFICATE-----\n)/);
    for (const [name, text] of Object.entries({ 'ra.pem': ra, 'root.pem': root, 'issuing.pem': issuing })) bench.write(name, text ?? '');
    const trust = ['-r', 'ra.pem', '-N', 'root.pem', '-I', 'issuing.pem'];

    const request = pkcsReq(bench, 'certmonger', ra ?? '', server.firstRun.scep.challenge);
    const answer = await submit('-p', request, ...trust);
    t.equal(answer.code, 0, answer.output);
    bench.write('answer.pem', answer.stdout);
    const decrypt = ['-inkey', 'certmonger.key', '-recip', 'certmonger-self.pem', '-out', 'certmonger.p7'];
    t.equal((await bench.openssl('cms', '-decrypt', '-inform', 'PEM', '-in', 'answer.pem', ...decrypt)).code, 0);
    t.equal((await bench.openssl('pkcs7', '-inform', 'DER', '-in', 'certmonger.p7', '-print_certs', '-out', 'certmonger.pem')).code, 0);
    await verifies(t, server, bench, 'certmonger.pem');
    t.match(await ordersOf(server, 'certmonger'), [{ protocol: 'scep', operation: 'enrolment', subject: 'CN=certmonger' }]);

    const wrong = await submit('-p', pkcsReq(bench, 'certmonger-wrong', ra ?? '', 'not-the-challenge'), ...trust);
    t.not(wrong.code, 0, 'a wrong challenge is refused');
    t.strictSame(await ordersOf(server, 'certmonger-wrong'), []);
  });

  t.end();
});

/** It encrypts to the first certificate of GetCACert that can, and breaks on EC keys among them: so here all CAs have RSA keys. */
t.test('CT-08 scepclient (single DES, SHA-1) is refused with badAlg', needs('scepclient'), async (t) => {
  const server = await startServer({ env: { GATEHOUSE_ENGINE_KEY: 'RSA-2048' } });
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
  });
  const { url, challenge } = server.firstRun.scep;
  const args = ['-server-url', url, '-challenge', challenge, '-private-key', 'k.pem', '-certificate', 'c.pem', '-cn', 'scepclient-des'];
  const ran = await run(client('scepclient'), args, { cwd: bench.dir, timeoutMs: 30_000 });
  t.not(ran.code, 0);
  t.match(ran.output, /badAlg/);
  t.notOk(existsSync(bench.file('c.pem')));
  t.strictSame(await ordersOf(server, 'scepclient-des'), []);
});

/** What certmonger's daemon would hand to scep-submit: a PKCSReq in PEM. Leaves the key and its self-signed certificate beside it. */
function pkcsReq(bench: Bench, name: string, ra: string, challenge: string): string {
  const subject = nameFromText(`CN=${name}`);
  if (!subject.ok) throw new Error(subject.error);
  const key = generateRsaKey();
  const { message, signer } = buildPkcsReq({ recipient: certificateIn(ra), key, subject: subject.value, challenge });
  bench.write(`${name}.key`, key.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  bench.write(`${name}-self.pem`, toPem('CERTIFICATE', signer.certificate.der));
  return bench.write(`${name}.msg`, toPem('PKCS7', message));
}

function certificateIn(pem: string): Certificate {
  const parsed = fromPem('CERTIFICATE', pem).map(parseCertificate)[0];
  if (!parsed?.ok) throw new Error(`no certificate in ${pem}`);
  return parsed.value;
}
