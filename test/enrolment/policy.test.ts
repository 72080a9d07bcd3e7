import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import t from 'tap';
import type { Grant } from '../../src/enrolment/identify.js';
import { checkPolicy } from '../../src/enrolment/policy.js';
import type { IssuedCertificate } from '../../src/enrolment/ports.js';
import type { WantedCertificate } from '../../src/enrolment/request.js';
import {
  basicConstraintsExtension,
  buildName,
  createSigner,
  dnsName,
  type Extension,
  emptyName,
  extendedKeyUsageExtension,
  type GeneralName,
  ipName,
  keyUsageExtension,
  type Name,
  nameFromText,
  nameToText,
  type PublicKey,
  parsePublicKey,
  publicKeyOf,
  signCertificate,
  subjectAltNameExtension,
  subjectAltNames,
  uriName,
} from '../../src/pkix/index.js';
import { certificateTime, der, encode, oids } from '../../src/protocol/der/index.js';
import { type Policy, policySchema } from '../../src/tenancy/policy.js';
import type { Profile } from '../../src/tenancy/profile.js';

const now = new Date('2026-11-01T00:00:00Z');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const rsaKey = publicKeyOf(rsa.publicKey);

function profileWith(policy: Partial<Record<keyof Policy, unknown>> = {}, protocol: 'scep' | 'cmp' = 'scep'): Profile {
  const common = { id: 'p', tenantId: 't', connectorId: 'c', name: 'demo', endpointPath: 'demo', legacyPaths: [], description: '', status: 'active' } as const;
  const stored = { policy: policySchema.parse(policy), overrides: {}, version: 1, createdAt: now, updatedAt: now };
  if (protocol === 'cmp') return { ...common, ...stored, protocol, javaBaseUrl: null, isDefault: false };
  return { ...common, ...stored, protocol, publicBaseUrl: null, challengeMode: 'static', challengeMac: null, challengeUpdatedAt: null };
}

function named(text: string): Name {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

function wanted(change: Partial<WantedCertificate> = {}): WantedCertificate {
  return { publicKey: rsaKey, subject: named('CN=device-1'), extensions: [], ...change };
}

const enrolment: Grant = { operation: 'enrolment', credential: 'challenge:static' };

function refusalOf(item: WantedCertificate, profile = profileWith(), grant = enrolment): string {
  const checked = checkPolicy(item, grant, profile, now);
  return checked.ok ? 'accepted' : checked.error.code;
}

function spki(algorithm: Buffer, bits: Buffer): PublicKey {
  const parsed = parsePublicKey(encode(der.sequence(algorithm, der.bitString(bits))));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function rsaPublicKey(modulus: Buffer, exponent: number): PublicKey {
  const bits = encode(der.sequence(der.unsignedInteger(modulus), der.integer(exponent)));
  return spki(encode(der.sequence(der.oid(oids.rsaEncryption), der.nullValue())), bits);
}

t.test('SCEP-094 CMP-094 keys: type, size and soundness', async (t) => {
  const keyOf = (key: KeyObject) => publicKeyOf(key);
  const modulus = Buffer.alloc(256, 0xff);
  const even = Buffer.from(modulus);
  even[255] = 0xfe;
  const rows: [string, PublicKey, 'scep' | 'cmp', string][] = [
    ['RSA-2048', rsaKey, 'scep', 'accepted'],
    ['RSA-1024', keyOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), 'scep', 'key-size'],
    ['RSA-8192 modulus', rsaPublicKey(Buffer.alloc(1024, 0xff), 65537), 'scep', 'key-size'],
    ['even modulus', rsaPublicKey(even, 65537), 'scep', 'key-malformed'],
    ['exponent 1', rsaPublicKey(modulus, 1), 'scep', 'key-malformed'],
    ['exponent 4', rsaPublicKey(modulus, 4), 'scep', 'key-malformed'],
    ['P-256', keyOf(ec.publicKey), 'cmp', 'accepted'],
    ['P-224', keyOf(generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).publicKey), 'cmp', 'key-type'],
    ['secp256k1', keyOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), 'cmp', 'key-type'],
    ['a point off P-256', spki(encode(der.sequence(der.oid(oids.ecPublicKey), der.oid(oids.p256))), Buffer.alloc(65, 4)), 'cmp', 'key-malformed'],
    ['Ed25519 over CMP', keyOf(ed25519.publicKey), 'cmp', 'accepted'],
    ['Ed25519 over SCEP', keyOf(ed25519.publicKey), 'scep', 'key-type'],
    ['X25519', keyOf(generateKeyPairSync('x25519').publicKey), 'cmp', 'key-type'],
  ];
  for (const [what, publicKey, protocol, expected] of rows) t.equal(refusalOf(wanted({ publicKey }), profileWith({}, protocol)), expected, what);
});

t.test('AB-14 CMP-096 CMP-097 requests to become a CA or RA are refused', async (t) => {
  const rows: [string, Extension, string][] = [
    ['CA:TRUE', basicConstraintsExtension({ ca: true }), 'ca-certificate'],
    ['pathLen with CA:FALSE', basicConstraintsExtension({ ca: false, pathLength: 0 }), 'ca-certificate'],
    ['CA:FALSE', basicConstraintsExtension({ ca: false }), 'accepted'],
    ['keyCertSign', keyUsageExtension(['keyCertSign']), 'ca-certificate'],
    ['cRLSign', keyUsageExtension(['cRLSign']), 'ca-certificate'],
    ['cmcRA', extendedKeyUsageExtension([oids.cmcRA]), 'reserved-purpose'],
    ['cmcCA', extendedKeyUsageExtension([oids.cmcCA]), 'reserved-purpose'],
    ['cmKGA', extendedKeyUsageExtension([oids.cmKGA]), 'reserved-purpose'],
    ['malformed', { oid: oids.basicConstraints, critical: false, value: Buffer.from('0401ff', 'hex') }, 'extension-malformed'],
    ['malformed names', { oid: oids.subjectAltName, critical: false, value: Buffer.from('3000', 'hex') }, 'extension-malformed'],
  ];
  for (const [what, extension, expected] of rows) t.equal(refusalOf(wanted({ extensions: [extension] })), expected, what);
});

t.test('SCEP-089 SCEP-095 AB-25 names: presence, kinds and characters', async (t) => {
  const other: GeneralName = {
    type: 'other',
    text: '',
    der: encode(der.constructed(0xa0, der.oid('1.3.6.1.4.1.311.20.2.3'), der.explicit(0, der.utf8String('u')))),
  };
  const san = (...names: GeneralName[]) => [subjectAltNameExtension(names)];
  const rows: [string, Name, Extension[], string][] = [
    ['no name at all', emptyName, [], 'subject-missing'],
    ['only an alternative name', emptyName, san(dnsName('a.example')), 'accepted'],
    ['dns and ip', named('CN=a'), san(dnsName('a.example'), ipName('192.0.2.1'), ipName('2001:db8::1')), 'accepted'],
    ['wildcard', named('CN=a'), san(dnsName('*.example')), 'accepted'],
    ['uri', named('CN=a'), san(uriName('https://a')), 'san-type'],
    ['otherName (UPN)', named('CN=a'), san(other), 'san-type'],
    ['a space in a dns name', named('CN=a'), san(dnsName('a b')), 'name-malformed'],
    ['an empty dns name', named('CN=a'), san(dnsName('')), 'name-malformed'],
    ['NUL in the subject', buildName([[oids.commonName, 'a\u0000b']]), [], 'name-malformed'],
    ['a direction override', buildName([[oids.commonName, 'a\u202eb']]), [], 'name-malformed'],
    ['257 characters', buildName([[oids.commonName, 'a'.repeat(257)]]), [], 'name-malformed'],
    ['letters of any script', buildName([[oids.commonName, 'Gerät-Ω-设备']]), [], 'accepted'],
  ];
  for (const [what, subject, extensions, expected] of rows) t.equal(refusalOf(wanted({ subject, extensions })), expected, what);
});

t.test('a request has no more alternative names than the profile allows: 100 by default', async (t) => {
  const many = (count: number) => wanted({ extensions: [subjectAltNameExtension(Array.from({ length: count }, (_, at) => dnsName(`d${at}.example`)))] });
  t.equal(refusalOf(many(100)), 'accepted');
  t.match(checkPolicy(many(101), enrolment, profileWith(), now), { error: { code: 'too-many-names', detail: '101, and 100 are allowed' } });
  const few = profileWith({ names: { maxSans: 2 } }, 'cmp');
  t.equal(refusalOf(many(2), few), 'accepted');
  t.equal(refusalOf(many(3), few), 'too-many-names');
  t.equal(
    refusalOf(wanted({ extensions: [subjectAltNameExtension(oldSans)] }), profileWith({ names: { maxSans: 1 } }), renewal),
    'accepted',
    'what was issued may be renewed',
  );
  t.notOk(policySchema.safeParse({ names: { maxSans: 1001 } }).success);
});

t.test('CMP-111 CMP-218 the subject can be bound to the reference', async (t) => {
  const profile = profileWith({ names: { subjectBinding: 'reference' } }, 'cmp');
  const grant: Grant = { operation: 'enrolment', credential: 'secret:device-1', reference: 'device-1' };
  t.equal(refusalOf(wanted(), profile, grant), 'accepted');
  t.equal(refusalOf(wanted({ subject: named('CN=device-2') }), profile, grant), 'subject-binding');
});

t.test('CMP-093 validity is a wish: capped, and then the request counts as modified', async (t) => {
  const far = checkPolicy(wanted({ notAfter: new Date(now.getTime() + 99_999 * 86_400_000) }), enrolment, profileWith(), now);
  t.match(far, { ok: true, value: { isModified: true, request: { validitySeconds: 365 * 86_400 } } });
  const near = checkPolicy(wanted({ notAfter: new Date(now.getTime() + 86_400_000) }), enrolment, profileWith(), now);
  t.match(near, { ok: true, value: { isModified: false, request: { validitySeconds: 86_400 } } });
});

t.test('AB-13 what the policy does not know stays out of the certificate', async (t) => {
  const sid: Extension = { oid: oids.microsoftSid, critical: false, value: encode(der.octetString(Buffer.from('S-1-5'))) };
  const checked = checkPolicy(wanted({ extensions: [sid] }), enrolment, profileWith(), now);
  t.match(checked, { ok: true, value: { isModified: true, request: { sans: [], extendedKeyUsage: [oids.serverAuth, oids.clientAuth] } } });
});

const issuer = createSigner(rsa.privateKey, rsaKey);
const oldSans = [dnsName('a.example'), dnsName('b.example')];
const notAfter = new Date('2026-12-01T00:00:00Z');
const oldDer = signCertificate(
  {
    serial: Buffer.of(1),
    issuer: named('CN=ca'),
    notBefore: now,
    notAfter,
    subject: named('CN=Device-1'),
    spki: rsaKey.spki,
    extensions: [subjectAltNameExtension(oldSans)],
  },
  { notBefore: certificateTime(now), notAfter: certificateTime(notAfter) },
  issuer,
);
const issued = { id: 'c', der: oldDer, serial: '01' } as IssuedCertificate;
const renewal: Grant = { operation: 'renewal', credential: 'certificate:01', issued };

t.test('SCEP-112 SCEP-113 SCEP-114 AB-12 CMP-114 CMP-116 renewals keep names, window and key rules', async (t) => {
  const newKey = publicKeyOf(ec.publicKey);
  const cmp = (policy: Parameters<typeof profileWith>[0] = {}) => profileWith(policy, 'cmp');
  const san = (...names: GeneralName[]) => [subjectAltNameExtension(names)];
  const rows: [string, Partial<WantedCertificate>, Profile, string][] = [
    ['same names', { subject: named('CN=Device-1'), extensions: san(...oldSans) }, cmp(), 'accepted'],
    ['other case', { subject: named('CN=device-1') }, cmp(), 'accepted'],
    ['fewer names', { extensions: san(dnsName('b.example')) }, cmp(), 'accepted'],
    ['another subject', { subject: named('CN=device-2') }, cmp(), 'renewal-other-name'],
    ['one more name', { extensions: san(...oldSans, dnsName('c.example')) }, cmp(), 'renewal-other-name'],
    ['same key, allowed', {}, cmp(), 'accepted'],
    ['same key, refused', {}, cmp({ keys: { reuse: 'refuse' } }), 'key-reused'],
    ['new key, where demanded', { publicKey: newKey }, cmp({ keys: { reuse: 'refuse' } }), 'accepted'],
    ['too early', {}, cmp({ renewal: { windowDays: 10 } }), 'renewal-too-early'],
    ['in the window', {}, cmp({ renewal: { windowDays: 40 } }), 'accepted'],
  ];
  for (const [what, change, profile, expected] of rows) t.equal(refusalOf(wanted(change), profile, renewal), expected, what);
});

t.test('a renewal without names keeps those of the old certificate', async (t) => {
  const checked = checkPolicy(wanted({ subject: emptyName }), renewal, profileWith({}, 'cmp'), now);
  t.ok(checked.ok);
  if (!checked.ok) return;
  t.same(
    checked.value.sans.map((san) => san.text),
    ['a.example', 'b.example'],
  );
  t.same(checked.value.request.subject, named('CN=Device-1').der);
  t.ok(subjectAltNames([subjectAltNameExtension(checked.value.sans)]).ok);
});

function certified(item: WantedCertificate, policy: Partial<Record<keyof Policy, unknown>>, grant = enrolment): string {
  const checked = checkPolicy(item, grant, profileWith(policy), now);
  return checked.ok ? nameToText(checked.value.subject) : checked.error.code;
}

t.test('SCEP-095 CMP-218 AB-25 the subject is held against the list of the profile, attribute by attribute', async (t) => {
  const names = { subject: { allow: { CN: ['*.plant.example', 'gateway-*-7'], O: ['Acme'], OU: ['*'] } } };
  const rows: [string, Name, string][] = [
    ['all listed', named('CN=a.plant.example,O=Acme'), 'accepted'],
    ['case and width do not count', named('CN=A.PLANT.Example,O=\uff21cme'), 'accepted'],
    ['a star in the middle', named('CN=gateway-12-7'), 'accepted'],
    ['any value', named('CN=gateway-12-7,OU=whatever'), 'accepted'],
    ['vendor A asks for vendor B', named('CN=a.plant.example,O=Bolt'), 'subject-not-allowed'],
    ['the end is part of the pattern', named('CN=a.plant.example.evil'), 'subject-not-allowed'],
    ['begin and end may not overlap', named('CN=gateway-7'), 'subject-not-allowed'],
    ['one of two common names', named('CN=a.plant.example,CN=root'), 'subject-not-allowed'],
    ['one hidden in a set', named('CN=a.plant.example+CN=root'), 'subject-not-allowed'],
    ['an attribute that is not listed', named('CN=a.plant.example,L=Bern'), 'subject-not-allowed'],
    ['a space before', buildName([[oids.organizationName, ' Acme']]), 'subject-not-allowed'],
    ['a type without a name', buildName([['1.2.3.4', 'Acme']]), 'subject-not-allowed'],
    ['the characters of a pattern mean themselves', named('CN=aXplant.example'), 'subject-not-allowed'],
  ];
  for (const [what, subject, expected] of rows) t.equal(refusalOf(wanted({ subject }), profileWith({ names })), expected, what);
  t.equal(refusalOf(wanted(), profileWith({ names: { subject: { allow: {} } } })), 'subject-not-allowed', 'an empty list allows nothing');
  const only = wanted({ subject: emptyName, extensions: [subjectAltNameExtension([dnsName('a.example')])] });
  t.equal(refusalOf(only, profileWith({ names })), 'accepted', 'no subject, nothing to refuse');
});

t.test('SCEP-095 CMP-218 alternative names are held against the lists of the profile, kind by kind', async (t) => {
  const sanTypes = ['dns', 'ip', 'email', 'uri'];
  const names = {
    sanTypes,
    sans: { dns: ['*.plant.example', 'host'], ip: ['192.0.2.0/25', '2001:db8::/32', '203.0.113.9'], email: ['*@plant.example'], uri: [] },
  };
  const rows: [string, GeneralName, string][] = [
    ['a suffix', dnsName('a.b.Plant.Example'), 'accepted'],
    ['a whole name', dnsName('host'), 'accepted'],
    ['with the dot of the root', dnsName('a.plant.example.'), 'accepted'],
    ['the bare domain', dnsName('plant.example'), 'san-not-allowed'],
    ['a suffix that only looks like it', dnsName('evilplant.example'), 'san-not-allowed'],
    ['another domain', dnsName('a.plant.example.evil'), 'san-not-allowed'],
    ['in the range', ipName('192.0.2.127'), 'accepted'],
    ['one beyond it', ipName('192.0.2.128'), 'san-not-allowed'],
    ['in the IPv6 range', ipName('2001:db8:ffff::1'), 'accepted'],
    ['beyond it', ipName('2001:db9::1'), 'san-not-allowed'],
    ['one address', ipName('203.0.113.9'), 'accepted'],
    ['an IPv4 address written as IPv6', ipName('::ffff:198.51.100.1'), 'san-not-allowed'],
    ['an empty list allows none', uriName('https://a'), 'san-not-allowed'],
  ];
  for (const [what, san, expected] of rows) {
    t.equal(refusalOf(wanted({ extensions: [subjectAltNameExtension([san])] }), profileWith({ names })), expected, what);
  }
  const both = wanted({ extensions: [subjectAltNameExtension([dnsName('host'), dnsName('other')])] });
  t.equal(refusalOf(both, profileWith({ names })), 'san-not-allowed', 'every one of them');
  const wildcard = wanted({ extensions: [subjectAltNameExtension([dnsName('*.plant.example')])] });
  t.equal(refusalOf(wildcard, profileWith({ names })), 'accepted');
  t.equal(refusalOf(wildcard, profileWith({ names: { sans: { wildcards: false } } })), 'san-not-allowed');
});

t.test('SCEP-095 AB-13 a template makes the subject of what is known of the device, and drops the rest', async (t) => {
  const template = (text: string) => ({ names: { subject: { template: text } } });
  const asked = wanted({ subject: named('CN=device-1,O=Evil,OU=Admins') });
  t.equal(certified(asked, template('CN={CN},O=Acme')), 'CN=device-1,O=Acme');
  const checked = checkPolicy(asked, enrolment, profileWith(template('CN={CN},O=Acme')), now);
  t.match(checked, { ok: true, value: { isModified: true } });
  t.ok(checked.ok && checked.value.request.subject.equals(named('CN=device-1,O=Acme').der));
  t.equal(
    certified(wanted({ subject: buildName([[oids.commonName, 'a,O=Evil']]) }), template('CN={CN},O=Acme')),
    'CN=a\\,O\\=Evil,O=Acme',
    'a value stays a value',
  );
  t.equal(certified(asked, template('CN={serialNumber},O=Acme')), 'subject-incomplete');
  t.equal(certified(asked, template('CN={reference}'), { operation: 'enrolment', credential: 'secret:r-1', reference: 'r-1' }), 'CN=r-1');
  const challenge = { deviceId: 'serial-4711' } as NonNullable<Grant['challenge']>;
  t.equal(certified(asked, template('CN={deviceId}'), { ...enrolment, challenge }), 'CN=serial-4711');
  t.equal(certified(asked, template('CN={deviceId}')), 'subject-incomplete');
  const withSan = wanted({ subject: emptyName, extensions: [subjectAltNameExtension([dnsName('a.example')])] });
  t.equal(certified(withSan, template('CN={dns}')), 'CN=a.example');
  t.equal(
    certified(asked, { names: { subject: { template: 'CN={CN},O=Acme', allow: { CN: ['device-*'] } } } }),
    'subject-not-allowed',
    'the list holds for what is made',
  );
});

t.test('SCEP-114 CMP-218 a renewal keeps the subject the template made, and the lists hold for it too', async (t) => {
  const renewed = (subject: Name, names: unknown) => certified(wanted({ subject }), { names }, renewal);
  const names = { subject: { template: 'CN={CN}' } };
  t.equal(renewed(named('CN=Device-1'), names), 'CN=Device-1', 'asked for as certified');
  t.equal(renewed(named('CN=device-1,O=Evil'), names), 'CN=Device-1', 'asked for as at first');
  t.equal(renewed(named('CN=device-2,O=Evil'), names), 'renewal-other-name');
  t.equal(renewed(named('CN=Device-1'), { subject: { allow: { CN: ['plant-*'] } } }), 'subject-not-allowed', 'what the profile no longer allows ends');
  t.equal(renewed(named('CN=Device-1'), { sans: { dns: ['a.example'] } }), 'san-not-allowed');
});

t.test('rules that could never hold are refused when the profile is written', async (t) => {
  const isValid = (names: unknown) => policySchema.safeParse({ names }).success;
  for (const template of ['', 'CN={nobody}', 'Acme', 'X=1']) t.notOk(isValid({ subject: { template } }), template);
  for (const range of ['192.0.2.0/33', '2001:db8::/129', 'plant', '1.2.3.4/1/2', '1.2.3.4/']) t.notOk(isValid({ sans: { ip: [range] } }), range);
  t.notOk(isValid({ subject: { allow: { XY: ['*'] } } }));
  t.ok(isValid({ subject: { template: 'CN={CN}+serialNumber={serialNumber},C=CH', allow: { CN: ['*'] } }, sans: { ip: ['::/0'] } }));
});
