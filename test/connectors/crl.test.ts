import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createAddressGuard } from '../../src/connectors/address-guard.js';
import { createRevocationLists } from '../../src/connectors/crl/index.js';
import { signCrl, toPem } from '../../src/pkix/index.js';
import { stoppedClock } from '../../src/runtime/clock.js';
import { createLog } from '../../src/runtime/log.js';
import { named, newAuthority } from '../endpoints/cmp/stage.js';

const authority = newAuthority('Radio Root');

function crl(issuer = 'Radio Root', nextUpdate = new Date(Date.now() + 86_400_000)): Buffer {
  const fields = { issuer: named(issuer), thisUpdate: new Date(Date.now() - 60_000), nextUpdate, revoked: [], extensions: [] };
  return signCrl(fields, authority.key.signer);
}

type Answer = (response: ServerResponse) => void;

async function serve(t: Test, answers: Record<string, Answer>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const open = createAddressGuard([], true);
const log = createLog('silent');

t.test('CMP-075 lists are fetched once, in DER or PEM, and kept for an hour at most', async (t) => {
  let current = crl();
  const { asked, base } = await serve(t, {
    '/der': (response) => response.end(current),
    '/pem': (response) => response.end(toPem('X509 CRL', crl('Other'))),
  });
  const clock = stoppedClock(new Date());
  const lists = createRevocationLists({ guard: open, clock, log });
  const both = await Promise.all([lists.listsAt([`${base}/der`, `${base}/pem`]), lists.listsAt([`${base}/der`])]);
  t.same(
    both.flat().map((list) => list.issuer.rdns.flat()[0]?.text),
    ['Radio Root', 'Other', 'Radio Root'],
  );
  t.same(asked.sort(), ['/der', '/pem'], 'two callers at the same moment share one fetch');
  await lists.listsAt([`${base}/der`]);
  t.equal(asked.length, 2);
  clock.advance(3_600_001);
  current = Buffer.from('broken');
  t.equal((await lists.listsAt([`${base}/der`])).length, 1, 'the old list stays in use while a newer one cannot be had');
  t.equal(asked.length, 3);
  await lists.listsAt([`${base}/der`]);
  t.equal(asked.length, 3, 'a failure is remembered too');
  current = crl('Radio Root', new Date(clock.now().getTime() + 120_000));
  clock.advance(60_001);
  await lists.listsAt([`${base}/der`]);
  t.equal(asked.length, 4, 'for a minute');
  clock.advance(120_001);
  await lists.listsAt([`${base}/der`]);
  t.equal(asked.length, 5, 'fetched again at its nextUpdate');
});

t.test('CMP-211 CMP-214 nothing is fetched from where connectors may not go, nothing too long, nothing elsewhere', async (t) => {
  const { asked, base } = await serve(t, {
    '/redirect': (response) => response.writeHead(302, { location: '/good' }).end(),
    '/good': (response) => response.end(crl()),
    '/long': (response) => response.end(Buffer.alloc(5 * 1024 * 1024)),
    '/garbage': (response) => response.end('<html>'),
    '/error': (response) => response.writeHead(500).end(crl()),
  });
  const clock = stoppedClock(new Date());
  const lists = createRevocationLists({ guard: open, clock, log });
  const urls = ['/redirect', '/long', '/garbage', '/error', '/missing'].map((path) => base + path);
  t.same(await lists.listsAt(urls), []);
  t.notOk(asked.includes('/good'), 'redirects are not followed');
  const before = asked.length;
  const closed = createRevocationLists({ guard: createAddressGuard(['ca.example'], false), clock, log });
  t.same(await closed.listsAt([`${base}/good`]), []);
  t.same(await closed.listsAt([`http://localhost:${new URL(base).port}/good`]), []);
  t.equal(asked.length, before, 'the address guard stands before the connection');
  t.same(await lists.listsAt(['http://169.254.169.254/latest/meta-data', 'nonsense']), []);
});
