import t from 'tap';
import { allowedAddresses, createAddressGuard, guardedLookup, isHostAllowed } from '../../src/connectors/address-guard.js';

t.test('an open guard lets everything through but what is never a CA', async (t) => {
  const guard = createAddressGuard([], true);
  for (const address of ['127.0.0.1', '10.0.0.1', '203.0.113.1', '::1', '2001:db8::1', 'fd00::1']) t.ok(guard('host', address), address);
  for (const address of ['169.254.169.254', '::ffff:169.254.169.254', 'fe80::1', '0.0.0.0', '::', '224.0.0.1', 'ff02::1'])
    t.notOk(guard('host', address), address);
});

t.test('without a list and not open, nothing passes', async (t) => {
  const guard = createAddressGuard([], false);
  for (const address of ['127.0.0.1', '203.0.113.1', '::1']) t.notOk(guard('host', address), address);
});

t.test('a list names hosts, addresses and networks', async (t) => {
  const guard = createAddressGuard(['CA.example', '*.pki.example', '192.0.2.7', '10.1.0.0/16', '2001:db8::/32', '169.254.1.1'], false);
  const allowed: [string, string][] = [
    ['ca.example', '203.0.113.1'],
    ['CA.EXAMPLE', '203.0.113.1'],
    ['one.pki.example', '203.0.113.1'],
    ['any', '192.0.2.7'],
    ['any', '10.1.255.255'],
    ['any', '::ffff:10.1.2.3'],
    ['any', '2001:db8:1::1'],
    ['any', '169.254.1.1'],
  ];
  const refused: [string, string][] = [
    ['other.example', '203.0.113.1'],
    ['pki.example', '203.0.113.1'],
    ['evilpki.example', '203.0.113.1'],
    ['ca.example.evil', '203.0.113.1'],
    ['ca.example', '169.254.169.254'],
    ['any', '192.0.2.8'],
    ['any', '10.2.0.0'],
    ['any', '2001:db9::1'],
  ];
  for (const [host, address] of allowed) t.ok(guard(host, address), `${host} ${address}`);
  for (const [host, address] of refused) t.notOk(guard(host, address), `${host} ${address}`);
});

t.test('addresses in URLs are checked without a look-up', async (t) => {
  const guard = createAddressGuard(['127.0.0.1', '::1'], false);
  for (const host of ['127.0.0.1', '[::1]', 'a.name']) t.ok(isHostAllowed(guard, host), host);
  for (const host of ['127.0.0.2', '[::2]']) t.notOk(isHostAllowed(guard, host), host);
});

t.test('a look-up returns only addresses that may be reached', async (t) => {
  const look = (guard: (host: string, address: string) => boolean, all: boolean) =>
    new Promise<unknown>((resolve, reject) =>
      guardedLookup(guard)('localhost', { all, family: 4 }, (error, found) => (error === null ? resolve(found) : reject(error))),
    );
  t.same(await look(() => true, true), [{ address: '127.0.0.1', family: 4 }]);
  t.equal(await look(() => true, false), '127.0.0.1');
  await t.rejects(
    look(() => false, true),
    /GATEHOUSE_CONNECTOR_ALLOW/,
  );
});

t.test('no way of writing an address gets past the guard', async (t) => {
  const open = createAddressGuard([], true);
  const forms = [
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    '::169.254.169.254',
    '::ffff:0:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::169.254.169.254',
    '2002:a9fe:a9fe::1',
    '2001:0:1:2:3:4:5601:5601',
    'fe80::1%eth0',
    '255.255.255.255',
    '240.0.0.1',
    'no address',
    '',
  ];
  for (const form of forms) t.notOk(open('host', form), form);
  for (const form of ['::1', '64:ff9b::c000:207', '2002:c000:207::1', '2001:db8::a9fe:a9fe', 'fd00::1%eth0']) t.ok(open('host', form), form);
});

t.test("metadata services are opened by their very address and by no network's", async (t) => {
  const services = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'];
  const wide = createAddressGuard(['0.0.0.0/0', '::/0', '169.254.0.0/16', '*.internal', 'metadata.google.internal'], false);
  const exact = createAddressGuard(services, false);
  for (const address of services) {
    t.notOk(createAddressGuard([], true)('host', address), `${address} from an open guard`);
    t.notOk(wide('metadata.google.internal', address), `${address} in a wide network`);
    t.ok(exact('host', address), `${address} by its name`);
  }
  t.notOk(exact('host', '64:ff9b::a9fe:a9fe'), 'and only as it was written');
  t.ok(wide('host', '169.254.1.1'), 'the rest of the network is as listed');
});

t.test('a dot at the end of a name changes nothing', async (t) => {
  const guard = createAddressGuard(['ca.example', '*.pki.example.'], false);
  t.ok(guard('ca.example.', '203.0.113.1'));
  t.ok(guard('one.pki.example', '203.0.113.1'));
  t.notOk(guard('other.example.', '203.0.113.1'));
});

t.test('addresses of a host, for protocols that take address and name apart', async (t) => {
  const loopback = createAddressGuard(['127.0.0.1', '::1'], false);
  t.same(await allowedAddresses(loopback, '127.0.0.1'), [{ address: '127.0.0.1', family: 4 }]);
  t.same(await allowedAddresses(loopback, '[::1]'), [{ address: '::1', family: 6 }]);
  t.ok((await allowedAddresses(loopback, 'localhost')).length > 0);
  await t.rejects(allowedAddresses(loopback, '127.0.0.2'), /GATEHOUSE_CONNECTOR_ALLOW/);
  await t.rejects(allowedAddresses(createAddressGuard(['192.0.2.1'], false), 'localhost'), /GATEHOUSE_CONNECTOR_ALLOW/);
});
