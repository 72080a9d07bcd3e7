import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { type CompareDeps, compareWithCa, revokeUnknown, type UnknownAction } from '../../src/enrolment/compare-with-ca.js';
import { certificateRecord } from '../../src/enrolment/new-order.js';
import type { Issuer, ListedCertificate } from '../../src/enrolment/ports.js';
import { buildName, parseCertificate } from '../../src/pkix/index.js';
import { oids } from '../../src/protocol/der/index.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { createLog } from '../../src/runtime/log.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { claimedOrder, newOrder, system } from '../support/orders.js';
import { type RawStore, rawStores } from '../support/raw-store.js';
import { createSlowIssuer } from '../support/slow-issuer.js';

t.setTimeout(400_000);
const ca = await createSlowIssuer();

async function issue(key?: Buffer): Promise<Buffer> {
  const publicKey = key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
  const request = { publicKey, subject: buildName([[oids.commonName, `device-${randomBytes(4).toString('hex')}`]]).der, sans: [] };
  const answer = await ca.issuer.issue(uuidv7(), {
    ...request,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [],
    validitySeconds: 86_400,
    backdateSeconds: 0,
  });
  if (answer.kind !== 'issued') throw new Error(answer.kind);
  return answer.certificate;
}

/** A connector whose CA has this list; its database was set back by an hour. */
async function restored({ store, connection }: RawStore, list: readonly ListedCertificate[], action: UnknownAction) {
  const [tenantId, connectorId] = [uuidv7(), uuidv7()];
  await store.tenants.create(system, { id: tenantId, name: tenantId, slug: tenantId, status: 'active' });
  const context = tenantContext(tenantId, 'operator');
  const connector = { id: connectorId, type: 'crypto-engine', name: 'CA', description: '', status: 'active', config: { url: 'https://ca.example' } } as const;
  await store.connectors.create(context, { ...connector, secrets: {} });
  const asked: { from: Date; to: Date }[] = [];
  const failing = { isDown: false };
  const issuer: Issuer = {
    ...ca.issuer,
    async *issued(from, to) {
      if (failing.isDown) throw new Error('the CA is away');
      asked.push({ from, to });
      for (const item of list) yield [item];
    },
  };
  const deps: CompareDeps = {
    unknownCertificates: store.unknownCertificates,
    comparable: async (id) => (id === connectorId ? { action, issuers: [issuer] } : undefined),
    log: createLog('silent'),
  };
  const due = async () => (await store.unknownCertificates.claimDue(system, 1_000, 60_000)).find((item) => item.connectorId === connectorId);
  const setBack = () =>
    sql`update ca_comparisons set compared_until = now() - interval '60 hours', next_at = now() where connector_id = ${connectorId}`.execute(connection.kysely);
  const all = async () => (await store.unknownCertificates.list(context, { limit: 50, connectorId })).items;
  return { tenantId, connectorId, context, deps, due, setBack, all, asked, failing };
}

for (const raw of await rawStores()) {
  t.test(raw.name, async (t) => {
    t.setTimeout(300_000);
    t.teardown(raw.close);
    await compares(t, raw);
    await decides(t, raw);
  });
}

async function compares(t: Test, raw: RawStore): Promise<void> {
  await t.test('F24 F25 what the CA issued and the database does not know is found; what it knows, or may yet hear of, is not', async (t) => {
    const { store, connection } = raw;
    const der = { known: await issue(), orphan: await issue(), open: await issue(), ra: await issue(), ours: await issue(), perhaps: await issue() };
    const list = Object.entries(der).map(([name, certificate]) => ({ certificate, isOurs: name !== 'perhaps' }));
    const house = await restored(raw, list, 'revoke');
    const fresh = await house.due();
    if (fresh === undefined) throw new Error('a new connector is compared at once');
    t.ok(fresh.comparedUntil <= fresh.now, 'from now on');
    await compareWithCa(fresh, house.deps);
    t.equal(house.asked.length, 0, 'nothing of before it was set up is held against it');
    t.equal(await house.due(), undefined, 'once an hour');

    // Another tenant's order has one of them, which is as good.
    const other = tenantContext(uuidv7(), 'device');
    await store.orders.settleIssued(other, newOrder(), certificateRecord(der.known), 'issuing');
    const late = await claimedOrder(store.orders, house.context, newOrder({ connectorId: house.connectorId }), 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await store.orders.reapLeases(system);
    await store.orders.settleClaimed(house.context, late, { kind: 'issued', certificate: certificateRecord(der.orphan) });
    const open = newOrder({ connectorId: house.connectorId });
    const parsed = parseCertificate(der.open);
    if (!parsed.ok) throw parsed.error;
    await claimedOrder(store.orders, house.context, { ...open, request: { ...open.request, publicKey: parsed.value.publicKey.spki } });
    const ra = parseCertificate(der.ra);
    if (!ra.ok) throw ra.error;
    const profileId = uuidv7();
    await sql`insert into profiles (id, tenant_id, connector_id, protocol, name, description, endpoint_path, legacy_paths, status, policy, overrides)
      values (${profileId}, ${house.tenantId}, ${house.connectorId}, 'scep', ${profileId}, '', ${profileId}, '[]', 'active', '{}', '{}')`.execute(
      connection.kysely,
    );
    await sql`insert into ra_keys (id, tenant_id, profile_id, purpose, state, ciphertext, spki, chain)
      values (${uuidv7()}, ${house.tenantId}, ${profileId}, 'scep', 'next', '\\x00', ${ra.value.publicKey.spki}, '[]')`.execute(connection.kysely);

    await house.setBack();
    const due = await house.due();
    if (due === undefined) throw new Error('the time of the next comparison went back with the database');
    house.failing.isDown = true;
    await compareWithCa(due, house.deps);
    t.same(await house.all(), []);
    const row = await sql<{ last_error: string }>`select last_error from ca_comparisons where connector_id = ${house.connectorId}`.execute(connection.kysely);
    t.match(row.rows[0], { last_error: 'the CA is away' });
    house.failing.isDown = false;
    await sql`update ca_comparisons set next_at = now() where connector_id = ${house.connectorId}`.execute(connection.kysely);
    const again = await house.due();
    if (again === undefined) throw new Error('due');
    t.ok(again.comparedUntil.getTime() < again.now.getTime() - 50 * 3_600_000, 'what could not be compared is asked for again');
    await compareWithCa(again, house.deps);
    t.ok(house.asked.length >= 3, 'a day at a time');
    const found = await house.all();
    t.same(
      found
        .map(({ certificate, state, isOurs }) => [certificate.equals(der.ours) ? 'ours' : certificate.equals(der.perhaps) ? 'perhaps' : '?', state, isOurs])
        .sort(),
      [
        ['ours', 'REVOKE_WANTED', true],
        ['perhaps', 'FOUND', false],
      ],
    );
    const { revoke: before } = ca.calls;
    await revokeUnknown(house.deps, 60_000);
    t.equal(ca.calls.revoke, before + 1);
    t.ok(ca.revoked.some(({ certificate, reason }) => certificate.equals(der.ours) && reason === 4));
    t.same((await house.all()).map(({ state }) => state).sort(), ['FOUND', 'REVOKED']);
    const searchFor = async (q: string) => (await store.unknownCertificates.list(house.context, { limit: 50, q })).items.map(({ id }) => id);
    const [sought] = await house.all();
    const { id = '', subject = '', serial = '' } = sought ?? {};
    t.strictSame(await searchFor(subject.slice(4).toUpperCase()), [id], 'a part of a subject finds it, whatever the case');
    t.strictSame(await searchFor(serial.slice(3)), [id], 'a part of a serial number does');
    t.strictSame(await searchFor(`${subject.slice(0, 3)}%`), [], 'signs mean themselves');
    const audit = await store.audit.list(systemContext('test'), { limit: 50, tenantId: house.tenantId });
    const actions = audit.items.map(({ action }) => action).filter((action) => action.startsWith('unknown-certificate'));
    t.same(actions.sort(), ['unknown-certificate.found', 'unknown-certificate.found', 'unknown-certificate.revoked']);
  });
}

async function decides(t: Test, raw: RawStore): Promise<void> {
  await t.test('an operator decides about what was only reported; the CA is asked until it takes the revocation', async (t) => {
    const house = await restored(raw, [{ certificate: await issue(), isOurs: true }], 'report');
    const desk = raw.store.unknownCertificates;
    await house.due();
    await house.setBack();
    const due = await house.due();
    if (due === undefined) throw new Error('due');
    await compareWithCa(due, house.deps);
    await compareWithCa(due, house.deps);
    const [found, ...others] = await house.all();
    t.match(found, { state: 'FOUND', isOurs: true });
    t.same(others, [], 'found twice, reported once');
    const id = found?.id ?? '';
    t.equal(await desk.decide(tenantContext(uuidv7(), 'stranger'), id, 'KEPT', 'x'), false);
    t.equal(await desk.find(tenantContext(uuidv7(), 'stranger'), id), undefined);
    t.equal(await desk.decide(house.context, id, 'KEPT', 'it is in use'), true);
    t.match(await desk.find(house.context, id), { state: 'KEPT', reason: 'it is in use' });
    t.equal(await desk.decide(house.context, id, 'REVOKE_WANTED', 'not any more'), true);
    t.equal(await desk.decide(house.context, id, 'KEPT', 'too late'), false);
    const gone = { ...house.deps, comparable: async () => undefined };
    await revokeUnknown(gone, 60_000);
    t.match(await desk.find(house.context, id), { state: 'REVOKE_WANTED', lastError: 'The connector is gone or inactive.' });
    t.same(await desk.claimRevocations(system, 10, 60_000), [], 'not again at once');
  });
}
