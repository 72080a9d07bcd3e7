import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { generateRsaKey, type PendingEnrolment, ScepClient, type ScepOutcome } from '../../src/device-client/scep.js';
import { nameFromText } from '../../src/pkix/index.js';
import type { Result } from '../../src/runtime/result.js';
import { untilScepServed } from '../support/served.js';
import { type RunningServer, startServer } from '../support/server.js';

interface OrderView {
  readonly id: string;
  readonly state: string;
  readonly subject: string;
  readonly certificateId: string | null;
}

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function subjectOf(text: string) {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

const challenge = 'approve-me-please';
const key = generateRsaKey();

async function post(server: RunningServer, path: string, body: object): Promise<Response> {
  return server.api(`/api/v1${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** A profile whose orders wait for an administrator, and a client of it; the RA key of a new profile is ready within moments. */
async function manualProfile(server: RunningServer): Promise<ScepClient> {
  const { items } = (await (await server.api('/api/v1/connectors')).json()) as { items: { id: string }[] };
  const body = { name: 'Manual', connectorId: items[0]?.id, endpointPath: 'manual', challengePassword: challenge, policy: { approval: { mode: 'manual' } } };
  const created = await post(server, '/scep-profiles', body);
  if (created.status !== 201) throw new Error(await created.text());
  const url = `${server.deviceUrl}/scep/manual`;
  await untilScepServed(url);
  return new ScepClient({ url });
}

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(100);
  }
  throw new Error('it did not happen within half a minute');
}

async function pendingEnrolment(t: Test, client: ScepClient, name: string): Promise<PendingEnrolment> {
  const outcome = must(await client.enrol({ key, subject: subjectOf(`CN=${name}`), challenge, transactionId: name }));
  if (outcome.kind !== 'pending') throw new Error(`${outcome.kind}, not pending`);
  t.equal(must(await client.poll(outcome.pending)).kind, 'pending', 'and stays so while nobody decides');
  return outcome.pending;
}

async function orderOf(server: RunningServer, name: string): Promise<OrderView> {
  const { items } = (await (await server.api(`/api/v1/orders?q=${name}`)).json()) as { items: OrderView[] };
  const [order] = items;
  if (order === undefined) throw new Error(`no order for ${name}`);
  return order;
}

t.setTimeout(120_000);

t.test('orders that wait for an administrator', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const client = await manualProfile(server);

  t.test('SCEP-102 a request without the challenge is refused, one with it is queued: PENDING, approved, SUCCESS', async (t) => {
    const stranger = must(await client.enrol({ key, subject: subjectOf('CN=stranger'), challenge: 'wrong', transactionId: 'stranger' }));
    t.match(stranger, { kind: 'refused', failInfo: 'badRequest' });
    const pending = await pendingEnrolment(t, client, 'approved');
    const order = await orderOf(server, 'approved');
    t.equal(order.state, 'AWAITING_APPROVAL');
    const approved = await post(server, `/orders/${order.id}/approve`, { reason: 'seen at the gate' });
    t.equal(approved.status, 200);
    const issued = await until(async () => {
      const outcome: ScepOutcome = must(await client.poll(pending));
      return outcome.kind === 'pending' ? undefined : outcome;
    });
    if (issued.kind !== 'issued') throw new Error(issued.kind);
    t.same(issued.certificate.publicKey.spki, key.publicKey.spki);

    const { items } = (await (await server.api(`/api/v1/orders/${order.id}/timeline`)).json()) as { items: { state: string; actor: string; detail: string }[] };
    t.match(items, [{ state: 'AWAITING_APPROVAL' }, { state: 'ACCEPTED', actor: /^token:/, detail: 'seen at the gate' }]);
    t.equal((await post(server, `/orders/${order.id}/deny`, { reason: 'too late' })).status, 409);

    const { certificateId } = await orderOf(server, 'approved');
    const pem = await (await server.api(`/api/v1/certificates/${certificateId}`, { headers: { accept: 'application/x-pem-file' } })).text();
    t.equal(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64').toString('hex'), issued.certificate.der.toString('hex'));
    t.equal((await post(server, `/certificates/${certificateId}/revoke`, { reason: 'cessationOfOperation' })).status, 202);
    const revoked = await until(async () => {
      const certificate = (await (await server.api(`/api/v1/certificates/${certificateId}`)).json()) as { status: string };
      return certificate.status === 'revoked' ? certificate : undefined;
    });
    t.equal(revoked.status, 'revoked');
    t.equal((await orderOf(server, 'approved')).state, 'REVOKED');
  });

  t.test('SCEP-143 a device whose request was denied learns FAILURE badRequest at its next poll, and not why', async (t) => {
    const pending = await pendingEnrolment(t, client, 'denied');
    const order = await orderOf(server, 'denied');
    const reason = 'It was reported stolen';
    t.equal((await post(server, `/orders/${order.id}/deny`, { reason })).status, 200);
    const outcome = must(await client.poll(pending));
    t.match(outcome, { kind: 'refused', failInfo: 'badRequest', text: 'The request was rejected.' });

    const card = async () => ((await (await server.api('/api/v1/scep-profiles/summary')).json()) as { activeFailedOrders: number }).activeFailedOrders;
    const before = await card();
    t.equal((await post(server, `/orders/${order.id}/acknowledge`, {})).status, 200);
    t.equal(await card(), before - 1);
  });

  t.test('refused requests and device identities are listed', async (t) => {
    const list = async (path: string) => ((await (await server.api(`/api/v1${path}`)).json()) as { items: Record<string, unknown>[] }).items;
    const refusals = await until(async () => {
      const found = await list('/refusals?reason=bad-challenge&sort=-lastSeen');
      return found.length > 0 ? found : undefined;
    });
    t.match(refusals[0], {
      reason: 'bad-challenge',
      profileId: String,
      source: '127.0.0.1',
      clientFamily: String,
      count: 1,
      firstSeen: String,
      lastSeen: String,
    });
    t.same(await list('/refusals?reason=throttled'), []);
    t.match(await list('/accounts?q=approved'), [{ label: 'CN=approved', lastOrderAt: String }]);
  });
});
