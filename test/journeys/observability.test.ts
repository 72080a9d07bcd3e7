import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { enrolByCmp, secretCredential } from '../../src/device-client/cmp.js';
import { generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { buildName, type Certificate, createSigner, nameFromText } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import type { Result } from '../../src/runtime/result.js';
import { type RunningServer, startServer } from '../support/server.js';

type Line = Readonly<Record<string, unknown>>;

function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const subjectOf = (text: string) => must(nameFromText(text));
const processes = process.env.TEST_DATABASE_URL ? 2 : 1;

function linesOf(server: RunningServer, message: string): readonly Line[] {
  const lines = logged(server).map((line) => JSON.parse(line) as Line);
  return lines.filter(({ msg }) => msg === message);
}

/** What stands beside the log is told on the terminal once, at the first start. */
function logged(server: RunningServer): readonly string[] {
  const lines = server.output().split('\n');
  return lines.filter((line) => line.startsWith('{'));
}

async function scrape(server: RunningServer): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`${server.adminUrl}/metrics`);
  t.match(answer.headers.get('content-type'), 'text/plain; version=0.0.4');
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

/** The lines of one figure, with all their labels given. */
function sum(figures: ReadonlyMap<string, number>, name: string, ...labels: readonly string[]): number {
  const found = [...figures].filter(([line]) => (line === name || line.startsWith(`${name}{`)) && labels.every((label) => line.includes(label)));
  return found.reduce((total, [, value]) => total + value, 0);
}

t.setTimeout(180_000);

t.test('what operators see of devices', async (t) => {
  const server = await startServer({ env: { GATEHOUSE_PROCESSES: String(processes) } });
  t.teardown(() => server.dispose());
  const key = generateRsaKey();
  const { challenge } = server.firstRun.scep;
  const client = new ScepClient({ url: server.firstRun.scep.url });
  const enrolled = must(await client.enrol({ key, subject: subjectOf('CN=device-1'), challenge, transactionId: 'first' }));
  if (enrolled.kind !== 'issued') throw new Error(enrolled.kind);
  must(await client.enrol({ key: generateRsaKey(), subject: subjectOf('CN=device-2'), challenge: 'wrong-challenge-of-a-guesser', transactionId: 'guess' }));
  const signer = { certificate: enrolled.certificate, privateKey: key.privateKey };
  must(await client.getCertificate(signer, enrolled.certificate.issuer, enrolled.certificate.serial));
  await fetch(`${server.firstRun.scep.url}?operation=Nonsense&x=${'label'.repeat(20)}`);
  await fetch(server.firstRun.scep.url, { method: 'POST', body: 'no message' });

  const cmp = await byCmp(server, 'device-3', server.firstRun.cmp.secret);
  const injected = await byCmp(server, 'device-5\r\n{"level":60,"msg":"forged"}', server.firstRun.cmp.secret);
  const refused = await byCmp(server, 'device-4', 'a-wrong-secret');
  t.ok(cmp.ok, JSON.stringify(cmp));
  t.match([injected, refused], [{ ok: false }, { ok: false }]);

  await t.test('SCEP-160 the figures tell of all processes what was asked, how it went, and how long it took', async (t) => {
    const figures = await scrape(server);
    const requests = (...labels: readonly string[]) => sum(figures, 'gatehouse_requests_total', ...labels);
    t.equal(requests('protocol="scep"', 'operation="PKIOperation"', 'type="PKCSReq"', 'status="SUCCESS"', 'failInfo=""'), 1);
    t.equal(requests('type="PKCSReq"', 'status="FAILURE"', 'failInfo="badRequest"'), 1);
    t.equal(requests('type="GetCert"', 'status="SUCCESS"'), 1);
    t.equal(requests('protocol="scep"', 'type="unknown"', 'status="unreadable"'), 1);
    t.equal(requests('operation="unknown"', 'status="refused"'), 1);
    t.equal(requests('operation="GetCACert"', 'status="ok"'), 1);
    t.equal(requests('protocol="cmp"', 'type="ir"', 'status="accepted"'), 1);
    t.equal(requests('protocol="cmp"', 'type="certConf"', 'status="pkiconf"'), 1);
    t.equal(requests('protocol="cmp"', 'type="ir"', 'status="rejection"', 'failInfo="badMessageCheck"'), 1);
    t.equal(sum(figures, 'gatehouse_challenge_failures_total'), 2, 'a wrong challenge and a wrong MAC');
    t.equal(sum(figures, 'gatehouse_decrypt_seconds_count', 'protocol="scep"'), 3);
    t.equal(sum(figures, 'gatehouse_verify_seconds_count', 'protocol="scep"'), 3);
    t.equal(sum(figures, 'gatehouse_verify_seconds_count', 'protocol="cmp"'), 4);
    t.ok(sum(figures, 'gatehouse_ca_seconds_count', 'connector="embedded"') >= 2);
    t.ok(sum(figures, 'gatehouse_ca_seconds_sum', 'connector="embedded"') > 0);
    t.equal(sum(figures, 'gatehouse_commit_batch_size_sum', 'batch="issue"'), 2);
    t.ok(figures.has('gatehouse_queue_depth{queue="issue"}'));
    t.ok(figures.has('gatehouse_spool_depth{spool="deliveries"}'));
    t.equal(figures.get('gatehouse_orders_pending{protocol="scep",state="AWAITING_APPROVAL"}'), 0);
    t.equal(figures.get('gatehouse_database_up'), 1);
    t.equal(figures.get('gatehouse_database_outages_total'), 0);
    t.equal(figures.get('gatehouse_processes'), processes);
    const days = [...figures].filter(([line]) => line.startsWith('gatehouse_ra_certificate_days_left{'));
    t.match(days.map(([line]) => line).sort(), [/profile="demo",.*|protocol="cmp"/, /protocol="scep",profile="demo"/]);
    t.ok(days.every(([, value]) => value > 1));
    t.notOk(
      [...figures.keys()].some((line) => /label|Nonsense|device-|first|guess/.test(line)),
      'nothing a device wrote is a label',
    );
  });

  await t.test('SCEP-159 every message leaves one line that says who asked for what and how it went, without the challenge', async (t) => {
    const lines = await settled(() => linesOf(server, 'SCEP message'), 4);
    const of = (transactionId: string | undefined, type: string) => lines.find((line) => line.transactionId === transactionId && line.messageType === type);
    const common = { tenantId: String, profileId: String, clientIp: '127.0.0.1', ms: Number };
    const digest = /^[0-9a-f]{64}$/;
    t.match(of('first', 'PKCSReq'), { ...common, signer: digest, csr: digest, status: 'SUCCESS', level: 30 });
    t.match(of('guess', 'PKCSReq'), { ...common, signer: digest, csr: digest, status: 'FAILURE', failInfo: 'badRequest', reason: 'credential-invalid' });
    const lookUp = lines.find(({ messageType }) => messageType === 'GetCert');
    t.match(lookUp, { ...common, transactionId: String, signer: digest, status: 'SUCCESS' });
    t.notOk('csr' in (lookUp ?? {}));
    t.match(
      lines.find(({ messageType }) => messageType === 'unknown'),
      { ...common, status: 'unreadable', reason: 'malformed' },
    );
    t.notOk(logged(server).some((line) => line.includes(challenge) || line.includes('wrong-challenge-of-a-guesser')));
  });

  await t.test('CMP-220 every CMP message leaves one line, which no name of a device breaks', async (t) => {
    const lines = await settled(() => linesOf(server, 'CMP message'), 4);
    const ir = lines.find(({ type, status }) => type === 'ir' && status === 'accepted');
    t.match(ir, {
      tenantId: String,
      profileId: String,
      transactionId: /^[0-9a-f]{32}$/,
      senderKID: String,
      reference: server.firstRun.cmp.reference,
      clientIp: '127.0.0.1',
    });
    t.match(ir, { request: /^[0-9a-f]{64}$/, serial: serialOf(cmp), ms: Number });
    t.match(
      lines.find(({ type }) => type === 'certConf'),
      { status: 'pkiconf', transactionId: ir?.transactionId },
    );
    const refusals = lines.filter(({ status }) => status === 'rejection');
    t.match(refusals, [
      { type: 'ir', failInfo: 'badCertTemplate', reason: 'name-malformed', sender: String },
      { type: 'ir', failInfo: 'badMessageCheck', reason: 'mac', transactionId: String },
    ]);
    t.same(linesOf(server, 'forged'), []);
  });
});

function serialOf(enrolled: Awaited<ReturnType<typeof byCmp>>): string {
  return enrolled.ok ? (enrolled.value.certificate as Certificate).serial.toString('hex') : '';
}

function byCmp(server: RunningServer, commonName: string, secret: string) {
  const { url, reference } = server.firstRun.cmp;
  const key = generateRsaKey();
  return enrolByCmp({
    url,
    type: 'ir',
    credential: secretCredential(reference, Buffer.from(secret)),
    recipient: subjectOf('CN=any'),
    subject: buildName([[oids.commonName, commonName]]),
    newKey: createSigner(key.privateKey, key.publicKey),
    timeoutMs: 20_000,
  });
}

/** Standard output of several processes comes a moment later. */
async function settled(read: () => readonly Line[], count: number): Promise<readonly Line[]> {
  for (let tries = 0; tries < 100 && read().length < count; tries += 1) await sleep(50);
  return read();
}
