import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { keyUsageExtension, parseCertificate, publicKeyOf } from '../../src/pkix/index.js';
import { tenantContext } from '../../src/tenancy/context.js';
import type { EndpointDirectory } from '../../src/tenancy/directory.js';
import { generateRaKey } from '../../src/workers/prepare-ra-key.js';
import { authority, certify, name, raKey } from '../endpoints/scep/world.js';
import { testDatabases } from '../support/database.js';
import { openBench } from '../support/openssl.js';
import { openDesk } from './desk.js';

const root = authority('/CN=Test Root');
const issuing = authority('/CN=Test Issuing CA', root);
const ra = raKey(issuing, root);
const colons = (algorithm: string, der: Buffer) => (createHash(algorithm).update(der).digest('hex').toUpperCase().match(/../g) ?? []).join(':');

async function house() {
  const [database] = testDatabases();
  const opened = await database?.open();
  if (opened === undefined) throw new Error('no database');
  const { store, close } = opened;
  const prepared: string[] = [];
  let served: ReturnType<EndpointDirectory['scep']>;
  const stores = {
    ...store,
    addOrder: async () => '',
    auditEvents: async () => (await store.audit.list({ tenantId: null, actor: 'test' }, { limit: 1_000 })).items,
    close,
  };
  const desk = await openDesk(async () => stores, {
    endpoints: { scep: () => served },
    async prepareRaKeys(profile, actor) {
      prepared.push(`${profile.name} by ${actor.split(':')[0]}`);
      return 'waiting';
    },
  });
  const tenant = await desk.addTenant();
  const created = await tenant.admin('POST', '/api/v1/scep-profiles', { name: 'Plant', connectorId: tenant.connectorId });
  const path = `/api/v1/scep-profiles/${created.body.id}`;
  const profile = await store.profiles.find(tenantContext(tenant.id, 'test'), 'scep', created.body.id);
  if (profile?.protocol !== 'scep') throw new Error('no profile');
  return { desk, tenant, store, path, profile, prepared, serve: (endpoint: typeof served) => (served = endpoint) };
}

/** PFX files as the tools of the servers before make them. */
async function pfxFiles() {
  const bench = openBench();
  t.teardown(() => bench.remove());
  const ini = (usage: string, ca = 'FALSE') => `[req]\ndistinguished_name=dn\nx509_extensions=x\n[dn]\n[x]\nbasicConstraints=critical,CA:${ca}\n${usage}`;
  async function make(
    file: string,
    usage: string,
    options: readonly string[] = [],
    type: Parameters<typeof bench.key>[1] = 'RSA-2048',
    ca?: string,
  ): Promise<string> {
    const key = await bench.key(`${file}.key`, type);
    bench.write(`${file}.cnf`, ini(usage, ca));
    const self = [
      'req',
      '-x509',
      '-new',
      '-key',
      key,
      '-subj',
      `/CN=${file}`,
      '-days',
      '30',
      '-config',
      bench.file(`${file}.cnf`),
      '-out',
      bench.file(`${file}.pem`),
    ];
    for (const args of [
      self,
      ['pkcs12', '-export', ...options, '-inkey', key, '-in', bench.file(`${file}.pem`), '-passout', 'pass:secret', '-out', bench.file(`${file}.pfx`)],
    ]) {
      const ran = await bench.openssl(...args);
      if (ran.code !== 0) throw new Error(ran.output);
    }
    return readFileSync(bench.file(`${file}.pfx`)).toString('base64');
  }
  const old = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
  return {
    both: await make('both', 'keyUsage=critical,digitalSignature,keyEncipherment'),
    signs: await make('signs', 'keyUsage=digitalSignature', old),
    encrypts: await make('encrypts', 'keyUsage=keyEncipherment', old),
    silent: await make('silent', ''),
    other: await make('other', 'keyUsage=keyAgreement'),
    ec: await make('ec', 'keyUsage=digitalSignature', [], 'P-256'),
    ca: await make('ca', 'keyUsage=keyCertSign,digitalSignature,keyEncipherment', [], 'RSA-2048', 'TRUE'),
    bothPem: new X509Certificate(bench.read('both.pem')),
  };
}

t.setTimeout(120_000);

t.test('RA keys of a SCEP profile', { timeout: 120_000 }, async (t) => {
  const { desk, tenant, store, path, profile, prepared, serve } = await house();
  t.teardown(() => desk.close());
  const files = await pfxFiles();
  const admin = tenant.admin;
  const context = tenantContext(tenant.id, 'test');
  const importPfx = (pfx: string, more: object = {}) => admin('POST', `${path}/ra-keys/import`, { pfx, password: 'secret', ...more });

  await t.test('SCEP-038 the profile shows SHA-256 and SHA-1 of what GetCACert shows, and of nothing else', async (t) => {
    t.same((await admin('GET', path)).body.published, { ra: [], ca: [] }, 'nothing while there is nothing');
    const next = raKey(issuing, root, { state: 'next' });
    serve({ profile, raKeys: [ra, next], caChain: [issuing.certificate, root.certificate] });
    const { published } = (await admin('GET', path)).body;
    t.same(
      published.ra.map(({ sha256, sha1 }: { sha256: string; sha1: string }) => [sha256, sha1]),
      [[colons('sha256', ra.certificate.der), colons('sha1', ra.certificate.der)]],
    );
    t.same(
      published.ca.map(({ subject, sha256 }: { subject: string; sha256: string }) => [subject, sha256]),
      [issuing, root].map(({ certificate }) => [
        certificate.subject.der.equals(root.certificate.subject.der) ? 'CN=Test Root' : 'CN=Test Issuing CA',
        colons('sha256', certificate.der),
      ]),
    );
    t.notMatch(JSON.stringify(published), /md5/i);
    t.equal((await admin('GET', `${path}/ra-keys`)).body.authorities.length, 2);
    serve({ profile: { ...profile, id: 'another' }, raKeys: [ra], caChain: [] });
    t.same((await admin('GET', path)).body.published, { ra: [], ca: [] }, 'never those of another profile');
  });

  await t.test('SCEP-038 SCEP-044 keys of the server before are imported as they are, and answer as retiring ones', async (t) => {
    const imported = await importPfx(files.both, { keepUntil: '2099-01-01T00:00:00Z' });
    t.equal(imported.status, 201);
    t.match(imported.body.items, [{ usage: 'both', origin: 'imported', state: 'retiring', keySize: 'RSA-2048', keepUntil: '2099-01-01T00:00:00.000Z' }]);
    t.equal(imported.body.items[0].certificate.sha256, files.bothPem.fingerprint256);
    t.equal(imported.body.items[0].certificate.sha1, files.bothPem.fingerprint);
    t.notMatch(imported.text, /privateKey|secret/);
    t.match((await importPfx(files.signs)).body.items[1], { usage: 'sign', keepUntil: null }, '3DES, as old servers export');
    t.match((await importPfx(files.encrypts)).body.items[2], { usage: 'encrypt' });
    t.match((await importPfx(files.silent)).body.items[3], { usage: 'both' }, 'no keyUsage allows both');
    const [stored] = await store.credentials.listRaKeys(context, profile.id);
    const certificate = parseCertificate(stored?.certificate ?? Buffer.alloc(0));
    const key = createPrivateKey({ key: stored?.privateKey.reveal() ?? Buffer.alloc(0), format: 'der', type: 'pkcs8' });
    t.ok(certificate.ok && publicKeyOf(key).spki.equals(certificate.value.publicKey.spki), 'the private key is that of the certificate');
    const events = await desk.stores.auditEvents();
    t.match(
      events.filter(({ action }) => action === 'ra-key.added').map(({ details, actor }) => ({ origin: details.origin, actor })),
      Array.from({ length: 4 }, () => ({ origin: 'imported', actor: /^token:/ })),
    );
  });

  await t.test('what cannot be imported is refused in words', async (t) => {
    const fault = async (pfx: string, more: object = {}) => {
      const { status, body } = await importPfx(pfx, more);
      return `${status} ${body.errors?.[0]?.path}: ${body.errors?.[0]?.message}`;
    };
    t.equal(await fault(files.both, { password: 'wrong' }), '400 pfx: The password does not open the PFX');
    t.equal(await fault(Buffer.from('no pfx').toString('base64')), '400 pfx: Is no PFX (PKCS#12) that can be read');
    t.equal(await fault(files.both), '400 pfx: The key of CN=both is here already');
    t.equal(await fault(files.ca), '400 pfx: CN=ca is a CA; the key of a CA never protects messages here');
    t.match(await fault(files.ec), /^400 pfx: The key of CN=ec is EC-P-256; RA keys are RSA/);
    t.match(await fault(files.other), /neither of the key usages digitalSignature and keyEncipherment$/);
    t.equal(await fault(files.both, { keepUntil: '2001-01-01T00:00:00Z' }), '400 keepUntil: Must lie ahead');
    t.match(await fault('***'), /^400 pfx:/);
    t.equal((await admin('GET', `${path}/ra-keys`)).body.items.length, 4, 'nothing of it was stored');
  });

  await t.test('SCEP-040 successors are prepared in the name of the one who asked', async (t) => {
    const answer = await admin('POST', `${path}/ra-keys/prepare`);
    t.match(answer, { status: 200, body: { outcome: 'waiting', items: Array } });
    t.same(prepared, ['Plant by token']);
  });

  await t.test('retiring: a key in use needs a successor, which takes over; others are destroyed', async (t) => {
    const fresh = async (state: 'active' | 'next') => {
      const made = await generateRaKey(profile);
      const publicKey = publicKeyOf(createPrivateKey({ key: made.privateKey.reveal(), format: 'der', type: 'pkcs8' }));
      const extensions = [keyUsageExtension(['digitalSignature', 'keyEncipherment'])];
      const { der } = certify({ key: issuing.key, name: issuing.certificate.subject }, { publicKey, subject: name('/CN=RA'), extensions });
      await store.credentials.addRaKey(context, { ...made, state, certificate: der, chain: [issuing.certificate.der] });
      return made.id;
    };
    const active = await fresh('active');
    const retire = (id: string) => admin('POST', `${path}/ra-keys/${id}/retire`);
    const alone = await retire(active);
    t.match(alone, { status: 409, body: { type: 'urn:gatehouse:problem:wrong-state', detail: 'It is in use and has no successor; prepare one first.' } });
    const next = await fresh('next');
    const states = (body: { items: { id: string; state: string }[] }) => Object.fromEntries(body.items.map(({ id, state }) => [id, state]));
    t.match(states((await retire(active)).body), { [active]: 'retiring', [next]: 'active' });
    const [imported] = (await admin('GET', `${path}/ra-keys`)).body.items;
    t.notOk(imported.id in states((await retire(imported.id)).body), 'destroyed');
    t.equal((await retire(imported.id)).status, 404, 'and gone');
    t.ok((await desk.stores.auditEvents()).some(({ action, object }) => action === 'ra-key.destroyed' && object === `ra-key:${imported.id}`));
  });

  await t.test('operators see, administrators change, other tenants see nothing', async (t) => {
    const operator = await desk.as('operator', tenant.id);
    t.equal((await operator('GET', `${path}/ra-keys`)).status, 200);
    for (const [action, body] of [
      ['import', { pfx: files.both, password: 'secret' }],
      ['prepare', undefined],
      [`${profile.id}/retire`, undefined],
    ] as const) {
      t.match(await operator('POST', `${path}/ra-keys/${action}`, body), { status: 403, body: { permission: 'profile:ra-keys' } }, action);
    }
    const other = await desk.addTenant();
    t.equal((await other.admin('GET', `${path}/ra-keys`)).status, 404);
    t.equal((await other.admin('POST', `${path}/ra-keys/prepare`)).status, 404);
  });
});

t.test('a PFX that takes for ever is given up, and holds nobody up meanwhile', { timeout: 60_000 }, async (t) => {
  const { desk, tenant, path } = await house();
  t.teardown(() => desk.close());
  const bench = openBench();
  t.teardown(() => bench.remove());
  const key = await bench.key('slow.key', 'RSA-2048');
  for (const args of [
    ['req', '-x509', '-new', '-key', key, '-subj', '/CN=slow', '-days', '30', '-out', bench.file('slow.pem')],
    [
      'pkcs12',
      '-export',
      '-iter',
      '3000000',
      '-nomaciter',
      '-keypbe',
      'PBE-SHA1-3DES',
      '-certpbe',
      'PBE-SHA1-3DES',
      '-inkey',
      key,
      '-in',
      bench.file('slow.pem'),
      '-passout',
      'pass:secret',
      '-out',
      bench.file('slow.pfx'),
    ],
  ]) {
    const ran = await bench.openssl(...args);
    if (ran.code !== 0) throw new Error(ran.output);
  }
  const pfx = readFileSync(bench.file('slow.pfx')).toString('base64');
  const slow = tenant.admin('POST', `${path}/ra-keys/import`, { pfx, password: 'secret' });
  t.equal((await tenant.admin('GET', `${path}/ra-keys`)).status, 200, 'others are served while it is tried');
  t.match(await slow, { status: 400, body: { errors: [{ path: 'pfx', message: 'Takes too long to open; export it again with fewer iterations' }] } });
});
