import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openBench } from '../support/openssl.js';
import { type FirstRun, type RunningServer, type ServerProcess, spawnServer, startServer } from '../support/server.js';

t.setTimeout(600_000);

interface Report {
  readonly ok: boolean;
  readonly outcome: string;
  readonly subject: string;
  readonly orderId: string | null;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly detail: string; readonly ms: number }[];
}

interface Made {
  readonly id: string;
  readonly tenantId: string;
}

const server: RunningServer = await startServer();
t.teardown(() => server.dispose());

async function call(method: string, path: string, body?: object, token?: string): Promise<Response> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  return server.api(`/api/v1${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
}

async function done<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await call(method, path, body);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

const connector = (await done<{ items: readonly Made[] }>('GET', '/connectors')).items[0] as Made;
const profile = (protocol: 'scep' | 'cmp', name: string, more: object = {}) =>
  done<Made>('POST', `/${protocol}-profiles`, { name, endpointPath: name, connectorId: connector.id, ...more });
const tried = (protocol: 'scep' | 'cmp', { id }: Made, body?: object) => done<Report>('POST', `/${protocol}-profiles/${id}/test-enrolment`, body);
const stepsOf = ({ steps }: Report) => steps.map(({ name }) => name);
const orderOf = ({ orderId }: Report) => done<{ state: string; subject: string; credential: string; profileId: string }>('GET', `/orders/${orderId}`);

t.test('a SCEP profile is tried out by a device that is played, in every challenge mode that needs nobody outside', async (t) => {
  const modes = {
    static: { challengePassword: 'a static challenge' },
    'one-time': { challengeMode: 'one-time' },
    none: { challengeMode: 'none' },
    hmac: { challengeMode: 'hmac' },
  };
  for (const [mode, settings] of Object.entries(modes)) {
    const made = await profile('scep', `try-${mode}`, settings);
    const report = await tried('scep', made);
    t.match(report, { ok: true, outcome: 'issued', subject: /^CN=gatehouse-test-/ }, mode);
    t.strictSame(stepsOf(report), ['credential', 'GetCACaps', 'GetCACert', 'PKCSReq', 'certificate', 'order'], mode);
    const order = await orderOf(report);
    t.match(order, { subject: report.subject, profileId: made.id }, mode);
    t.match(order.credential, mode === 'none' ? /^challenge:none$/ : /^challenge:[0-9a-f-]{36}$/, `${mode}: authorised by its own challenge`);
  }
});

t.test('a webhook that is not there does not stand in the way: the challenge of the test is ours', async (t) => {
  const webhook = { url: 'http://127.0.0.1:9/judge', secret: 'sixteen characters' };
  const report = await tried('scep', await profile('scep', 'try-webhook', { challengeMode: 'webhook', webhook }));
  t.match(report, { ok: true, outcome: 'issued' });
  t.match(report.steps[0]?.detail, /webhook is not asked/);
});

t.test('a CMP profile is tried out up to the confirmation, whatever it wants of a MAC', async (t) => {
  const policies = {
    plain: {},
    pbmac1: { cmp: { macs: ['pbmac1'] } },
    iterations: { cmp: { minIterations: 5_000 } },
    token: { cmp: { registrationTokens: 'demand' } },
    binding: { names: { subjectBinding: 'reference' } },
    strict: { cmp: { conduct: 'strict' } },
    compat: { cmp: { conduct: 'compat' } },
    '3gpp': { cmp: { conduct: '3gpp' } },
    curve: { keys: { curves: ['P-384'] } },
    rsa: { keys: { curves: [], rsaMinBits: 3072 } },
  };
  for (const [name, policy] of Object.entries(policies)) {
    const made = await profile('cmp', `try-${name}`, { policy });
    const report = await tried('cmp', made);
    t.match(report, { ok: true, outcome: 'issued' }, `${name} ${JSON.stringify(report.steps.find(({ ok }) => !ok))}`);
    t.strictSame(stepsOf(report), ['credential', 'ir', 'certConf', 'certificate', 'order'], name);
    t.equal((await orderOf(report)).state, 'CONFIRMED', name);
    const { items } = await done<{ items: readonly unknown[] }>('GET', `/cmp-profiles/${made.id}/device-secrets`);
    t.strictSame(items, [], `${name}: the secret is gone`);
  }
});

t.test('an order that an administrator decides is pending, and no fault', async (t) => {
  const policy = { approval: { mode: 'manual' } };
  const cmp = await tried('cmp', await profile('cmp', 'try-manual', { policy }));
  t.match(cmp, { ok: true, outcome: 'pending' });
  t.match((await orderOf(cmp)).state, 'AWAITING_APPROVAL');
  const scep = await tried('scep', await profile('scep', 'try-manual', { policy }));
  t.match(scep, { ok: true, outcome: 'pending' });
  t.match(scep.steps.at(-1), { name: 'order', detail: 'The order is AWAITING_APPROVAL.' });
});

t.test('a refusal is told as the device hears it, and the order says why', async (t) => {
  const policy = { names: { subject: { allow: { CN: ['line-*'] } }, sanTypes: ['dns'] } };
  for (const protocol of ['scep', 'cmp'] as const) {
    const made = await profile(protocol, 'try-names', { policy });
    const refused = await tried(protocol, made);
    t.match(refused, { ok: false, outcome: 'refused', orderId: /./ }, protocol);
    t.match(
      refused.steps.filter(({ ok }) => !ok).map(({ name }) => name),
      [protocol === 'scep' ? 'PKCSReq' : 'ir', 'order'],
    );
    t.equal((await orderOf(refused)).state, 'REJECTED');
    const named = await tried(protocol, made, { subject: 'CN=line-7', sans: ['line-7.example'] });
    t.match(named, { ok: true, outcome: 'issued', subject: 'CN=line-7' }, 'with the name that the policy wants');
  }
});

t.test('where no device can be played, the report says why', async (t) => {
  const off = await profile('scep', 'try-off', { status: 'inactive' });
  t.match(await tried('scep', off), { ok: false, outcome: 'impossible', orderId: null, steps: [{ name: 'profile', detail: /inactive/ }] });
  const signed = await profile('cmp', 'try-signed', { policy: { cmp: { protection: ['signature'] } } });
  t.match(await tried('cmp', signed), { ok: false, outcome: 'impossible', steps: [{ name: 'credential', detail: /policy\.cmp\.protection/ }] });
});

t.test('operators may, viewers may not; it is audited, and no secret stands in the trail', async (t) => {
  const made = await profile('scep', 'try-rights');
  const tokenOf = async (role: string) => (await done<{ token: string }>('POST', '/tokens', { name: `try ${role}`, role })).token;
  const path = `/scep-profiles/${made.id}/test-enrolment`;
  t.equal((await call('POST', path, undefined, await tokenOf('viewer'))).status, 403);
  const allowed = await call('POST', path, undefined, await tokenOf('operator'));
  t.equal(allowed.status, 200);
  const { items } = await done<{ items: readonly { action: string; outcome: string; details: object }[] }>(
    'GET',
    '/audit-events?action=profile.tested&limit=1',
  );
  const { orderId, subject } = (await allowed.json()) as Report;
  t.match(items[0], { action: 'profile.tested', outcome: 'success', details: { outcome: 'issued', orderId, subject } });
});

t.test('bad bodies are 400, unknown profiles and those of the other protocol 404, too many tests 429', async (t) => {
  const made = await profile('cmp', 'try-pace');
  const path = `/cmp-profiles/${made.id}/test-enrolment`;
  t.equal((await call('POST', path, { subject: 'no name' })).status, 400);
  t.equal((await call('POST', path, { sans: ['two words'] })).status, 400);
  t.equal((await call('POST', path, { password: 'x' })).status, 400);
  t.equal((await call('POST', `/scep-profiles/${made.id}/test-enrolment`)).status, 404);
  const statuses: number[] = [];
  for (let count = 0; count < 8 && !statuses.includes(429); count += 1) statuses.push((await call('POST', path)).status);
  t.ok(statuses.filter((status) => status === 200).length >= 5, 'a handful in a row');
  const both = await Promise.all([call('POST', path), call('POST', path)]);
  t.ok(
    [...statuses, ...both.map(({ status }) => status)].every((status) => status === 200 || status === 429),
    `${statuses}`,
  );
  t.ok(
    both.some(({ status, headers }) => status === 429 && Number(headers.get('retry-after')) > 0),
    'two at once are one too many',
  );
});

async function tokenOf({ adminUrl, dataDir }: ServerProcess): Promise<string> {
  while (
    !(await fetch(`${adminUrl}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(100);
  return (JSON.parse(readFileSync(`${dataDir}/first-run.json`, 'utf8')) as FirstRun).admin.token;
}

async function triedOn(settings: Record<string, string>): Promise<readonly Report[]> {
  const other = await spawnServer({ env: { GATEHOUSE_PROCESSES: '1', ...settings } });
  try {
    const headers = { authorization: `Bearer ${await tokenOf(other)}` };
    const reports: Report[] = [];
    for (const path of ['scep-profiles', 'cmp-profiles']) {
      const { items } = (await (await fetch(`${other.adminUrl}/api/v1/${path}`, { headers })).json()) as { items: readonly Made[] };
      const answer = await fetch(`${other.adminUrl}/api/v1/${path}/${items[0]?.id}/test-enrolment`, { method: 'POST', headers });
      reports.push((await answer.json()) as Report);
    }
    return reports;
  } finally {
    await other.stop();
    rmSync(other.dataDir, { recursive: true, force: true });
  }
}

t.test('a device listener with TLS, whose certificate names another host, is tried out as well', async (t) => {
  const bench = openBench();
  t.teardown(() => bench.remove());
  await bench.key('tls.key');
  await bench.openssl('req', '-x509', '-new', '-key', 'tls.key', '-subj', '/CN=enrol.example', '-days', '30', '-out', 'tls.pem');
  const reports = await triedOn({ GATEHOUSE_TLS_CERT_FILE: bench.file('tls.pem'), GATEHOUSE_TLS_KEY_FILE: bench.file('tls.key') });
  for (const report of reports) t.match(report, { ok: true, outcome: 'issued' }, JSON.stringify(report.steps.find(({ ok }) => !ok)));
});

t.test('a node that serves no devices says so', async (t) => {
  for (const report of await triedOn({ GATEHOUSE_ROLES: 'admin,worker' })) {
    t.match(report, { ok: false, outcome: 'failed', orderId: null });
    t.match(report.steps.at(-1), { name: 'listener', ok: false, detail: /GATEHOUSE_ROLES/ });
  }
});
