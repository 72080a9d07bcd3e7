import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { generateRsaKey, type PendingEnrolment, ScepClient } from '../../src/device-client/scep.js';
import { nameToText } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { name } from '../endpoints/scep/world.js';
import { createDatabase } from '../support/database.js';
import { untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';

t.setTimeout(240_000);

const challenge = 'wait-for-the-administrator';

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within half a minute');
}

async function post(server: RunningServer, path: string, body: object): Promise<void> {
  const answer = await server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
}

interface List {
  readonly items: readonly { readonly id: string; readonly subject: string }[];
}

async function list(server: RunningServer, path: string): Promise<List> {
  return (await server.api(`/api/v1${path}`)).json() as Promise<List>;
}

/** A profile whose orders wait for an administrator, served by this node. */
async function addManualProfile(server: RunningServer): Promise<void> {
  const [connector] = (await list(server, '/connectors')).items;
  const policy = { approval: { mode: 'manual' } };
  await post(server, '/scep-profiles', { name: 'Manual', connectorId: connector?.id, endpointPath: 'manual', challengePassword: challenge, policy });
}

const isServed = (server: RunningServer) => untilScepServed(`${server.deviceUrl}/scep/manual`);
const clientOf = (server: RunningServer) => new ScepClient({ url: `${server.deviceUrl}/scep/manual` });

async function begin(server: RunningServer, device: string): Promise<PendingEnrolment> {
  const outcome = must(await clientOf(server).enrol({ key: generateRsaKey(), subject: name(`/CN=${device}`), challenge }));
  if (outcome.kind !== 'pending') throw new Error(outcome.kind);
  return outcome.pending;
}

async function approve(server: RunningServer, device: string): Promise<void> {
  const { items } = await list(server, '/orders?state=AWAITING_APPROVAL');
  await post(server, `/orders/${items.find(({ subject }) => subject === `CN=${device}`)?.id}/approve`, {});
}

/** The certificate that polls lead to, each sent to the next of the nodes. */
async function pollInTurn(nodes: readonly RunningServer[], pending: PendingEnrolment): Promise<string> {
  let turn = 0;
  return until(async () => {
    turn += 1;
    const outcome = must(await clientOf(nodes[turn % nodes.length] as RunningServer).poll(pending));
    if (outcome.kind === 'refused') throw new Error(outcome.text);
    return outcome.kind === 'issued' ? nameToText(outcome.certificate.subject) : undefined;
  });
}

t.test('SCEP-155 any node answers any poll, and the end of one loses nothing', async (t) => {
  const database = await createDatabase();
  if (database === undefined) return t.pass('TEST_DATABASE_URL is not set: one node on PGlite, below');
  // Both nodes have the master key of one folder; everything else is in the database.
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-nodes-'));
  const env = { GATEHOUSE_DATABASE_URL: database.url, GATEHOUSE_PROCESSES: '1' };
  const first = await startServer({ dataDir, env });
  const second = await startServer({ dataDir, env });
  t.teardown(async () => {
    await first.dispose();
    await second.dispose();
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  await addManualProfile(first);
  await isServed(first);
  await isServed(second);

  const [one, two, three] = [await begin(first, 'one'), await begin(second, 'two'), await begin(first, 'three')];
  for (const node of [first, second]) {
    for (const pending of [one, two]) t.equal(must(await clientOf(node).poll(pending)).kind, 'pending', 'both know both');
  }
  await approve(second, 'one');
  await approve(first, 'two');
  t.equal(await pollInTurn([second, first], one), 'CN=one');
  t.equal(await pollInTurn([first, second], two), 'CN=two');
  await first.stop('SIGKILL');
  await approve(second, 'three');
  t.equal(await pollInTurn([second], three), 'CN=three', 'the node that took the request is gone');
  t.equal(await pollInTurn([second], one), 'CN=one', 'and what was delivered is delivered again');
});

t.test('SCEP-155 a restart loses nothing', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-restart-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  const env = { GATEHOUSE_DATABASE_URL: '' };
  const before = await startServer({ dataDir, env });
  t.teardown(() => before.dispose());
  await addManualProfile(before);
  await isServed(before);
  const [one, two] = [await begin(before, 'one'), await begin(before, 'two')];
  await approve(before, 'one');
  t.equal(await pollInTurn([before], one), 'CN=one');
  const certificates = must(await clientOf(before).certificates());
  await before.stop('SIGKILL');

  const after = await startServer({ dataDir, env });
  t.teardown(() => after.dispose());
  await isServed(after);
  t.same(must(await clientOf(after).certificates()).ra.der, certificates.ra.der, 'the RA key is the same');
  t.equal(must(await clientOf(after).poll(two)).kind, 'pending', 'what waited waits');
  t.equal(await pollInTurn([after], one), 'CN=one', 'what was issued is given again');
  await approve(after, 'two');
  t.equal(await pollInTurn([after], two), 'CN=two');
});
