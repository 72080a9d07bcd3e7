import { rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createAddressGuard } from '../../../src/connectors/address-guard.js';
import { watchExchanges } from '../../../src/connectors/exchanges.js';
import { createSmtpMailer, smtpSettings } from '../../../src/connectors/smtp/index.js';
import type { Mailer, MailMessage } from '../../../src/notification/ports.js';
import { Secret } from '../../../src/runtime/secret.js';
import { smtpConfigSchema } from '../../../src/tenancy/connector.js';
import { type MailServer, type MailServerSetup, startMailServer } from '../../support/mail-server.js';
import { type Bench, openBench } from '../../support/openssl.js';

const open = createAddressGuard([], true);
const login = { username: 'gatehouse', password: 'pa$$ word' };

interface Changes {
  readonly [name: string]: unknown;
}

function mailerFor(port: number, changes: Changes = {}, guard = open): Mailer {
  const { password, ...rest } = changes;
  const config = smtpConfigSchema.parse({ server: '127.0.0.1', port, from: 'Gatehouse <gatehouse@example.org>', timeoutMs: 20_000, ...rest });
  return createSmtpMailer(smtpSettings(config, typeof password === 'string' ? new Secret(password) : undefined), guard);
}

function message(to: string, changes: Partial<MailMessage> = {}): MailMessage {
  const words = { subject: 'Two orders failed', text: 'plain words', html: '<p>marked words</p>' };
  return { id: '0192f0c1-2345-7000-8000-000000000001', to, ...words, date: new Date('2026-03-04T05:06:07Z'), ...changes };
}

async function serve(t: Test, setup: MailServerSetup = {}): Promise<MailServer> {
  const server = await startMailServer(setup);
  t.teardown(() => server.stop());
  return server;
}

/** A CA and a server certificate for 127.0.0.1 and mail.example.test. */
async function certify(bench: Bench): Promise<{ readonly ca: string; readonly certificate: { readonly key: string; readonly cert: string } }> {
  await bench.key('ca.key');
  await bench.openssl('req', '-x509', '-key', 'ca.key', '-subj', '/CN=Mail CA', '-days', '2', '-out', 'ca.pem');
  await bench.key('server.key');
  await bench.csr('server.csr', 'server.key', '/CN=mail');
  bench.write('ext', 'subjectAltName=IP:127.0.0.1,DNS:mail.example.test\n');
  const signed = await bench.openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-days',
    '2',
    '-extfile',
    'ext',
    '-out',
    'server.pem',
  );
  if (signed.code !== 0) throw new Error(signed.output);
  return { ca: bench.read('ca.pem'), certificate: { key: bench.file('server.key'), cert: bench.file('server.pem') } };
}

t.setTimeout(240_000);
const bench = openBench();
t.teardown(() => rmSync(bench.dir, { recursive: true, force: true }));
const { ca, certificate } = await certify(bench);

t.test('a mail arrives whole: who, what, when, and under the same Message-ID however often it is sent', async (t) => {
  const server = await serve(t);
  const mailer = mailerFor(server.port, { tls: 'none', replyTo: 'ops@example.org' });
  for (let attempt = 0; attempt < 2; attempt += 1) t.match(await mailer.send(message('one@example.net')), { kind: 'sent', response: /250/ });
  const [first, second] = await server.received();
  t.match(first, { from: 'gatehouse@example.org', to: ['one@example.net'], isSecure: false, user: '' });
  for (const line of [
    'From: Gatehouse <gatehouse@example.org>',
    'To: one@example.net',
    'Reply-To: ops@example.org',
    'Subject: Two orders failed',
    'Date: Wed, 04 Mar 2026 05:06:07 +0000',
    'Message-ID: <0192f0c1-2345-7000-8000-000000000001@example.org>',
    'Auto-Submitted: auto-generated',
  ]) {
    t.ok(first?.raw.includes(`${line}\r\n`), line);
  }
  t.match(first?.raw, /multipart\/alternative/);
  t.match(first?.raw, /plain words[\s\S]*<p>marked words<\/p>/);
  t.equal(/^Message-ID: .*$/m.exec(second?.raw ?? '')?.[0], /^Message-ID: .*$/m.exec(first?.raw ?? '')?.[0]);
});

t.test('no header can be smuggled in through subject or recipient, and no file or address is read', async (t) => {
  const server = await serve(t);
  const mailer = mailerFor(server.port, { tls: 'none' });
  t.match(await mailer.send(message('two@example.net', { subject: 'A\r\nBcc: victim@example.net\r\n\r\nbody' })), { kind: 'sent' });
  t.match(await mailer.send(message('two@example.net>\r\nRCPT TO:<victim@example.net')), { kind: /refused|unreachable/ });
  const mails = await server.received();
  t.equal(mails.length, 1);
  t.same(mails[0]?.to, ['two@example.net']);
  t.notMatch(mails[0]?.raw, /^Bcc:/m);
});

t.test('TLS from the first byte: the certificate must chain to the trusted CA and be for the server', async (t) => {
  const server = await serve(t, { tls: 'implicit', certificate, login });
  const settings = { tls: 'implicit', trustedCa: ca, ...login };
  t.match(await mailerFor(server.port, settings).send(message('tls@example.net')), { kind: 'sent' });
  t.match((await server.received())[0], { isSecure: true, user: 'gatehouse' });

  const verified = await mailerFor(server.port, settings).verify();
  t.ok(verified.ok);
  t.same(
    verified.steps.map(({ name }) => name),
    ['address', 'connection', 'session', 'login'],
  );
  t.match(verified.steps[2]?.message, /encrypted with TLSv1\.[23]/);

  const untrusted = await mailerFor(server.port, { ...settings, trustedCa: undefined }).send(message('tls@example.net'));
  t.match(untrusted, { kind: 'unreachable', reason: /chains to no trusted CA|self-signed/ });
  const clear = await mailerFor(server.port, { ...settings, tls: 'none', timeoutMs: 1_500 }).send(message('tls@example.net'));
  t.match(clear, { kind: 'unreachable', reason: /no greeting in time|cut the connection|no mail server/ });
  t.equal((await server.received()).length, 1);
});

t.test('STARTTLS: required means required, and a wrong pairing of port and mode is told with its remedy', async (t) => {
  const server = await serve(t, { tls: 'starttls', certificate, login });
  const settings = { trustedCa: ca, ...login };
  t.match(await mailerFor(server.port, settings).send(message('start@example.net')), { kind: 'sent' }, 'the default on ports other than 465');
  t.match((await server.received())[0], { isSecure: true, user: 'gatehouse' });
  t.match(await mailerFor(server.port, { ...settings, tls: 'implicit' }).send(message('start@example.net')), {
    kind: 'unreachable',
    reason: /speaks no TLS from the first byte; set tls to "starttls"/,
  });
  t.match(await mailerFor(server.port, login).send(message('start@example.net')), { kind: 'unreachable', reason: /chains to no trusted CA|self-signed/ });

  const plain = await serve(t, { login });
  const refused = await mailerFor(plain.port, settings).send(message('start@example.net'));
  t.match(refused, { kind: 'unreachable', reason: /offers no TLS \(STARTTLS\), and without it nothing is sent/ });
  t.match(await mailerFor(plain.port, { ...settings, tls: 'starttls-if-offered' }).send(message('start@example.net')), {
    kind: 'unreachable',
    reason: /offers no TLS/,
  });
  t.same(await plain.received(), [], 'no password and no mail went in clear');
});

t.test('STARTTLS if offered: encrypts where it can, also under a certificate of nobody, and goes in clear where it cannot', async (t) => {
  const offering = await serve(t, { tls: 'starttls', certificate });
  t.match(await mailerFor(offering.port, { tls: 'starttls-if-offered' }).send(message('may@example.net')), { kind: 'sent' });
  t.match((await offering.received())[0], { isSecure: true });
  const plain = await serve(t);
  t.match(await mailerFor(plain.port, { tls: 'starttls-if-offered' }).send(message('may@example.net')), { kind: 'sent' });
  t.match((await plain.received())[0], { isSecure: false });
});

t.test('a refused login is told without the password, even where the server repeats it', async (t) => {
  const server = await serve(t, { tls: 'starttls', certificate, login });
  const mailer = mailerFor(server.port, { trustedCa: ca, ...login, password: 'wrong-secret' });
  const outcome = await mailer.send(message('auth@example.net'));
  t.match(outcome, { kind: 'unreachable', reason: /does not accept this user name and password.*535/ });
  t.notMatch(JSON.stringify(outcome), /wrong-secret/);
  const report = await mailer.verify();
  t.notOk(report.ok);
  t.match(report.steps.at(-1), { name: 'login', ok: false, message: /does not accept/ });
  t.notMatch(JSON.stringify(report), /wrong-secret/);

  const anonymous = mailerFor(server.port, { trustedCa: ca });
  t.match(await anonymous.send(message('auth@example.net')), { kind: 'unreachable', reason: /login|username/ });
  const needless = await serve(t);
  t.match(await mailerFor(needless.port, { tls: 'none', ...login }).send(message('auth@example.net')), { kind: 'unreachable', reason: /offers no login/ });
});

t.test('what the server says of a mail decides about that mail', async (t) => {
  const server = await serve(t);
  const mailer = mailerFor(server.port, { tls: 'none' });
  t.match(await mailer.send(message('refused@example.net')), { kind: 'refused', reason: /does not take mails for this recipient.*550 no such mailbox/ });
  t.match(await mailer.send(message('full@example.net')), { kind: 'refused', reason: /does not take the mail.*552/ });
  t.match(await mailer.send(message('grey@example.net')), { kind: 'deferred', reason: /451 greylisted/ });
  t.match(await mailer.send(message('grey@example.net')), { kind: 'sent' }, 'the second attempt passes');
  const forged = mailerFor(server.port, { tls: 'none', from: 'forged@example.org' });
  t.match(await forged.send(message('any@example.net')), { kind: 'refused', reason: /does not take mails from forged@example.org; change "from".*553/ });
  server.command('down');
  t.match(await mailer.send(message('any@example.net')), { kind: 'unreachable', reason: /busy.*421/ });
});

t.test('a line that goes dead is uncertain once the content was handed over, and only then', async (t) => {
  const server = await serve(t);
  const mailer = mailerFor(server.port, { tls: 'none' });
  t.match(await mailer.send(message('cut@example.net')), { kind: 'uncertain', reason: /cut the connection after the mail was handed over/ });
  t.match(await mailer.send(message('taken-and-cut@example.net')), { kind: 'uncertain' });
  t.equal((await server.received()).length, 1, 'and indeed one of the two was taken');
  const hasty = mailerFor(server.port, { tls: 'none', timeoutMs: 1_000 });
  t.match(await hasty.send(message('late@example.net')), { kind: 'unreachable', reason: /did not answer in time/ });
});

t.test('servers that are none, do not answer or may not be reached', async (t) => {
  const silent = await serve(t, { kind: 'silent' });
  t.match(await mailerFor(silent.port, { tls: 'none', timeoutMs: 1_000 }).send(message('x@example.net')), {
    kind: 'unreachable',
    reason: /sent no greeting in time/,
  });
  t.match(await mailerFor(silent.port, { tls: 'implicit', timeoutMs: 1_000 }).send(message('x@example.net')), {
    kind: 'unreachable',
    reason: /TLS handshake in time; ports other than 465 usually want tls "starttls"/,
  });
  const stranger = await serve(t, { kind: 'stranger' });
  t.match(await mailerFor(stranger.port, { tls: 'none' }).send(message('x@example.net')), { kind: 'unreachable', reason: /is no mail server/ });

  const nobody = await startMailServer();
  await nobody.stop();
  t.match(await mailerFor(nobody.port, { tls: 'none' }).send(message('x@example.net')), { kind: 'unreachable', reason: /nothing listens there/ });
  const closed = createAddressGuard(['mail.example.test'], false);
  t.match(await mailerFor(silent.port, { tls: 'none' }, closed).send(message('x@example.net')), {
    kind: 'unreachable',
    reason: /may not reach 127\.0\.0\.1; see GATEHOUSE_CONNECTOR_ALLOW/,
  });
  t.match(await mailerFor(25, { server: 'no-such-host.invalid' }).verify(), {
    ok: false,
    steps: [{ name: 'address', ok: false, message: /not known to the resolver|resolver does not answer/ }],
  });
});

t.test('every conversation leaves a line for the log of the connector', async (t) => {
  const server = await serve(t, { tls: 'implicit', certificate });
  const seen: Parameters<typeof watchExchanges>[0] = [];
  const mailer = mailerFor(server.port, { tls: 'implicit', trustedCa: ca });
  await watchExchanges(seen, () => mailer.send(message('log@example.net')));
  await watchExchanges(seen, () => mailer.send(message('refused@example.net')));
  t.match(seen, [
    { method: 'SMTP', route: 'mail', status: 250, peer: /^[0-9a-f]{64}$/ },
    { method: 'SMTP', status: 550 },
  ]);
});

t.test('settings: what is missing follows from the port, and a sender must be an address', async (t) => {
  const faults = (config: object) => {
    const parsed = smtpConfigSchema.safeParse(config);
    return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
  };
  t.same(faults({ server: 'mail.example.org', username: 'ops@example.org' }), [], 'the user name is the sender');
  t.same(faults({ server: 'mail.example.org' }), ['from']);
  t.same(faults({ server: 'mail.example.org', from: 'Ops\r\nBcc: x <ops@example.org>' }), ['from']);
  for (const from of ['ops', 'ops@', '@example.org', 'a b@example.org', 'ops@example..org', '.ops@example.org', 'ops@-example.org'])
    t.same(faults({ server: 'm', from }), ['from'], from);
  t.same(faults({ server: 'mail.example.org:587', from: 'ops@example.org' }), ['server']);
  const settings = (config: object) => smtpSettings(smtpConfigSchema.parse({ server: 'm', from: 'ops@example.org', ...config }), undefined);
  t.equal(settings({}).tls, 'starttls');
  t.equal(settings({}).port, 587);
  t.equal(settings({ port: 465 }).tls, 'implicit');
  t.equal(settings({ port: 465, tls: 'starttls' }).tls, 'starttls');
});
