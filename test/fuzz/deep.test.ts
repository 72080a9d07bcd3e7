import t from 'tap';
import type { CertificateRequest } from '../../src/enrolment/ports.js';
import { buildName, dnsName, type GeneralName, ipName } from '../../src/pkix/index.js';
import { der, oids } from '../../src/protocol/der/index.js';
import { loadCorpus } from './corpus.js';
import { createPlaces, type Place } from './deep/places.js';
import { loadPool } from './deep/pool.js';
import { recheckCertificate } from './deep/recheck.js';
import { deepScepTarget, engineSigner } from './deep/scep.js';
import { type Finding, fuzz, type Progress } from './loop.js';
import { Broken } from './target.js';
import { loadWorld } from './world.js';

const world = loadWorld();
const pool = loadPool();

t.test('AB-14 SCEP-095 requests that are right in form reach the policy, and nothing outside it is issued', async (t) => {
  const found: Finding[] = [];
  const target = deepScepTarget(loadCorpus(), world);
  const listener = { found: (finding: Finding) => found.push(finding), progress: () => undefined };
  const { outcomes }: Progress = await fuzz([target], { seed: 4711, first: 0, step: 1, end: 600 }, listener);
  t.same(
    found.filter(({ kind }) => kind !== 'slow').map(({ index, reason }) => `${index} ${reason}`),
    [],
  );
  const told = Object.keys(outcomes).join('\n');
  t.match(told, /SUCCESS issued/);
  for (const failInfo of ['badAlg', 'badMessageCheck', 'badRequest', 'badCertId']) t.match(told, new RegExp(`FAILURE ${failInfo}`));
  t.ok(Object.keys(outcomes).length > 25, 'many ways to be refused');
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
    const signed = sign({ ...base, ...change });
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
