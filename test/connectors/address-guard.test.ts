import t from 'tap';
import { createAddressGuard, guardedLookup, isHostAllowed } from '../../src/connectors/address-guard.js';

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
