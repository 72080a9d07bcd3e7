import t, { type Test } from 'tap';
import { nameFromText } from '../../src/pkix/index.js';
import type { Clock } from '../../src/runtime/clock.js';
import { uuidv7 } from '../../src/runtime/ids.js';
import { systemContext, tenantContext } from '../../src/tenancy/context.js';
import { matchKeyOf } from '../../src/tenancy/vendor-device.js';
import { testDatabases } from '../support/database.js';
import { memoryAdmin } from '../support/memory-admin.js';
import { type AdminStores, openDesk } from './desk.js';

t.setTimeout(120_000);

type Open = (clock: Clock) => Promise<AdminStores>;
const inMemory: Open = async (clock) => {
  const memory = memoryAdmin(clock);
  return { ...memory, addOrder: async (order) => memory.addOrder(order), auditEvents: async () => memory.events, close: async () => {} };
};

const named = (text: string) => {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
};

async function suite(t: Test, open: Open): Promise<void> {
  const desk = await openDesk(open);
  t.teardown(() => desk.close());
  const tenant = await desk.addTenant();
  const { body: profile } = await tenant.admin('POST', '/api/v1/cmp-profiles', { name: 'Cells', connectorId: tenant.connectorId });
  const base = `/api/v1/cmp-profiles/${profile.id}/vendor-devices`;
  const context = tenantContext(tenant.id, 'device');
  const devices = desk.deps.vendorDevices;
  if (devices === undefined) throw new Error('no list of devices');

  await t.test('CMP-223 a device is named by issuer and serial, or by subject, and found again however that is written', async (t) => {
    const bySerial = await tenant.admin('POST', base, { issuer: 'CN=Radio CA,O=Vendor', serial: '0A:1b:2C', label: 'Mast 7' });
    t.equal(bySerial.status, 201);
    t.match(bySerial.body, { issuer: 'CN=Radio CA,O=Vendor', serial: '0a1b2c', subject: null, label: 'Mast 7', uses: 1, used: 0, expiresAt: null });
    t.equal((await devices.find(context, profile.id, [matchKeyOf({ issuer: named('CN=radio  ca,O=VENDOR'), serial: '0a1b2c' })]))?.id, bySerial.body.id);
    const bySubject = await tenant.admin('POST', base, { subject: 'CN=SN 4711,O=Vendor', uses: 3, expiresAt: '2099-01-01T00:00:00Z' });
    t.match(bySubject.body, { subject: 'CN=SN 4711,O=Vendor', serial: null, uses: 3, expiresAt: '2099-01-01T00:00:00.000Z' });
    t.equal((await devices.find(context, profile.id, [matchKeyOf({ subject: named('CN=SN 4711,O=Vendor') })]))?.id, bySubject.body.id);
    t.equal(await devices.find(context, profile.id, [matchKeyOf({ subject: named('CN=SN 4712,O=Vendor') })]), undefined);
    t.equal(await devices.find(context, uuidv7(), [matchKeyOf({ subject: named('CN=SN 4711,O=Vendor') })]), undefined, 'on another profile’s list it is not');
    t.equal(await devices.find(tenantContext(uuidv7(), 'device'), profile.id, [matchKeyOf({ subject: named('CN=SN 4711,O=Vendor') })]), undefined);
    const again = await tenant.admin('POST', base, { subject: 'CN=SN 4711,O=Vendor', uses: 5 });
    t.match(again.body, { id: bySubject.body.id, uses: 5, expiresAt: null }, 'the same device again: what is said last');
    const list = await tenant.admin('GET', base);
    t.equal(list.body.total, 2);
    t.equal((await tenant.admin('GET', `${base}?q=Mast`)).body.total, 1);
  });

  await t.test('a whole vendor cannot be named, nor half a device', async (t) => {
    const rows = [
      { issuer: 'CN=Radio CA,O=Vendor' },
      { serial: '01' },
      {},
      { issuer: 'CN=a', serial: '01', subject: 'CN=b' },
      { issuer: 'CN=a', serial: 'xyz' },
      { subject: '' },
      { subject: ',' },
      { subject: 'nonsense' },
      { subject: 'CN=a', uses: 0 },
      { subject: 'CN=a', issuer: 'CN=b' },
    ];
    for (const row of rows) t.equal((await tenant.admin('POST', base, row)).status, 400, JSON.stringify(row));
  });

  await t.test('CSV is taken over whole, or not at all with the lines that are wrong', async (t) => {
    const lines = ['serial,issuer,label,uses', '01,"CN=Radio CA,O=Vendor","Mast ""8""",2', '', '0x00ff,"CN=Radio CA,O=Vendor",,'];
    const good = await tenant.admin('POST', `${base}/import`, { csv: `\ufeff${lines.join('\r\n')}\r\n` });
    t.same([good.status, good.body], [200, { devices: 2 }]);
    t.match((await tenant.admin('GET', `${base}?q=Mast%20%228%22`)).body.items, [{ serial: '01', uses: 2 }]);
    t.ok(await devices.find(context, profile.id, [matchKeyOf({ issuer: named('CN=Radio CA,O=Vendor'), serial: 'ff' })]));
    const bad = await tenant.admin('POST', `${base}/import`, { csv: 'issuer,serial\n"CN=Radio CA,O=Vendor",02\nCN=a\nnonsense,03\n' });
    t.equal(bad.status, 400);
    t.same(
      bad.body.errors.map(({ path }: { path: string }) => path),
      ['csv:3', 'csv:4'],
    );
    t.equal((await tenant.admin('GET', base)).body.total, 4, 'nothing of it was taken over');
    for (const csv of ['vendor\nx', 'subject,subject\nCN=a,CN=a', 'subject\n', 'subject\nCN=a\nCN=A']) {
      t.equal((await tenant.admin('POST', `${base}/import`, { csv })).status, 400, JSON.stringify(csv));
    }
  });

  await t.test('CMP-223 uses are counted by transaction, and end with the count or the expiry', async (t) => {
    const { body: device } = await tenant.admin('POST', base, { subject: 'CN=counted', uses: 2 });
    const transactions = [1, 2, 3].map((n) => Buffer.alloc(32, n)) as [Buffer, Buffer, Buffer];
    t.equal(await devices.use(context, device.id, transactions[0]), true);
    t.equal(await devices.use(context, device.id, transactions[0]), true, 'a retransmission');
    t.equal(await devices.use(context, device.id, transactions[1]), true);
    t.equal(await devices.use(context, device.id, transactions[1]), true, 'a retransmission of the last');
    t.equal(await devices.use(context, device.id, transactions[2]), false);
    t.equal((await tenant.admin('GET', `${base}?q=counted`)).body.items[0].used, 2);
    const { body: old } = await tenant.admin('POST', base, { subject: 'CN=old', expiresAt: '2020-01-01T00:00:00Z' });
    t.equal(await devices.use(context, old.id, transactions[0]), false);
    t.equal((await devices.find(context, profile.id, [matchKeyOf({ subject: named('CN=old') })]))?.isExpired, true);
    t.equal(await devices.use(systemContext('test'), uuidv7(), transactions[0]), false);
  });

  await t.test('a device is taken off the list, by who may', async (t) => {
    const { body: device } = await tenant.admin('POST', base, { subject: 'CN=leaving' });
    const viewer = await desk.as('viewer', tenant.id);
    t.equal((await viewer('DELETE', `${base}/${device.id}`)).status, 403);
    t.equal((await viewer('GET', base)).status, 200);
    const other = await desk.addTenant();
    t.equal((await other.admin('DELETE', `${base}/${device.id}`)).status, 404);
    t.equal((await tenant.admin('DELETE', `${base}/${device.id}`)).status, 204);
    t.equal((await tenant.admin('DELETE', `${base}/${device.id}`)).status, 404);
  });
}

t.test('over stores in memory', (t) => suite(t, inMemory));

for (const database of testDatabases()) {
  t.test(`over ${database.name}`, { timeout: 120_000 }, async (t) => {
    const { store, close } = await database.open();
    const audited = async () => (await store.audit.list(systemContext('cli'), { limit: 1000 })).items;
    await suite(t, async () => ({ ...store, addOrder: async () => '', auditEvents: audited, close: async () => {} }));

    await t.test('a profile that is removed takes its list along', async (t) => {
      const desk = await openDesk(async () => ({ ...store, addOrder: async () => '', auditEvents: audited, close }));
      t.teardown(() => desk.close());
      const tenant = await desk.addTenant();
      const { body: profile } = await tenant.admin('POST', '/api/v1/cmp-profiles', { name: 'Short-lived', connectorId: tenant.connectorId });
      const url = `/api/v1/cmp-profiles/${profile.id}`;
      t.equal((await tenant.admin('POST', `${url}/vendor-devices`, { subject: 'CN=device' })).status, 201);
      const key = [matchKeyOf({ subject: named('CN=device') })];
      t.ok(await store.vendorDevices.find(tenantContext(tenant.id, 'test'), profile.id, key));
      const { headers } = await tenant.admin('GET', url);
      t.equal((await tenant.admin('DELETE', url, undefined, { 'if-match': headers.etag ?? '' })).status, 204);
      t.equal(await store.vendorDevices.find(tenantContext(tenant.id, 'test'), profile.id, key), undefined);
    });
  });
}
