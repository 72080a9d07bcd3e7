import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import {
  arePoliciesValid,
  basicConstraintsExtension,
  buildChain,
  buildChainInTurns,
  type Certificate,
  type CertificateList,
  createSigner,
  dnsName,
  type Extension,
  extension,
  type GeneralName,
  ipName,
  keyUsageExtension,
  nameFromText,
  newChainWork,
  parseCertificate,
  parseCrl,
  pathRevocation,
  prepareRevocations,
  publicKeyOf,
  readGeneralName,
  type Signer,
  signCertificate,
  signCrl,
  subjectAltNameExtension,
  uriName,
} from '../../src/pkix/index.js';
import { Cursor, certificateTime, contextPrimitive, der, type Element, oids } from '../../src/protocol/der/index.js';

const newSigner = (): Signer => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return createSigner(privateKey, publicKeyOf(privateKey));
};
const [rootKey, middleKey, lowerKey, leafKey] = [newSigner(), newSigner(), newSigner(), newSigner()] as const;
const at = new Date('2025-06-01T00:00:00Z');
const ca = [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign', 'cRLSign'])];

const named = (text: string) => {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
};

let serial = 0;

function make(subject: string, issuer: string, key: Signer, by: Signer, extensions: readonly Extension[]): Certificate {
  serial += 1;
  const [notBefore, notAfter] = [new Date('2025-01-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z')];
  const fields = { serial: Buffer.of(serial), issuer: named(issuer), subject: named(subject), notBefore, notAfter, spki: key.publicKey.spki, extensions };
  const parsed = parseCertificate(signCertificate(fields, { notBefore: certificateTime(notBefore), notAfter: certificateTime(notAfter) }, by));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

const root = make('CN=root', 'CN=root', rootKey, rootKey, ca);

interface Path {
  readonly middle?: readonly Extension[];
  readonly lower?: readonly Extension[];
  readonly leaf?: readonly Extension[];
  readonly subject?: string;
  readonly root?: Certificate;
}

/** leaf < lower < middle < root, as far as it is valid. */
function isValid(path: Path): boolean {
  const middle = make('CN=middle', 'CN=root', middleKey, rootKey, [...ca, ...(path.middle ?? [])]);
  const lower = make('CN=lower,O=Plant', 'CN=middle', lowerKey, middleKey, [...ca, ...(path.lower ?? [])]);
  const leaf = make(path.subject ?? 'CN=leaf,O=Plant', 'CN=lower,O=Plant', leafKey, lowerKey, path.leaf ?? []);
  return buildChain({ leaf, intermediates: [lower, middle], anchors: [path.root ?? root], at }).ok;
}

const subtree = (base: Element, ...more: Element[]) => der.sequence(base, ...more);
const constraints = (permitted: readonly Element[], excluded: readonly Element[] = []): Extension =>
  extension(
    oids.nameConstraints,
    true,
    der.sequence(
      permitted.length === 0 ? undefined : der.explicit(0, ...permitted.map((base) => subtree(base))),
      excluded.length === 0 ? undefined : der.explicit(1, ...excluded.map((base) => subtree(base))),
    ),
  );
const ascii = (n: number, text: string) => der.implicitPrimitive(n, Buffer.from(text, 'latin1'));
const [mail, dns, uri] = [(text: string) => ascii(1, text), (text: string) => ascii(2, text), (text: string) => ascii(6, text)] as const;
const network = (...octets: number[]) => der.implicitPrimitive(7, Buffer.from(octets));
const directory = (text: string) => der.explicit(4, named(text).der);
const sans = (...names: GeneralName[]): Extension[] => [subjectAltNameExtension(names)];
const mailName = (text: string) => readGeneralName(new Cursor(mail(text)));
const registeredId = readGeneralName(new Cursor(der.implicitPrimitive(8, Buffer.of(0x2a, 3))));

t.test('CMP-074 name constraints bind every name below (RFC 5280 section 4.2.1.10)', async (t) => {
  const rows: readonly (readonly [row: string, path: Path, expected: boolean])[] = [
    ['a subject within', { middle: [constraints([directory('O=Plant')])] }, true],
    ['case and string type do not count', { middle: [constraints([directory('O=PLANT')])] }, true],
    ['a subject without', { middle: [constraints([directory('O=Office')])] }, false],
    ['an excluded subject', { middle: [constraints([], [directory('O=Plant')])] }, false],
    ['an excluded subtree beside it', { middle: [constraints([], [directory('CN=leaf')])] }, true],
    ['no subject at all', { middle: [constraints([directory('O=Plant')])], subject: '', leaf: sans(dnsName('a.example')) }, true],
    ['each CA narrows further', { middle: [constraints([directory('O=Plant')])], lower: [constraints([directory('CN=other,O=Plant')])] }, false],
    ['constraints of the anchor count too', { root: make('CN=root', 'CN=root', rootKey, rootKey, [...ca, constraints([directory('O=Office')])]) }, false],
    ['a host within', { middle: [constraints([dns('plant.example')])], leaf: sans(dnsName('Pump.Plant.example')) }, true],
    ['the domain itself', { middle: [constraints([dns('plant.example')])], leaf: sans(dnsName('plant.example')) }, true],
    ['a host that only ends alike', { middle: [constraints([dns('plant.example')])], leaf: sans(dnsName('evilplant.example')) }, false],
    ['a leading dot wants a label', { middle: [constraints([dns('.plant.example')])], leaf: sans(dnsName('plant.example')) }, false],
    ['an excluded host', { middle: [constraints([], [dns('plant.example')])], leaf: sans(dnsName('pump.plant.example')) }, false],
    ['one name of two without', { middle: [constraints([dns('plant.example')])], leaf: sans(dnsName('plant.example'), dnsName('else.example')) }, false],
    ['names of other kinds are free', { middle: [constraints([dns('plant.example')])], leaf: sans(ipName('192.0.2.1')) }, true],
    ['an address within', { middle: [constraints([network(192, 0, 2, 0, 255, 255, 255, 0)])], leaf: sans(ipName('192.0.2.77')) }, true],
    ['an address without', { middle: [constraints([network(192, 0, 2, 0, 255, 255, 255, 0)])], leaf: sans(ipName('192.0.3.77')) }, false],
    ['IPv6 under an IPv4 network', { middle: [constraints([network(192, 0, 2, 0, 255, 255, 255, 0)])], leaf: sans(ipName('2001:db8::1')) }, false],
    ['a mailbox', { middle: [constraints([mail('a@plant.example')])], leaf: sans(mailName('a@PLANT.example')) }, true],
    ['another mailbox', { middle: [constraints([mail('a@plant.example')])], leaf: sans(mailName('b@plant.example')) }, false],
    ['all mailboxes of a host', { middle: [constraints([mail('plant.example')])], leaf: sans(mailName('b@plant.example')) }, true],
    ['not of hosts below it', { middle: [constraints([mail('plant.example')])], leaf: sans(mailName('b@mx.plant.example')) }, false],
    ['those below a domain', { middle: [constraints([mail('.plant.example')])], leaf: sans(mailName('b@mx.plant.example')) }, true],
    ['mail in the subject', { middle: [constraints([mail('plant.example')])], subject: 'emailAddress=a@else.example,O=Plant' }, false],
    ['the host of a URI', { middle: [constraints([uri('plant.example')])], leaf: sans(uriName('https://user@plant.example:8443/x')) }, true],
    ['another host', { middle: [constraints([uri('plant.example')])], leaf: sans(uriName('https://plant.example.evil/')) }, false],
    ['a URI below a domain', { middle: [constraints([uri('.plant.example')])], leaf: sans(uriName('urn://a.plant.example')) }, true],
    ['a URI without a host', { middle: [constraints([uri('.plant.example')])], leaf: sans(uriName('urn:a:b')) }, false],
    ['a URI with an address', { middle: [constraints([], [uri('plant.example')])], leaf: sans(uriName('https://192.0.2.1/')) }, true],
    ['kinds that cannot be compared', { middle: [constraints([der.implicitPrimitive(8, Buffer.of(0x2a))])], leaf: sans(registeredId) }, false],
    ['and are not there', { middle: [constraints([der.implicitPrimitive(8, Buffer.of(0x2a))])], leaf: sans(dnsName('a.example')) }, true],
    ['empty constraints', { middle: [extension(oids.nameConstraints, true, der.sequence())] }, false],
    [
      'a minimum',
      { middle: [extension(oids.nameConstraints, true, der.sequence(der.explicit(0, subtree(directory('O=Plant'), der.implicitPrimitive(0, Buffer.of(1))))))] },
      false,
    ],
  ];
  for (const [row, path, expected] of rows) t.equal(isValid(path), expected, row);
  const many = Array.from({ length: 200 }, (_, index) => dns(`n${index}.example`));
  const names = Array.from({ length: 200 }, (_, index) => dnsName(`a.n${index}.example`));
  t.equal(isValid({ middle: [constraints(many)], leaf: sans(...names.slice(0, 20)) }), true, 'CMP-211 many names');
  t.equal(isValid({ middle: [constraints(many)], leaf: sans(...names) }), false, 'CMP-211 too many names under too many constraints');
});

const [silver, gold] = ['2.16.840.1.101.3.2.1.48.1', '2.16.840.1.101.3.2.1.48.2'] as const;
const policies = (...given: string[]): Extension => extension(oids.certificatePolicies, false, der.sequence(...given.map((oid) => der.sequence(der.oid(oid)))));
const number = (n: number, value: number) => der.integer(value, contextPrimitive(n));
const explicitAfter = (count: number): Extension => extension(oids.policyConstraints, true, der.sequence(number(0, count)));
const mapping = (from: string, to: string): Extension => extension(oids.policyMappings, true, der.sequence(der.sequence(der.oid(from), der.oid(to))));
const explicitNoMapping = extension(oids.policyConstraints, true, der.sequence(number(0, 0), number(1, 0)));
const noAny = extension(oids.inhibitAnyPolicy, true, der.integer(0));

t.test('CMP-074 where a policy is required there must be one (RFC 5280 section 6.1)', async (t) => {
  const rows: readonly (readonly [row: string, path: Path, expected: boolean])[] = [
    ['none required', { leaf: [policies(silver)] }, true],
    ['required and the same throughout', { middle: [explicitAfter(0), policies(silver)], lower: [policies(silver)], leaf: [policies(silver)] }, true],
    ['required and absent from the leaf', { middle: [explicitAfter(0), policies(silver)], lower: [policies(silver)] }, false],
    ['required and another', { middle: [explicitAfter(0), policies(silver)], lower: [policies(silver)], leaf: [policies(gold)] }, false],
    ['required only from the third on', { middle: [explicitAfter(3)] }, true],
    ['anyPolicy stands for all', { middle: [explicitAfter(0), policies(oids.anyPolicy)], lower: [policies(oids.anyPolicy)], leaf: [policies(gold)] }, true],
    ['anyPolicy inhibited', { middle: [explicitAfter(0), noAny, policies(silver)], lower: [policies(oids.anyPolicy)], leaf: [policies(silver)] }, false],
    ['mapped', { middle: [explicitAfter(0), policies(silver), mapping(silver, gold)], lower: [policies(gold)], leaf: [policies(gold)] }, true],
    [
      'mapped, but under its old name',
      { middle: [explicitAfter(0), policies(silver), mapping(silver, gold)], lower: [policies(silver)], leaf: [policies(silver)] },
      false,
    ],
    ['mapping inhibited', { middle: [explicitNoMapping, policies(silver)], lower: [policies(silver), mapping(silver, gold)], leaf: [policies(gold)] }, false],
    ['a mapping of anyPolicy', { middle: [policies(silver), mapping(oids.anyPolicy, gold)] }, false],
    ['policies that are none', { leaf: [extension(oids.certificatePolicies, false, der.integer(1))] }, false],
  ];
  for (const [row, path, expected] of rows) t.equal(isValid(path), expected, row);
  t.equal(arePoliciesValid([make('CN=a', 'CN=root', leafKey, rootKey, [explicitAfter(0)])]), false, 'a leaf that requires one of itself');
});

interface ListFields {
  readonly revoked?: readonly Certificate[];
  readonly by?: Signer;
  readonly issuer?: string;
  readonly extensions?: readonly Extension[];
  readonly from?: string;
  readonly until?: string;
}

function listOf(fields: ListFields = {}): CertificateList {
  const { revoked = [], by = rootKey, issuer = 'CN=root', extensions = [], from = '2025-05-01T00:00:00Z', until = '2025-07-01T00:00:00Z' } = fields;
  const entries = revoked.map((item) => ({ serial: item.serial, revokedAt: new Date(from), reason: 1 }));
  const parsed = parseCrl(signCrl({ issuer: named(issuer), thisUpdate: new Date(from), nextUpdate: new Date(until), revoked: entries, extensions }, by));
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

t.test('CMP-075 a list counts when it is the issuer’s, in force, and speaks of the certificate (RFC 5280 section 6.3)', async (t) => {
  const point = der.explicit(0, der.explicit(0, uriName('http://crl.example/1').der));
  const withPoint = make('CN=device', 'CN=root', leafKey, rootKey, [extension(oids.cRLDistributionPoints, false, der.sequence(der.sequence(point)))]);
  const other = make('CN=other', 'CN=root', leafKey, rootKey, []);
  const middle = make('CN=middle', 'CN=root', middleKey, rootKey, ca);
  const below = make('CN=below', 'CN=middle', leafKey, middleKey, []);
  const idp = (...parts: Element[]): Extension => extension(oids.issuingDistributionPoint, true, der.sequence(...parts));
  const flag = (n: number) => der.implicitPrimitive(n, Buffer.of(0xff));
  const rows: readonly (readonly [row: string, list: ListFields, expected: string])[] = [
    ['not on it', {}, 'good'],
    ['on it', { revoked: [other, withPoint] }, 'revoked'],
    ['of yesterday', { revoked: [withPoint], until: '2025-05-31T00:00:00Z' }, 'unknown'],
    ['of tomorrow', { revoked: [withPoint], from: '2025-06-02T00:00:00Z' }, 'unknown'],
    ['by another key', { revoked: [withPoint], by: middleKey }, 'unknown'],
    ['by another issuer', { revoked: [withPoint], issuer: 'CN=else' }, 'unknown'],
    ['with a critical extension of its own', { extensions: [extension('1.2.3.4', true, der.nullValue())] }, 'unknown'],
    ['a delta', { extensions: [extension('2.5.29.27', true, der.integer(1))] }, 'unknown'],
    ['indirect', { extensions: [idp(flag(4))] }, 'unknown'],
    ['for some reasons', { extensions: [idp(der.implicitPrimitive(3, Buffer.of(6, 0x40)))] }, 'unknown'],
    ['of users', { extensions: [idp(flag(1))] }, 'good'],
    ['of CAs', { extensions: [idp(flag(2))] }, 'unknown'],
    ['for its point', { extensions: [idp(der.explicit(0, der.explicit(0, uriName('http://crl.example/1').der)))] }, 'good'],
    ['for another point', { extensions: [idp(der.explicit(0, der.explicit(0, uriName('http://crl.example/2').der)))] }, 'unknown'],
  ];
  for (const [row, list, expected] of rows) {
    t.equal(pathRevocation([withPoint, root], [listOf(list)], at).verdict, expected, row);
    const prepared = listOf(list);
    await prepareRevocations(prepared);
    t.equal(pathRevocation([withPoint, root], [prepared], at).verdict, expected, `${row}, prepared`);
  }
  t.equal(pathRevocation([withPoint, root], [], at).verdict, 'unknown', 'no list');
  t.equal(pathRevocation([withPoint, root], [listOf(), listOf({ revoked: [withPoint] })], at).verdict, 'revoked', 'one list of two');
  const lower = listOf({ by: middleKey, issuer: 'CN=middle' });
  t.equal(pathRevocation([below, middle, root], [lower], at).verdict, 'unknown', 'the CA’s own certificate is looked for too');
  t.equal(pathRevocation([below, middle, root], [lower, listOf()], at).verdict, 'good');
  const revoked = pathRevocation([below, middle, root], [lower, listOf({ revoked: [middle] })], at);
  t.equal(revoked.verdict, 'revoked', 'a revoked CA revokes what it issued');
  t.equal(revoked.at, middle);
  const mute = make('CN=middle', 'CN=root', middleKey, rootKey, [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign'])]);
  t.equal(pathRevocation([below, mute, root], [lower, listOf()], at).verdict, 'unknown', 'a CA without cRLSign');
  const entry = { ...listOf({ revoked: [other] }).revoked[0], isBeyondUs: true } as CertificateList['revoked'][number];
  t.equal(pathRevocation([withPoint, root], [{ ...listOf(), revoked: [entry] }], at).verdict, 'unknown', 'an entry with something critical');
});

t.test('CMP-203 CMP-211 twenty CAs of one name with the slowest keys: others have their turn between the signatures, and the work is bounded', async (t) => {
  const slow = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const slowKey = createSigner(slow.privateKey, publicKeyOf(slow.publicKey));
  const leaf = make('CN=device', 'CN=middle', leafKey, rootKey, []);
  const intermediates = Array.from({ length: 20 }, () => make('CN=middle', 'CN=root', slowKey, slowKey, ca));
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const work = newChainWork();
  const searched = await buildChainInTurns({ leaf, intermediates, anchors: [root], at, work });
  isOver = true;
  t.same(searched, { ok: false, error: 'no-path' });
  t.equal(work.left, 0, 'eight signatures were verified, and the others were not');
  t.ok(turns >= 7, `${turns} turns`);
  const sound = make('CN=leaf', 'CN=root', leafKey, rootKey, []);
  t.equal((await buildChainInTurns({ leaf: sound, intermediates: [], anchors: [root], at, work })).ok, false, 'one allowance for all searches of a message');
  t.equal((await buildChainInTurns({ leaf: sound, intermediates: [], anchors: [root], at })).ok, true);
  t.equal(buildChain({ leaf, intermediates, anchors: [root], at }).ok, false, 'bounded alike in one go');
});
