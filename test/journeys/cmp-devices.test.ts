import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { buildCertConf, buildMessage, type CmpTransaction, protectorOf } from '../../src/device-client/cmp-messages.js';
import { basicConstraintsOf, fromPem, parseCertificate } from '../../src/pkix/index.js';
import { certHash, deriveMacKey, encodeSubsequentMessage, type PkiBody, pbmParameters } from '../../src/protocol/cmp/index.js';
import { encode } from '../../src/protocol/der/index.js';
import { certReqMsg } from '../endpoints/cmp/asking.js';
import { openKey } from '../endpoints/cmp/opened-key.js';
import { gist, nonce, type ReadReply, readReply } from '../endpoints/cmp/requests.js';
import { newKey } from '../endpoints/cmp/stage.js';
import { needs } from '../support/clients.js';
import { openBench } from '../support/openssl.js';
import { type RunningServer, startServer } from '../support/server.js';

interface Profile {
  readonly id: string;
  readonly cmpUrl: string;
  readonly credentials: { readonly reference: string; readonly secret: string };
}

async function call<T>(server: RunningServer, method: string, path: string, body?: object): Promise<T> {
  const init = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await server.api(`/api/v1${path}`, init);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function createProfile(server: RunningServer, name: string, policy: object): Promise<Profile> {
  const { items } = await call<{ items: readonly { id: string; type: string }[] }>(server, 'GET', '/connectors?type=crypto-engine');
  return call<Profile>(server, 'POST', '/cmp-profiles', { name, connectorId: items[0]?.id, policy });
}

/** New profiles reach the listener within a second, their RA certificates a little later. */
async function post(url: string, bytes: Buffer): Promise<ReadReply> {
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/pkixcmp' }, body: new Uint8Array(bytes) });
    if (answer.status === 200) return readReply(Buffer.from(await answer.arrayBuffer()));
    if (tries > 40) throw new Error(`HTTP ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function begin({ credentials }: Profile): Promise<CmpTransaction> {
  const secret = Buffer.from(credentials.secret);
  const parameters = pbmParameters({ salt: randomBytes(16), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
  const credential = { kind: 'secret', reference: credentials.reference, secret, parameters } as const;
  const protector = protectorOf(credential, await deriveMacKey(parameters, secret));
  return { credential, protector, transactionID: randomBytes(16), recipient: { der: Buffer.from([0x30, 0]), rdns: [] } };
}

function pairIn({ body }: ReadReply) {
  const pair = 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair : undefined;
  if (pair === undefined) throw new Error(`no certificate: ${JSON.stringify(body)}`);
  return pair;
}

async function confirm(profile: Profile, transaction: CmpTransaction, reply: ReadReply, certificate: Buffer): Promise<string> {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw parsed.error;
  const hash = certHash(parsed.value);
  if (!hash.ok) throw new Error(hash.error);
  const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
  return gist(await post(profile.cmpUrl, buildCertConf(transaction, nonces, { certReqId: 0, certHash: hash.value })));
}

t.setTimeout(180_000);

t.test('devices of other kinds, at a real server', needs('openssl'), async (t) => {
  const server = await startServer();
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
  });

  await t.test('CMP-191 CMP-196 CMP-199 a key pair made by the server, over a database', async (t) => {
    const profile = await createProfile(server, 'Sensors', { cmp: { centralKeys: { serve: true, withoutTls: true, keyTypes: ['RSA-4096'] } } });
    const transaction = await begin(profile);
    const body: PkiBody = { type: 'ir', messages: [certReqMsg(newKey(), { template: { publicKey: undefined }, popo: null })] };
    const request = buildMessage(transaction, { senderNonce: nonce() }, body, { pvno: 3 });
    let reply = await post(profile.cmpUrl, request);
    // Until the RA certificate is there, nobody could vouch for a key.
    for (let tries = 0; gist(reply) === 'ip rejection systemUnavail' && tries < 40; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      reply = await post(profile.cmpUrl, request);
    }
    t.equal(gist(reply), 'ip accepted');
    const { certificate, privateKey } = pairIn(reply);
    const secret = Buffer.from(profile.credentials.secret);
    const opened = openKey(privateKey, secret);
    t.equal(opened.kind, 'pwri');
    t.same(openKey(pairIn(await post(profile.cmpUrl, request)).privateKey, secret).content, opened.content, 'CMP-201 the same key to a retransmission');
    t.equal(await confirm(profile, transaction, reply, certificate ?? Buffer.alloc(0)), 'pkiconf');
    t.equal(pairIn(await post(profile.cmpUrl, request)).privateKey, undefined, 'forgotten after the confirmation');
  });

  await t.test('CMP-110 an encrypted certificate, over a database', async (t) => {
    const profile = await createProfile(server, 'Decryptors', { cmp: { possession: { encryptedCertificate: true } } });
    const transaction = await begin(profile);
    const key = newKey('RSA');
    const popo = { kind: 'keyEncipherment', privKey: encode(encodeSubsequentMessage('encrCert')) } as const;
    const body: PkiBody = { type: 'ir', messages: [certReqMsg(key, { popo })] };
    const reply = await post(profile.cmpUrl, buildMessage(transaction, { senderNonce: nonce() }, body, { pvno: 3 }));
    t.equal(gist(reply), 'ip accepted');
    const { content } = openKey(pairIn(reply).encryptedCert, key);
    t.equal(await confirm(profile, transaction, reply, content), 'pkiconf');
  });

  await t.test('CMP-075 CMP-223 CMP-230 CMP-231 CMP-233 a base station: vendor certificate of RSA-2048, list, CRL, ir to pkiconf, kur', async (t) => {
    const subject = '/O=Vendor/serialNumber=4711';
    const run = async (...args: string[]) => {
      const ran = await bench.openssl(...args);
      if (ran.code !== 0) throw new Error(ran.output);
    };
    await bench.key('vendor.key', 'RSA-2048');
    await run('req', '-x509', '-new', '-key', 'vendor.key', '-subj', '/CN=Radio Root', '-days', '30', '-out', 'vendor.pem');
    await bench.key('station.key', 'RSA-2048');
    await bench.csr('station.csr', 'station.key', subject);
    await run(
      'x509',
      '-req',
      '-sha256',
      '-in',
      'station.csr',
      '-CA',
      'vendor.pem',
      '-CAkey',
      'vendor.key',
      '-set_serial',
      '0x4711',
      '-days',
      '30',
      '-out',
      'station.pem',
    );
    bench.write('index.txt', '');
    bench.write('crlnumber', '01');
    bench.write(
      'ca.cnf',
      ['[ca]', 'default_ca = c', '[c]', 'database = index.txt', 'crlnumber = crlnumber', 'default_md = sha256', 'default_crl_days = 1'].join('\n'),
    );
    const publish = async () => {
      await run('ca', '-config', 'ca.cnf', '-gencrl', '-cert', 'vendor.pem', '-keyfile', 'vendor.key', '-out', 'vendor.crl');
    };
    await publish();
    const crls = createServer((_request, response) => response.end(readFileSync(bench.file('vendor.crl'))));
    crls.listen(0, '127.0.0.1');
    await once(crls, 'listening');
    t.teardown(() => crls.close());
    const crlUrl = (path: string) => `http://127.0.0.1:${(crls.address() as AddressInfo).port}/${path}.crl`;
    const cmpPolicy = (path: string) => ({ trustAnchors: [bench.read('vendor.pem')], crlUrls: [crlUrl(path)], conduct: '3gpp', protection: ['signature'] });
    const profile = await createProfile(server, 'Cells', { cmp: cmpPolicy('first') });
    const url = new URL(profile.cmpUrl);
    const cmp = (...args: string[]) =>
      bench.openssl('cmp', '-config', '', '-batch', '-server', url.host, '-path', url.pathname.slice(1), '-trusted', server.firstRun.ca.file, ...args);
    const first = [
      '-cmd',
      'ir',
      '-cert',
      'station.pem',
      '-key',
      'station.key',
      '-extracerts',
      'vendor.pem',
      '-recipient',
      '/CN=Operator',
      '-unprotected_errors',
    ];
    await bench.key('operator.key', 'RSA-2048');
    const ask = () => cmp(...first, '-newkey', 'operator.key', '-subject', '/CN=gnb-1', '-certout', 'operator.pem', '-extracertsout', 'extra.pem');
    let refused = await ask();
    for (let tries = 0; tries < 20 && !/not authorised|notAuthorized/.test(refused.output); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      refused = await ask();
    }
    t.match(refused.output, /notAuthorized/, 'a vendor certificate alone is good for nothing');
    const csv = 'issuer,serial,label\nCN=Radio Root,4711,Mast 7\n';
    t.same(await call(server, 'POST', `/cmp-profiles/${profile.id}/vendor-devices/import`, { csv }), { devices: 1 });
    const enrolled = await ask();
    t.equal(enrolled.code, 0, enrolled.output);
    t.match(enrolled.output, /sending IR[\s\S]*received IP[\s\S]*sending CERTCONF[\s\S]*received PKICONF/);
    const root = fromPem('CERTIFICATE', readFileSync(server.firstRun.ca.file, 'latin1')).at(-1);
    t.ok(
      fromPem('CERTIFICATE', bench.read('extra.pem')).some((item) => item.equals(root ?? Buffer.alloc(1))),
      'CMP-229 the operator root in extraCerts',
    );
    const [ra] = fromPem('CERTIFICATE', bench.read('extra.pem')).map(parseCertificate);
    const constraints = ra?.ok ? basicConstraintsOf(ra.value.extensions) : undefined;
    t.match(constraints, { ok: true, value: { ca: false } }, 'CMP-079 messages are protected by the key of an RA, not of the CA');
    t.match((await ask()).output, /notAuthorized/, 'its one use is used up');
    const list = await call<{ items: readonly { used: number }[] }>(server, 'GET', `/cmp-profiles/${profile.id}/vendor-devices`);
    t.match(list.items, [{ used: 1, serial: '4711', label: 'Mast 7' }]);
    await bench.key('next.key', 'RSA-2048');
    const renewal = ['-cmd', 'kur', '-cert', 'operator.pem', '-key', 'operator.key', '-recipient', '/CN=Operator', '-newkey', 'next.key'];
    const renewed = await cmp(...renewal, '-certout', 'next.pem');
    t.equal(renewed.code, 0, renewed.output);

    await run('ca', '-config', 'ca.cnf', '-revoke', 'station.pem', '-cert', 'vendor.pem', '-keyfile', 'vendor.key');
    await publish();
    const strict = await createProfile(server, 'Cells after', { cmp: cmpPolicy('second') });
    await call(server, 'POST', `/cmp-profiles/${strict.id}/vendor-devices`, { subject: 'serialNumber=4711,O=Vendor', uses: 5 });
    const path = new URL(strict.cmpUrl).pathname.slice(1);
    const again = ['-server', url.host, '-path', path, '-trusted', server.firstRun.ca.file, ...first, '-newkey', 'operator.key', '-subject', '/CN=gnb-1'];
    let revoked = await bench.openssl('cmp', '-config', '', '-batch', ...again, '-certout', 'never.pem');
    for (let tries = 0; tries < 20 && !/certRevoked/.test(revoked.output); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      revoked = await bench.openssl('cmp', '-config', '', '-batch', ...again, '-certout', 'never.pem');
    }
    t.not(revoked.code, 0);
    t.match(revoked.output, /certRevoked/, 'CMP-075 the vendor has revoked it');
  });
});
