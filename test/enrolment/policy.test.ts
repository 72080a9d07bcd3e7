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
