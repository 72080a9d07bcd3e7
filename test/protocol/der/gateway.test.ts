import * as asn1js from 'asn1js';
import fc from 'fast-check';
import t from 'tap';
import { berToDer } from '../../../src/protocol/der/ber.js';
import {
  Cursor,
  cmpLimits,
  DerError,
  type DerFault,
  decode,
  decodeBer,
  der,
  type Element,
  encode,
  type Limits,
  scepLimits,
  tag,
} from '../../../src/protocol/der/index.js';

const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const whole = (cursor: Cursor): Buffer => cursor.element();

function faultOf(message: Buffer, limits: Limits = scepLimits): DerFault | undefined {
  const result = decode(message, limits, whole);
  return result.ok ? undefined : result.error.fault;
}

/** `levels` constructed elements, one in the other. */
function nested(levels: number, innermost: Element = der.constructed(0x30)): Buffer {
  let element = innermost;
  for (let level = 1; level < levels; level += 1) element = der.sequence(element);
  return encode(element);
}

t.test('AB-17 CMP-212 one message may be so large, so deep, so many and no more', async (t) => {
  t.equal(faultOf(nested(32)), undefined, '32 levels');
  t.equal(faultOf(nested(32, der.sequence(der.integer(1)))), undefined, '32 levels and a primitive in the last');
  t.equal(faultOf(nested(33)), 'too-deep', '33 levels');
  t.equal(faultOf(nested(1000)), 'too-deep', '1000 levels');
  const many = (count: number) => encode(der.sequence(...Array.from({ length: count - 1 }, () => der.nullValue())));
  t.equal(faultOf(many(2000)), undefined, '2000 elements');
  t.equal(faultOf(many(2001)), 'too-many-nodes', '2001 elements');
  t.equal(faultOf(many(20_000), cmpLimits), undefined, '20000 elements for CMP');
  t.equal(faultOf(many(20_001), cmpLimits), 'too-many-nodes');
  const large = (size: number) => encode(der.octetString(Buffer.alloc(size - 5)));
  t.equal(faultOf(large(256 * 1024)), undefined, '256 kB');
  t.equal(faultOf(large(256 * 1024 + 1)), 'too-large', 'an octet more');
});

t.test('CMP-022 refuses whole messages that are not DER', async (t) => {
  for (const [name, hex, fault] of [
    ['nothing', '', 'truncated'],
    ['trailing bytes', '3000 00', 'trailing'],
    ['two messages', '3000 3000', 'trailing'],
    ['trailing bytes deep inside are another element', '3003 0500 05', 'truncated'],
    ['BER indefinite length', '3080 0000', 'bad-length'],
    ['constructed OCTET STRING', '2403 040161', 'bad-tag'],
    ['primitive SEQUENCE', '1000', 'bad-tag'],
    ['primitive SET', '1100', 'bad-tag'],
    ['constructed INTEGER', '2203 020101', 'bad-tag'],
    ['constructed NULL', '2500', 'bad-tag'],
    ['primitive CHARACTER STRING', '1d00', 'bad-tag'],
    ['end of contents', '3002 0000', 'bad-tag'],
    ['long tag', '3003 1f0100', 'bad-tag'],
    ['an element past its parent', '3003 0402 61', 'truncated'],
    ['any class, either form', '300c 4000 6000 8000 a000 c000 e000', undefined],
  ] as const) {
    t.equal(faultOf(bytes(hex)), fault, name);
  }
});

t.test('a reader that leaves something behind is refused; a reader with a bug is heard', async (t) => {
  const left = decode(bytes('3003 020101'), scepLimits, () => undefined);
  t.equal(left.ok ? undefined : left.error.fault, 'trailing');
  t.throws(
    () =>
      decode(bytes('3000'), scepLimits, () => {
        throw new TypeError('bug');
      }),
    TypeError,
  );
});

const berRows: readonly (readonly [name: string, ber: string, der: string | DerFault])[] = [
  ['DER stays DER', '3003 020101', '3003020101'],
  ['indefinite SEQUENCE', '3080 020101 0000', '3003020101'],
  ['indefinite in indefinite', '3080 3080 020101 0000 0000', '30053003020101'],
  ['definite in indefinite', '3080 3003 020101 0000', '30053003020101'],
  ['indefinite in definite', '3007 3080 020101 0000', '30053003020101'],
  ['indefinite and empty', '3080 0000', '3000'],
  ['long lengths', '30820003 02840000000101', 'truncated'],
  ['lengths with leading zeros', '30850000000007 02840000000101', '3003020101'],
  ['lengths of 7 octets', '3087 00000000000003 020101', 'bad-length'],
  ['OCTET STRING cut in two', '2407 040161 04026263', '0403616263'],
  ['OCTET STRING cut, indefinite', '2480 040161 04026263 0000', '0403616263'],
  ['OCTET STRING cut into nothing', '2480 0000', '0400'],
  ['OCTET STRING cut in cut segments', '2480 2480 040161 0000 2404 04026263 0000', '0403616263'],
  ['OCTET STRING with a segment of another type', '2480 040161 020101 0000', 'bad-tag'],
  ['OCTET STRING of a SEQUENCE', '2480 3003 020101 0000', 'bad-tag'],
  ['OCTET STRING of a context element', '2480 800161 0000', 'bad-tag'],
  ['UTF8String cut', '2c80 040161 040162 0000', '0c026162'],
  ['UTF8String cut into UTF8Strings', '2c80 0c0161 0000', 'bad-tag'],
  ['BIT STRING cut', '2380 030200ff 030204f0 0000', '030304fff0'],
  ['BIT STRING with unused bits too early', '2380 030204f0 030200ff 0000', 'bad-value'],
  ['BIT STRING segment without its first octet', '2380 0300 0000', 'bad-value'],
  ['BIT STRING cut into nothing', '2380 0000', '030100'],
  ['context element keeps its parts', 'a080 040161 040162 0000', 'a006040161040162'],
  ['no end of contents', '3080 020101', 'truncated'],
  ['half an end of contents', '3080 020101 00', 'truncated'],
  ['end of contents with a length', '3080 0001 61 0000', 'bad-tag'],
  ['end of contents in a definite element', '3080 3002 0000 0000', 'bad-tag'],
  ['end of contents at the top', '3080 0000 0000', 'trailing'],
  ['two ends of contents', '3007 3080 0000 0000 00', 'bad-tag'],
  ['indefinite primitive', '3080 0480 61 0000 0000', 'bad-length'],
  ['constructed INTEGER', '3080 2203 020101 0000', 'bad-tag'],
  ['constructed UTCTime', '3080 3780 0400 0000 0000', 'bad-tag'],
  ['primitive SEQUENCE', '3080 1000 0000', 'bad-tag'],
  ['long tag', '3080 1f1f00 0000', 'bad-tag'],
  ['an end of contents inside the last content octets is content', '3080 0402 0000 0000', '300404020000'],
  ['trailing bytes', '3080 0000 05', 'trailing'],
  ['a definite parent ends an indefinite child', '3008 3004 3080 0500 0000', 'truncated'],
];

t.test('SCEP-061 rewrites BER as DER, and refuses what is not BER either', async (t) => {
  for (const [name, ber, expected] of berRows) {
    const result = decodeBer(bytes(ber), scepLimits, whole);
    t.equal(result.ok ? result.value.toString('hex') : result.error.fault, expected, name);
  }
});

t.test('AB-17 bombs of BER are refused within the same limits', async (t) => {
  const fault = (message: Buffer) => {
    const result = decodeBer(message, scepLimits, whole);
    return result.ok ? undefined : result.error.fault;
  };
  const indefinite = (levels: number, inner = '') => bytes('3080'.repeat(levels) + inner + '0000'.repeat(levels));
  t.equal(fault(indefinite(32)), undefined, '32 levels');
  t.equal(fault(indefinite(32, '020101')), undefined, '32 levels and a primitive');
  t.equal(fault(indefinite(33)), 'too-deep');
  t.equal(fault(indefinite(60_000)), 'too-deep');
  t.equal(fault(bytes(`${'2480'.repeat(100_000)}`)), 'too-deep', 'only openings');
  t.equal(fault(bytes(`2480${'0400'.repeat(2000)}0000`)), 'too-many-nodes', 'an OCTET STRING in 2000 cuts');
  t.equal(fault(bytes(`3080${'3080'.repeat(30)}${'0500'.repeat(100_000)}`)), 'too-many-nodes');
  t.equal(fault(Buffer.concat([bytes('3080'), Buffer.alloc(256 * 1024)])), 'too-large');
  const heavy = Buffer.concat([bytes('2480'.repeat(31)), encode(der.octetString(Buffer.alloc(200_000))), bytes('0000'.repeat(31))]);
  const opened = decodeBer(heavy, scepLimits, (cursor) => cursor.octetString().length);
  t.equal(opened.ok && opened.value, 200_000, 'a large string in 31 wrappings is copied 31 times, not squared');
});

/** What asn1js read, as our DER: the independent judge of meaning. */
function asn1jsMeaning(block: asn1js.BaseBlock): string {
  const parts = (block.valueBlock as { value?: unknown }).value;
  const cut = block.idBlock.isConstructed && block.idBlock.tagClass === 1 && ![16, 17].includes(block.idBlock.tagNumber);
  if (cut) return `${block.idBlock.tagNumber}'${(parts as asn1js.BaseBlock[]).map((part) => asn1jsMeaning(part).split("'")[1]).join('')}`;
  if (block.idBlock.isConstructed) return `${block.idBlock.tagClass}.${block.idBlock.tagNumber}(${(parts as asn1js.BaseBlock[]).map(asn1jsMeaning).join(',')})`;
  const header = block.blockLength - block.valueBlock.blockLength;
  return `${block.idBlock.tagNumber}'${Buffer.from(block.valueBeforeDecodeView)
    .toString('hex')
    .slice(header * 2)}`;
}

function ourMeaning(cursor: Cursor): string {
  const type = cursor.peekTag();
  if ((type & 0x20) === 0) return `${type & 0x1f}'${cursor.content(type).toString('hex')}`;
  return `${[1, 2, 3, 4][type >> 6]}.${type & 0x1f}(${cursor.enter(type).each(ourMeaning).join(',')})`;
}

/** BER of random trees of SEQUENCEs, context elements and OCTET STRINGs, cut and indefinite at will. */
const octets = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((content) => der.octetString(content));
const { ber } = fc.letrec<{ ber: Buffer; cut: Buffer; group: Buffer }>((tie) => ({
  ber: fc.oneof({ maxDepth: 5 }, octets, fc.constant(bytes('020105')), fc.constant(bytes('0500')), tie('cut'), tie('group')),
  cut: fc
    .tuple(fc.boolean(), fc.array(fc.oneof({ maxDepth: 4 }, octets, tie('cut')), { minLength: 1, maxLength: 3 }))
    .map(([isIndefinite, parts]) => layOut(0x24, parts, isIndefinite)),
  group: fc
    .tuple(fc.constantFrom(0x30, 0x31, 0xa0), fc.boolean(), fc.array(tie('ber'), { maxLength: 4 }))
    .map(([type, isIndefinite, parts]) => layOut(type, parts, isIndefinite)),
}));

function layOut(type: number, parts: readonly Buffer[], isIndefinite: boolean): Buffer {
  if (isIndefinite) return Buffer.concat([Buffer.of(type, 0x80), ...parts, Buffer.of(0, 0)]);
  return encode(der.constructed(type, ...parts));
}

t.test('SCEP-061 BER means after rewriting what asn1js reads in it', async () => {
  fc.assert(
    fc.property(ber, (message) => {
      const other = asn1js.fromBER(new Uint8Array(message));
      const ours = ourMeaning(new Cursor(berToDer(message, cmpLimits)));
      return other.offset === message.length && asn1jsMeaning(other.result) === ours;
    }),
    { numRuns: 300 },
  );
});

t.test('CMP-022 whatever is accepted as DER, asn1js accepts with the same structure', async (t) => {
  const header = fc.constantFrom('30', '31', '02', '04', '05', '06', '0c', 'a0', '80', '24', '00', '1f', '01', '03', '17', '18');
  const noise = fc
    .array(
      fc.oneof(
        header,
        fc.constantFrom('00', '01', '02', '03', '04', '05', '80', '81', '82', 'ff'),
        fc.nat(255).map((n) => n.toString(16).padStart(2, '0')),
      ),
      { maxLength: 40 },
    )
    .map((parts) => bytes(parts.join('')));
  const touched = fc.tuple(ber, fc.nat(), fc.nat(255)).map(([message, at, octet]) => {
    const copy = Buffer.from(message);
    copy[at % copy.length] = octet;
    return copy;
  });
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof(noise, touched, ber), (message) => {
      const ours = decode(message, cmpLimits, structure);
      if (!ours.ok) return true;
      accepted += 1;
      const other = asn1js.fromBER(new Uint8Array(message));
      return other.offset === message.length && asn1jsStructure(other.result) === ours.value;
    }),
    { numRuns: 2000 },
  );
  t.ok(accepted > 50, 'the comparison had something to compare');
});

t.test('an OBJECT IDENTIFIER must end, also where nobody reads it (an attribute of a request, found by fuzzing)', (t) => {
  const attribute = bytes('3020 06092a864886f72d01091e 3113 3011 300f 0603551d11 060830068704c00012e2');
  t.equal(faultOf(attribute), 'bad-value');
  t.equal(faultOf(bytes('3002 0600')), 'bad-value');
  attribute[attribute.length - 1] = 0x62;
  t.equal(faultOf(attribute), undefined, 'with its last octet mended it is read');
  t.end();
});

/** Tags and lengths of a whole tree; values are read as well, since asn1js looks into them too. */
function structure(cursor: Cursor): string {
  const type = cursor.peekTag();
  if (type < 0x40 && (type & 0x20) !== 0 && type !== tag.sequence && type !== tag.set) throw new DerError('bad-tag', 0, 'Unknown to asn1js.');
  if ((type & 0x20) !== 0) return `${type & 0x1f}(${cursor.enter(type).each(structure).join(',')})`;
  const element = cursor.element();
  if (type < 0x40) readValue(type, new Cursor(element));
  return `${type & 0x1f}:${new Cursor(element).content(type).length}`;
}

function readValue(type: number, cursor: Cursor): unknown {
  switch (type) {
    case tag.boolean:
      return cursor.boolean();
    case tag.integer:
      return cursor.integer();
    case tag.bitString:
      return cursor.bitString();
    case tag.octetString:
      return cursor.octetString();
    case tag.null:
      return cursor.null();
    case tag.oid:
      return cursor.oid();
    case tag.utcTime:
    case tag.generalizedTime:
      return cursor.time();
    default:
      return cursor.text();
  }
}

function asn1jsStructure(block: asn1js.BaseBlock): string {
  if (!block.idBlock.isConstructed) return `${block.idBlock.tagNumber}:${block.lenBlock.length}`;
  return `${block.idBlock.tagNumber}(${((block.valueBlock as { value?: asn1js.BaseBlock[] }).value ?? []).map(asn1jsStructure).join(',')})`;
}
