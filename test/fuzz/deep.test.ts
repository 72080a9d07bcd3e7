import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildMessage, protectorOf } from '../../src/device-client/cmp-messages.js';
import type { CertificateRequest } from '../../src/enrolment/ports.js';
import { buildName, type Certificate, createSigner, dnsName, emptyName, type GeneralName, ipName } from '../../src/pkix/index.js';
import { decodePkiMessage, type PkiBody } from '../../src/protocol/cmp/index.js';
import { der, oids } from '../../src/protocol/der/index.js';
import { atOnce } from '../support/at-once.js';
import { loadCorpus } from './corpus.js';
import { deepCmpTarget } from './deep/cmp.js';
import { contentKey, recheckForged, recheckRevocation } from './deep/cmp-authority.js';
import { createPlaces, type Place } from './deep/places.js';
import { loadPool } from './deep/pool.js';
import { recheckCertificate } from './deep/recheck.js';
import { deepScepTarget, engineSigner } from './deep/scep.js';
import { type Finding, fuzz } from './loop.js';
import { Broken, type Target } from './target.js';
import { loadWorld } from './world.js';

const corpus = loadCorpus();
const world = loadWorld();
const pool = loadPool();

t.setTimeout(300_000);

async function campaign(target: Target, messages: number) {
  const found: Finding[] = [];
  const { outcomes } = await fuzz(
    [target],
    { seed: 4711, first: 0, step: 1, end: messages },
    { found: (finding) => found.push(finding), progress: () => undefined },
  );
  const crashes = found.filter(({ kind }) => kind !== 'slow').map(({ index, reason }) => `${index} ${reason}`);
  return { crashes, told: Object.keys(outcomes) };
}

t.test('AB-14 SCEP-095 SCEP requests that are right in form reach the policy, and nothing outside it is issued', async (t) => {
  const { crashes, told } = await campaign(deepScepTarget(corpus, world), 600);
  t.same(crashes, []);
  t.match(told.join('\n'), /SUCCESS issued/);
  for (const failInfo of ['badAlg', 'badMessageCheck', 'badRequest', 'badCertId']) t.match(told.join('\n'), new RegExp(`FAILURE ${failInfo}`));
  t.ok(told.length > 25, 'many ways to be refused');
});

t.test('CMP-096 CMP requests that are protected anew reach the policy, and nothing outside it is issued', async (t) => {
  const { crashes, told } = await campaign(await deepCmpTarget(corpus, world), 2_000);
  t.same(crashes, []);
  for (const type of ['ip', 'cp', 'kup']) t.match(told.join('\n'), new RegExp(`${type} (accepted|grantedWithMods).*issued`));
  for (const failInfo of ['badPOP', 'badCertTemplate', 'badAlg', 'badMessageCheck']) t.match(told.join('\n'), new RegExp(`rejection .*${failInfo}`));
  const agreed = [
    /issued.*\(DHBasedMac\)/,
    /issued.*\(KemBasedMac\)/,
    /issued by agreeMAC/,
    /genp revPassphrase/,
    /rejection wrongIntegrity \(unprotected\)/,
    /^protected anew: rp /m,
  ];
  for (const reached of agreed) t.match(told.map((line) => line.replace(/^cmp-deep: /, '')).join('\n'), reached, 'CMP-080 CMP-083 CMP-110 CMP-167');
});

t.test('a signer that is not the first of extraCerts gets its own name, and nothing is wrong with that', async (t) => {
  const target = await deepCmpTarget(corpus, world);
  const bytes = readFileSync(join(import.meta.dirname, '../../fixtures/fuzz/kur-signer-second.bin'));
  t.match(await target.check({ bytes, isVouched: true, place: 6 }), /kup grantedWithMods, issued/);
});

t.test('what was changed and not protected anew is known by its answer, and a revocation of the certificate of another by its names', async (t) => {
  const [genm] = corpus.cmp.filter(({ name }) => name.startsWith('fuzz/genm'));
  const sent = genm?.bytes ?? Buffer.alloc(0);
  const message = decodePkiMessage(sent);
  if (!message.ok) throw message.error;
  const answer: PkiBody = { type: 'genp', items: [] };
  t.doesNotThrow(() => recheckForged(sent, answer, new Set([contentKey(message.value)])), 'as it was sent once');
  t.ok(
    isBroken(() => recheckForged(sent, answer, new Set())),
    'never sent so',
  );
  t.ok(
    isBroken(() => recheckForged(Buffer.from('nothing'), { type: 'pkiconf' }, new Set())),
    'unreadable',
  );
  t.doesNotThrow(() => recheckForged(sent, { type: 'error', content: { pKIStatusInfo: { status: 'rejection' } } }, new Set()), 'refused');
  const [signer, other] = pool;
  if (signer === undefined || other === undefined) throw new Error('There are keys in the pool.');
  const credential = { kind: 'certificate', certificate: signer.certificate, chain: [], signer: createSigner(signer.privateKey, signer.publicKey) } as const;
  const transaction = { credential, protector: protectorOf(credential), transactionID: Buffer.alloc(16, 1), recipient: emptyName };
  const rr = ({ issuer, serial: serialNumber }: Certificate): PkiBody => ({ type: 'rr', details: [{ certDetails: { issuer, serialNumber } }] });
  const ask = (certificate: Certificate) => buildMessage(transaction, { senderNonce: Buffer.alloc(16, 2) }, rr(certificate));
  const accepted: PkiBody = { type: 'rp', content: { status: [{ status: 'accepted' }] } };
  t.doesNotThrow(() => recheckRevocation(ask(signer.certificate), accepted), 'its own');
  t.ok(
    isBroken(() => recheckRevocation(ask(other.certificate), accepted)),
    'that of another',
  );
});

function isBroken(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    return error instanceof Broken;
  }
}

t.test('the second reading of the policy sees what is outside it', async (t) => {
  const places = new Map(createPlaces(world, pool).map((place) => [place.name, place]));
  const sign = engineSigner(world);
  const key = (name: string) => pool.find((item) => item.name === name)?.publicKey.spki ?? Buffer.alloc(0);
  const subject = buildName([
    [oids.organizationName, 'Acme'],
    [oids.commonName, 'dev-1'],
  ]).der;
  const base: CertificateRequest = {
    publicKey: key('rsa-2048-a'),
    subject,
    sans: [],
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: [oids.clientAuth],
    validitySeconds: 30 * 86_400,
    backdateSeconds: 60,
  };
  const named = (...names: readonly GeneralName[]) => ({ sans: names.map((name) => name.der) });
  const check = (place: string, change: Partial<CertificateRequest>) => {
    const signed = atOnce(sign({ ...base, ...change }));
    if (!signed.ok) throw new Error(signed.error);
    recheckCertificate(signed.value.certificate, (places.get(place) as Place).endpoint.profile.policy, { protocol: 'scep', isRenewal: false });
  };
  check('strict', {});
  check('strict', named(dnsName('dev-1.plant.example')));
  const outside: Readonly<Record<string, Partial<CertificateRequest>>> = {
    'RSA too long': { publicKey: key('rsa-4096') },
    'RSA too short': { publicKey: key('rsa-1024') },
    'another curve': { publicKey: key('p-256') },
    'a curve nobody allows': { publicKey: key('secp256k1') },
    Ed25519: { publicKey: key('ed25519') },
    'too long': { validitySeconds: 31 * 86_400 },
    'too early': { backdateSeconds: 3_600 },
    'another key usage': { keyUsage: ['digitalSignature', 'keyEncipherment'] },
    'another purpose': { extendedKeyUsage: [oids.clientAuth, oids.serverAuth] },
    'no purpose': { extendedKeyUsage: [] },
    'another kind of name': named(ipName('192.0.2.1')),
    'too many names': named(...['a', 'b', 'c', 'd'].map((host) => dnsName(`${host}.plant.example`))),
    'a wildcard': named(dnsName('*.plant.example')),
    'a DNS name that is not listed': named(dnsName('plant.example.evil.example')),
    'a mail address': { sans: [der.implicitPrimitive(1, Buffer.from('a@plant.example'))] },
    'another organisation': { subject: buildName([[oids.organizationName, 'Evil']]).der },
    'another attribute': { subject: buildName([[oids.countryName, 'DE']]).der },
    nobody: { subject: buildName([]).der },
  };
  for (const [what, change] of Object.entries(outside))
    t.ok(
      isBroken(() => check('strict', change)),
      what,
    );
  t.ok(
    isBroken(() => check('template', named(ipName('198.51.100.1')))),
    'an address outside the range',
  );
});
