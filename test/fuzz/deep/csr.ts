import { algorithmIdentifier, createSigner, type Digest } from '../../../src/pkix/index.js';
import { Cursor, der, type Element, encode, oids, tag } from '../../../src/protocol/der/index.js';
import { mutate, type Seed, seedOf } from '../../support/mutate.js';
import type { Random } from '../../support/random.js';
import type { Place } from './places.js';
import type { PoolKey } from './pool.js';

const text = (string: string): Buffer => Buffer.from(string, 'utf8');
const name = (...attributes: readonly (readonly [string, Element])[]): Element =>
  der.sequence(...attributes.map(([type, value]) => der.set(der.sequence(der.oid(type), value))));
const { commonName, organizationName } = oids;
const utf8 = der.utf8String;

const subjects: readonly ((random: Random) => Element)[] = [
  (random) => name([organizationName, utf8('Acme')], [commonName, utf8(`dev-${random.below(16)}`)]),
  (random) => name([commonName, utf8(`dev-${random.below(16)}`)], [organizationName, utf8('Acme')]),
  (random) => name([commonName, der.printableString(`dev-${random.below(16)}`)]),
  (random) => name([commonName, utf8(`Dev-${random.below(16)}`)], [organizationName, utf8('ACME')]),
  () => name(),
  () => name([commonName, utf8('admin')], [organizationName, utf8('Acme')]),
  () => name([commonName, utf8('dev-1,O=Evil')]),
  () => name([commonName, utf8('dev-1')], [commonName, utf8('root')]),
  () => name([commonName, utf8('dev-\u202e1')]),
  () => name([commonName, utf8('d\u0435v-1')], [organizationName, utf8('Acme')]),
  () => name([commonName, utf8('ﬀdev-1')], [organizationName, utf8('Ａcme')]),
  () => name([commonName, der.primitive(tag.bmpString, text('\0d\0e\0v\0-\x001'))]),
  () => name([commonName, utf8(`dev-${'x'.repeat(300)}`)]),
  () => name(['2.5.4.6', der.printableString('DE')], [commonName, utf8('dev-1')]),
  () => der.sequence(der.set(der.sequence(der.oid(commonName), utf8('dev-1')), der.sequence(der.oid(organizationName), utf8('Acme')))),
];

const san = (number: number, content: Buffer): Element => der.implicitPrimitive(number, content);
const dns = (host: string): Element => san(2, text(host));
const sans: readonly ((random: Random) => Element)[] = [
  (random) => dns(`dev-${random.below(16)}.plant.example`),
  (random) => dns(`dev-${random.below(16)}.plant.example`),
  () => dns('DEV-1.PLANT.EXAMPLE'),
  () => dns('dev-1.plant.example.'),
  () => dns('*.plant.example'),
  () => dns('*'),
  () => dns('evil.example'),
  () => dns('plant.example'),
  () => dns('dev-1.plant.example\0.evil.example'),
  () => dns('evil.example/.plant.example'),
  () => dns('evil.example\n.plant.example'),
  () => dns('..plant.example'),
  () => dns(`${'a'.repeat(260)}.plant.example`),
  () => dns('ｅvil.plant.example'),
  () => dns(''),
  (random) => san(7, Buffer.of(192, 0, 2, random.below(256))),
  () => san(7, Buffer.of(10, 0, 0, 1)),
  () => san(7, Buffer.of(0, 0, 0, 0, 0, 0, 0, 0)),
  () => san(7, Buffer.of(0x20, 1, 0x0d, 0xb8, ...Array<number>(12).fill(7))),
  () => san(7, Buffer.of(...Array<number>(10).fill(0), 0xff, 0xff, 192, 0, 2, 1)),
  () => san(1, text('root@plant.example')),
  () => san(1, text('root@evil.example')),
  () => san(1, text('root@evil.example\r\n@plant.example')),
  () => san(6, text('urn:device:1')),
  () => san(6, text('https://evil.example/')),
  () => der.explicit(4, name([commonName, utf8('root')])),
  () => der.constructed(0xa0, der.oid('1.3.6.1.4.1.311.20.2.3'), der.explicit(0, utf8('admin@plant.example'))),
  () => san(8, Buffer.of(0x2a, 3, 4)),
];

const likelySan = sans[0] as (typeof sans)[number];

const extension = (oid: string, value: Element, isCritical = false): Element =>
  der.sequence(der.oid(oid), isCritical ? der.boolean(true) : undefined, der.octetStringOf(value));
const extensions: readonly ((random: Random) => Element)[] = [
  (random) => extension(oids.keyUsage, der.namedBits([random.below(9)]), true),
  () => extension(oids.keyUsage, der.namedBits([5, 6]), true),
  () => extension(oids.basicConstraints, der.sequence(), true),
  () => extension(oids.basicConstraints, der.sequence(der.boolean(true)), true),
  () => extension(oids.basicConstraints, der.sequence(der.boolean(true), der.integer(3)), true),
  () => extension(oids.basicConstraints, der.sequence(der.integer(0))),
  () => extension(oids.extKeyUsage, der.sequence(der.oid(oids.clientAuth))),
  () => extension(oids.extKeyUsage, der.sequence(der.oid(oids.clientAuth), der.oid(oids.cmcRA))),
  () => extension(oids.extKeyUsage, der.sequence(der.oid(oids.cmKGA))),
  () => extension(oids.extKeyUsage, der.sequence(der.oid('2.5.29.37.0'))),
  () => extension('2.5.29.30', der.sequence(), true),
  () => extension('2.5.29.32', der.sequence(der.sequence(der.oid('2.5.29.32.0')))),
  () => extension('1.3.6.1.4.1.311.20.2', der.primitive(tag.bmpString, text('\0C\0A'))),
  () => extension('1.3.6.1.5.5.7.1.3', der.nullValue(), true),
];

function requestedExtensions(random: Random): Element[] {
  const count = random.pick([0, 0, 1, 1, 1, 2, 3, 4, 5]);
  const names = random.oneIn(60)
    ? Array.from({ length: 101 }, (_, index) => dns(`dev-${index}.plant.example`))
    : Array.from({ length: count }, () => (random.oneIn(2) ? likelySan : random.pick(sans))(random));
  const all = names.length === 0 && !random.oneIn(20) ? [] : [extension(oids.subjectAltName, der.sequence(...names), random.oneIn(4))];
  if (random.oneIn(6)) all.push(random.pick(extensions)(random));
  if (random.oneIn(40)) all.push(random.pick(all.length === 0 ? [extension('2.5.29.17', der.sequence())] : all));
  return all;
}

const guesses = ['', 'x', 'open-sesame', 'OPEN-SESAME-4711', '\0', '*', '%', "' or 1=1 --"];

/** The right one, one of another kind or place, none, or what someone might try. */
function challengeText(place: Pick<Place, 'challenge' | 'minted'>, random: Random): string | undefined {
  const { challenge, minted } = place;
  const right = minted.length > 0 && (challenge === undefined || random.oneIn(3)) ? random.pick(minted).text : challenge;
  if (right !== undefined && !random.oneIn(4)) return right;
  if (right === undefined || random.oneIn(3)) return random.oneIn(3) ? undefined : random.pick(guesses);
  return random.pick([
    `${right} `,
    ` ${right}`,
    right.slice(0, -1),
    `${right}\0`,
    right.toUpperCase(),
    `${right}${right}`,
    right.normalize('NFD').concat('\u0301'),
  ]);
}

function challengeElements(place: Pick<Place, 'challenge' | 'minted'>, random: Random): Element[] {
  const challenge = challengeText(place, random);
  if (challenge === undefined) return [];
  const isAscii = /^[\x20-\x7e]*$/.test(challenge);
  const plain = utf8(challenge);
  const value =
    isAscii && random.oneIn(3)
      ? random.pick([der.ia5String(challenge), der.primitive(tag.printableString, text(challenge)), der.primitive(tag.bmpString, utf16(challenge))])
      : plain;
  const attribute = der.sequence(der.oid(oids.challengePassword), der.set(value));
  if (random.oneIn(40)) return [attribute, attribute];
  return random.oneIn(40) ? [der.sequence(der.oid(oids.challengePassword), der.set(value, utf8('another')))] : [attribute];
}

function utf16(string: string): Buffer {
  return Buffer.from(string, 'utf16le').swap16();
}

/** A request for `place`: rarely quite right, mostly wrong in one thing. Its own signature is right but for one in twenty. */
export function makeCsr(place: Pick<Place, 'challenge' | 'minted'>, key: PoolKey, random: Random, donors: readonly Seed[]): Buffer {
  const asked = requestedExtensions(random);
  const type = random.oneIn(8) ? oids.microsoftExtensionRequest : oids.extensionRequest;
  const attributes = challengeElements(place, random);
  if (asked.length > 0) attributes.push(der.sequence(der.oid(type), der.set(der.sequence(...asked))));
  if (random.oneIn(60)) attributes.push(der.sequence(der.oid(oids.extensionRequest), der.set(der.sequence(random.pick(extensions)(random)))));
  const subject = random.oneIn(2) ? (subjects[0] as (typeof subjects)[number]) : random.pick(subjects);
  const version = random.oneIn(30) ? random.below(4) : 0;
  const info = encode(der.sequence(der.integer(version), subject(random), key.publicKey.spki, der.setOf(attributes.map(encode), 0xa0)));
  const changed = random.oneIn(4) ? mutate(seedOf('info', info), random, donors) : info;
  return signed(changed, key, random);
}

/** RFC 4211 §5: a CertRequest with subject, key and extensions, rarely quite right. */
export function makeCertRequest(key: PoolKey, random: Random, donors: readonly Seed[]): Buffer {
  const asked = requestedExtensions(random);
  const subject = random.oneIn(2) ? (subjects[0] as (typeof subjects)[number]) : random.pick(subjects);
  const spki = new Cursor(key.publicKey.spki).content(tag.sequence);
  const template = der.sequence(der.explicit(5, subject(random)), der.primitive(0xa6, spki), asked.length === 0 ? undefined : der.constructed(0xa9, ...asked));
  const request = encode(der.sequence(der.integer(0), template));
  return random.oneIn(4) ? mutate(seedOf('certRequest', request), random, donors) : request;
}

const digests: readonly Digest[] = ['sha256', 'sha256', 'sha256', 'sha384', 'sha512', 'sha1'];

function signed(info: Buffer, key: PoolKey, random: Random): Buffer {
  const isPlain = key.publicKey.type === 'ed25519' || key.publicKey.type === 'other';
  const signer = isPlain ? createSigner(key.privateKey, key.publicKey) : createSigner(key.privateKey, key.publicKey, random.pick(digests));
  const signature = signer.sign(info);
  if (random.oneIn(20)) signature[signature.length - 1] = (signature[signature.length - 1] as number) ^ 1;
  return encode(der.sequence(info, algorithmIdentifier(signer.algorithm), der.bitString(signature)));
}
