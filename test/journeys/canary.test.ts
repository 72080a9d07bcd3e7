import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { enrolByCmp, secretCredential } from '../../src/device-client/cmp.js';
import { generateRsaKey, ScepClient } from '../../src/device-client/scep.js';
import { createSigner, nameFromText } from '../../src/pkix/index.js';
import { createDatabase } from '../support/database.js';
import { run } from '../support/run.js';
import { untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';

t.setTimeout(240_000);

/** A secret nobody else would ever write, in letters that no encoding changes. */
const canary = (name: string): string => `canary${name}${'Qx7Zk9'.repeat(5)}`;

/** As it stands, in hexadecimal, and in base64 whatever stands before it. */
function forms(secret: string): readonly string[] {
  const hex = Buffer.from(secret).toString('hex');
  const shifted = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString('base64');
    return text.slice(Math.ceil((before * 4) / 3), Math.floor(((before + secret.length) * 4) / 3) - 3);
  });
  return [secret, hex, hex.toUpperCase(), ...shifted.map((text) => text.slice(2))];
}

const hits = (text: string, secret: string): readonly string[] => forms(secret).filter((form) => text.includes(form));

t.test('T30 a secret that was given once is found in no log, answer, export, figure or table', async (t) => {
  const token = `gh_${canary('Token')}`;
  const database = await createDatabase();
  const env = { GATEHOUSE_ADMIN_TOKEN: token, GATEHOUSE_LOG_LEVEL: 'trace', GATEHOUSE_DATABASE_URL: database?.url ?? '' };
  const server = await startServer({ dataDir: t.testdir({}), env });
  t.teardown(async () => {
    await server.dispose();
    await database?.drop();
  });
  const names = ['Password', 'Pfx', 'Client', 'Challenge', 'Shared', 'Webhook', 'User', 'Sink', 'Guess', 'WrongMac'] as const;
  const secrets = Object.fromEntries(names.map((name) => [name, canary(name)])) as Record<(typeof names)[number], string>;

  await t.test('the search finds a canary in every form it looks for', async (t) => {
    const secret = canary('Planted');
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const bytes = Buffer.from(`${before}${secret}zzz`);
      for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const)
        t.not(hits(bytes.toString(encoding), secret).length, 0, `${encoding} after ${before}`);
    }
    t.same(hits(canary('Other'), secret), []);
  });

  const made = await useEverySecret(server, secrets);
  t.same(made.failed, [], 'every secret was taken');
  const answers = await everyAnswer(server, made.urls);
  t.ok(answers.length > 30, `${answers.length} answers`);
  const log = server.output();
  t.match(log, /SCEP message/);
  await server.stop();
  const stored = database === undefined ? filesUnder(join(server.dataDir, 'db')) : await dumped(database.url);
  t.ok(stored.includes('audit_events'), 'the database was read');

  for (const [name, secret] of Object.entries({ ...secrets, Token: token })) {
    t.same(hits(log, secret), [], `${name} in the log`);
    for (const { url, text } of answers) t.same(hits(text, secret), [], `${name} in the answer of ${url}`);
    t.same(hits(stored, secret), [], `${name} in the database`);
  }
});

/** Gives every secret to the field that is made for it, by API and as a device; returns where the objects are. */
async function useEverySecret(server: RunningServer, secrets: Readonly<Record<string, string>>) {
  const failed: string[] = [];
  const urls: string[] = [];
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${path}-${String((body as { name?: string }).name)}` };
    const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    const location = answer.headers.get('location');
    if (location !== null) urls.push(location);
    if (!answer.ok) failed.push(`${path}: ${answer.status} ${await answer.clone().text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const [engine] = ((await (await server.api('/api/v1/connectors?type=crypto-engine')).json()) as { items: { id: string }[] }).items;
  const connectorId = engine?.id ?? '';
  const smtp = await post('/connectors', {
    type: 'smtp',
    name: 'Mail',
    config: { server: '127.0.0.1', port: 9, from: 'a@b.example', username: 'u', password: secrets.Password },
  });
  await server.api(`/api/v1/connectors/${String(smtp.id)}/test`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  await server.api('/api/v1/connectors', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'ejbca', name: 'E', config: { connectorUrl: 'https://127.0.0.1:9', caName: 'CA', pfx: 'AAAA', pfxPassword: secrets.Pfx } }),
  });
  await post('/connectors', { type: 'crypto-engine', name: 'Remote', config: { url: 'https://127.0.0.1:9', clientId: 'id', clientSecret: secrets.Client } });
  await post('/scep-profiles', { name: 'Canary', connectorId, endpointPath: 'canary', challengePassword: secrets.Challenge });
  await post('/cmp-profiles', { name: 'Canary', connectorId, endpointPath: 'canary', credentials: { reference: 'ref', secret: secrets.Shared } });
  await post('/audit-sinks', { name: 'Sink', type: 'webhook', settings: { url: 'http://127.0.0.1:9/' }, secret: secrets.Sink });
  await post('/users', { username: 'teller', roles: ['viewer'], tenantIds: null, password: secrets.User });
  await post('/scep-profiles', {
    ...{ name: 'Webhook', connectorId, endpointPath: 'webhook', challengeMode: 'webhook' },
    ...{ webhook: { url: 'http://127.0.0.1:9/', secret: secrets.Webhook } },
  });
  await asDevices(server, secrets);
  return { failed, urls };
}

/** What devices do with them, rightly and wrongly. */
async function asDevices(server: RunningServer, secrets: Readonly<Record<string, string>>): Promise<void> {
  const subject = nameFromText('CN=device');
  if (!subject.ok) throw new Error('no name');
  await untilScepServed(`${server.deviceUrl}/scep/canary`);
  for (const challenge of [secrets.Challenge ?? '', secrets.Guess ?? '']) {
    const client = new ScepClient({ url: `${server.deviceUrl}/scep/canary` });
    await client.enrol({ key: generateRsaKey(), subject: subject.value, challenge, transactionId: challenge.slice(0, 12) });
  }
  for (const secret of [secrets.Shared ?? '', secrets.WrongMac ?? '']) {
    const key = generateRsaKey();
    await enrolByCmp({
      url: `${server.deviceUrl}/cmp/canary`,
      type: 'ir',
      credential: secretCredential('ref', Buffer.from(secret)),
      recipient: subject.value,
      subject: subject.value,
      newKey: createSigner(key.privateKey, key.publicKey),
      timeoutMs: 20_000,
    });
  }
}

/** Every list and every object of the API, the figures, and the export of the audit trail. */
async function everyAnswer(server: RunningServer, urls: readonly string[]): Promise<readonly { readonly url: string; readonly text: string }[]> {
  const document = (await (await server.api('/api/v1/openapi.json')).json()) as { paths: Record<string, object> };
  const endless = /\/events$/;
  const lists = Object.entries(document.paths).flatMap(([path, methods]) => ('get' in methods && !path.includes('{') && !endless.test(path) ? [path] : []));
  const found: { url: string; text: string }[] = [];
  for (const url of [...lists, ...urls, '/metrics', '/readyz']) found.push({ url, text: await (await server.api(url)).text() });
  const orders = (await (await server.api('/api/v1/orders')).json()) as { items: { id: string }[] };
  for (const { id } of orders.items) {
    for (const part of ['', '/timeline', '/evidence'])
      found.push({ url: `/api/v1/orders/${id}${part}`, text: await (await server.api(`/api/v1/orders/${id}${part}`)).text() });
  }
  return found;
}

async function dumped(url: string): Promise<string> {
  const { code, stdout, output } = await run('pg_dump', [url]);
  if (code !== 0) throw new Error(output);
  return stdout;
}

function filesUnder(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return files.map((file) => (statSync(file).isFile() ? readFileSync(file).toString('latin1') : '')).join('\n');
}
