import * as asn1js from 'asn1js';
import fc from 'fast-check';
import t from 'tap';
import { Cursor, certificateTime, cmpLimits, decode, der, type Element, encode, generalizedTime, isOid, oids, tag } from '../../../src/protocol/der/index.js';

/** Two's complement content octets of any integer, the slow and plain way. */
function contentOfBigInt(value: bigint): Buffer {
  let octets = 1;
  while (value < -(1n << BigInt(8 * octets - 1)) || value >= 1n << BigInt(8 * octets - 1)) octets += 1;
  return Buffer.from(
    BigInt.asUintN(8 * octets, value)
      .toString(16)
      .padStart(2 * octets, '0'),
    'hex',
  );
}

const numRuns = 300;

t.test('writes every safe integer as BigInt arithmetic says', async (t) => {
  const edges = [
    0,
    1,
    -1,
    127,
    128,
    -128,
    -129,
    255,
    256,
    32767,
    32768,
    -32768,
    -32769,
    2 ** 31,
    -(2 ** 31),
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ];
  for (const value of edges) t.same(der.integer(value).subarray(2), contentOfBigInt(BigInt(value)), `${value}`);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) =>
      der
        .integer(value)
        .subarray(2)
        .equals(contentOfBigInt(BigInt(value))),
    ),
    { numRuns },
  );
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 47), max: 2 ** 47 - 1 }), (value) => new Cursor(der.integer(value)).smallInteger() === value),
    { numRuns },
  );
  for (const wrong of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) t.throws(() => der.integer(wrong), RangeError);
});

t.test('writes magnitudes as positive INTEGERs', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (magnitude) => {
      const element = der.unsignedInteger(Buffer.from(magnitude));
      const content = new Cursor(element).integer();
      return BigInt(`0x0${content.toString('hex')}`) === BigInt(`0x0${Buffer.from(magnitude).toString('hex')}`) && (content[0] as number) < 0x80;
    }),
    { numRuns },
  );
  t.same(der.unsignedInteger(Buffer.alloc(0)), Buffer.from('020100', 'hex'));
});

t.test('sorts a SET OF by its encodings (X.690 section 11.6)', async (t) => {
  const parts = [der.integer(300), der.integer(2), der.nullValue(), der.integer(1), der.sequence(der.integer(1))];
  t.equal(encode(der.setOf(parts)).toString('hex'), '3111' + '020101' + '020102' + '0202012c' + '0500' + '3003020101');
  fc.assert(
    fc.property(fc.shuffledSubarray([1, 2, 3, 200, 300, 70000], { minLength: 6 }), (values) =>
      encode(der.setOf(values.map((value) => der.integer(value)))).equals(encode(der.setOf([1, 2, 3, 200, 300, 70000].map((value) => der.integer(value))))),
    ),
    { numRuns: 50 },
  );
});

t.test('writes named bits without trailing zeros (X.690 section 11.2.2)', async (t) => {
  for (const [bits, hex] of [
    [[], '030100'],
    [[0], '03020780'],
    [[5, 6], '03020106'],
    [[0, 2], '030205a0'],
    [[7], '03020001'],
    [[8], '0303070080'],
    [[26], '03050500000020'],
  ] as const) {
    t.equal(der.namedBits(bits).toString('hex'), hex);
    const { bytes } = new Cursor(der.namedBits(bits)).bitString();
    t.same(
      Array.from({ length: bytes.length * 8 }, (_, bit) => bit).filter((bit) => ((bytes[bit >> 3] as number) & (0x80 >> (bit & 7))) !== 0),
      bits,
    );
  }
});

t.test('writes object identifiers that read back, and refuses others', async (t) => {
  for (const dotted of Object.values(oids)) t.equal(new Cursor(der.oid(dotted)).oid(), dotted);
  t.equal(new Set(Object.values(oids)).size, Object.values(oids).length, 'no object identifier stands twice');
  const arc = fc.bigInt({ min: 0n, max: 1n << 70n });
  const dotted = fc
    .tuple(fc.constantFrom(0n, 1n, 2n), arc, fc.array(arc, { maxLength: 5 }))
    .map(([first, second, rest]) => [first, first < 2n ? second % 40n : second, ...rest].join('.'));
  fc.assert(
    fc.property(
      dotted,
      (text) =>
        isOid(text) && new Cursor(der.oid(text)).oid() === text && (text.split('.').some((part) => part.length > 9) || asn1Text(der.oid(text)).includes(text)),
    ),
    { numRuns },
  );
  for (const text of ['', '1', '3.1', '1.40', '0.40', '9.99999', '1.2.', '.1.2', '1..2', '1.02', '1.2.-3', '1.2.x', `1.2${'.1'.repeat(64)}`]) {
    t.equal(isOid(text), false, text);
    t.throws(() => der.oid(text), RangeError);
  }
});

function asn1Text(bytes: Buffer): string {
  return asn1js.fromBER(new Uint8Array(bytes)).result.toString();
}

t.test('refuses characters that would become others', async (t) => {
  t.throws(() => der.ia5String('\u0142'), RangeError);
  t.throws(() => der.printableString('\u0142'), RangeError);
  t.same(der.utf8String('\u0142'), Buffer.from('0c02c582', 'hex'));
});

t.test('writes times of certificates as RFC 5280 section 4.1.2.5 says', async (t) => {
  const hex = (iso: string) => certificateTime(new Date(iso)).toString('latin1').slice(2);
  t.equal(hex('2049-12-31T23:59:59Z'), '491231235959Z');
  t.equal(hex('2050-01-01T00:00:00Z'), '20500101000000Z');
  t.equal(hex('1950-01-01T00:00:00Z'), '500101000000Z');
  t.equal(hex('1949-12-31T23:59:59Z'), '19491231235959Z');
  t.throws(() => generalizedTime(new Date('+010000-01-01T00:00:00Z')), RangeError);
  t.throws(() => generalizedTime(new Date(Number.NaN)), RangeError);
  fc.assert(
    fc.property(fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
      const seconds = Math.floor(date.getTime() / 1000) * 1000;
      return new Cursor(certificateTime(date)).time().getTime() === seconds && new Cursor(generalizedTime(date)).generalizedTime().getTime() === seconds;
    }),
    { numRuns },
  );
});

/** Trees of every kind of element the writer makes. */
const leaf: fc.Arbitrary<Element> = fc.oneof(
  fc.maxSafeInteger().map((value) => der.integer(value)),
  fc.uint8Array({ maxLength: 300 }).map((octets) => der.octetString(octets)),
  fc.uint8Array({ maxLength: 20 }).map((octets) => der.bitString(octets)),
  fc.array(fc.nat(40), { maxLength: 5 }).map((bits) => der.namedBits(bits)),
  fc.boolean().map((value) => der.boolean(value)),
  fc.constant(der.nullValue()),
  fc.constantFrom(...Object.values(oids)).map((oid) => der.oid(oid)),
  fc.string({ unit: 'grapheme' }).map((text) => der.utf8String(text)),
  fc.uint8Array({ maxLength: 5 }).map((octets) => der.implicitPrimitive(3, octets)),
);
const { tree } = fc.letrec<{ tree: Element; inner: Element }>((tie) => ({
  tree: fc.oneof({ maxDepth: 6 }, leaf, tie('inner')),
  inner: fc.tuple(fc.constantFrom('sequence', 'set', 'explicit', 'octets'), fc.array(tie('tree'), { maxLength: 5 })).map(([kind, parts]) => {
    if (kind === 'set') return der.setOf(parts);
    if (kind === 'explicit') return der.explicit(2, ...parts);
    return kind === 'octets' ? der.octetStringOf(der.sequence(...parts)) : der.sequence(...parts);
  }),
}));

/** Reads any element with the cursor and writes it again. */
function rewritten(cursor: Cursor): Element {
  const type = cursor.peekTag();
  if ((type & 0x20) === 0) return der.primitive(type, cursor.content(type));
  return der.constructed(type, ...cursor.enter(type).each(rewritten));
}

t.test('every tree that is written reads again and writes the same', async (t) => {
  fc.assert(
    fc.property(tree, (element) => {
      const bytes = encode(element);
      const read = decode(bytes, cmpLimits, rewritten);
      const other = asn1js.fromBER(new Uint8Array(bytes));
      return read.ok && encode(read.value).equals(bytes) && other.offset === bytes.length;
    }),
    { numRuns },
  );
  const under = encode(der.implicit(1, der.sequence(der.integer(1))));
  t.equal(under.toString('hex'), 'a103020101');
  t.equal(der.retagged(0xa2, under).toString('hex'), 'a203020101');
  t.equal(under.toString('hex'), 'a103020101', 'retagged copies');
  t.equal(encode(der.sequence(undefined, der.boolean(false), undefined)).toString('hex'), '3003010100', 'absent parts are left out');
  t.equal(tag.sequence, 0x30);
});

t.test('lays out long contents with the shortest length', async (t) => {
  for (const [length, header] of [
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65535, '0482ffff'],
    [65536, '0483010000'],
    [16777216, '048401000000'],
  ] as const) {
    const element = der.octetString(Buffer.alloc(length));
    t.equal(element.toString('hex', 0, header.length / 2), header);
    t.equal(element.length, header.length / 2 + length);
    t.same(encode(der.octetStringOf(Buffer.alloc(length))).subarray(0, header.length / 2), element.subarray(0, header.length / 2));
  }
});
