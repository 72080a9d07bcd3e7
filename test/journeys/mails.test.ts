import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { nameFromText } from '../../src/pkix/index.js';
import { startMailServer } from '../support/mail-server.js';
import { untilScepServed } from '../support/served.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within a minute');
}

t.test('from an SMTP connector to the mail that an order waits for approval', async (t) => {
  const mail = await startMailServer();
  t.teardown(() => mail.stop());
  const server = await startServer();
  t.teardown(() => server.dispose());
  const call = async (method: string, path: string, body?: object) => {
    const init = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const answer = await server.api(`/api/v1${path}`, init);
    return (await answer.json()) as { id: string; items: { id: string; state: string; type: string }[]; ok: boolean; steps: { name: string; ok: boolean }[] };
  };
  const config = { server: '127.0.0.1', port: mail.port, tls: 'none', from: 'gatehouse@example.org' };

  await t.test('settings are tried before they are saved, with a mail', async (t) => {
    const report = await call('POST', '/connectors/test', { type: 'smtp', config, to: 'me@example.net' });
    t.match(report, { ok: true });
    t.same(
      report.steps.map(({ name }) => name),
      ['address', 'connection', 'session', 'login', 'mail'],
    );
    t.match(await mail.received(), [{ to: ['me@example.net'], raw: /Subject: \[Gatehouse\] Test mail/ }]);
    const wrong = await call('POST', '/connectors/test', { type: 'smtp', config: { ...config, tls: 'starttls' }, to: 'me@example.net' });
    t.match(wrong, { ok: false, steps: [{ name: 'address' }, { name: 'connection' }, { name: 'session', ok: false, message: /offers no TLS/ }] });
  });

  const connector = await call('POST', '/connectors', { type: 'smtp', name: 'Mail', config });
  const rule = await call('POST', '/notification-rules', {
    name: 'Operators',
    connectorId: connector.id,
    recipients: ['ops@example.net'],
    events: ['approval-needed', 'certificate-expiring', 'credential-expiring', 'weekly-digest'],
  });

  await t.test('a rule sends a test mail to its recipients', async (t) => {
    t.match(await call('POST', `/notification-rules/${rule.id}/test`), { ok: true, steps: [{ name: 'ops@example.net', message: /took a mail/ }] });
    t.match((await mail.received())[1], { to: ['ops@example.net'], raw: /Operators/ });
  });

  await t.test('a device asks, and operators hear that its order waits', async (t) => {
    const { items } = await call('GET', '/connectors?type=crypto-engine');
    const policy = { approval: { mode: 'manual' } };
    await call('POST', '/scep-profiles', { name: 'Manual', connectorId: items[0]?.id, endpointPath: 'manual', challengePassword: 'let-me-in', policy });
    const url = `${server.deviceUrl}/scep/manual`;
    await untilScepServed(url);
    const subject = nameFromText('CN=router-7');
    if (!subject.ok) throw new Error(subject.error);
    const asked = await new ScepClient({ url }).enrol({ key: generateRsaKey(), subject: subject.value, challenge: 'let-me-in', transactionId: 'router-7' });
    t.match(asked, { ok: true, value: { kind: 'pending' } });
    await mail.took(3);
    const [, , told] = await mail.received();
    t.match(told, { from: 'gatehouse@example.org', to: ['ops@example.net'], raw: /Subject: \[Gatehouse\] 1 order waits for approval/ });
    t.match(told?.raw, /CN=3Drouter-7|CN=router-7/);
    const sent = await until(async () => (await call('GET', '/mails?state=sent')).items[0]);
    t.ok(told?.raw.includes(`Message-ID: <${sent.id}@example.org>`), 'its Message-ID is the id of the mail');
  });

  await t.test('the server stops in order, whatever its mailer is about to do', async (t) => {
    t.match(await server.stop(), { code: 0 });
    t.notMatch(server.output(), /a background job failed/);
  });
});
