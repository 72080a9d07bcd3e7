import t from 'tap';
import { Cursor, contextConstructed, contextPrimitive, type DerError, type DerFault, guarded, tag } from '../../../src/protocol/der/index.js';

const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex');

/** The fault with which `read` refuses the bytes, or undefined when it takes them all. */
function faultOf(hex: string, read: (cursor: Cursor) => unknown): DerFault | undefined {
  const result = guarded(() => {
    const cursor = new Cursor(bytes(hex));
    read(cursor);
    cursor.end();
  });
  return result.ok ? undefined : result.error.fault;
}

type Row = readonly [name: string, hex: string, fault: DerFault | undefined];

function table(test: Pick<typeof t, 'equal'>, rows: readonly Row[], read: (cursor: Cursor) => unknown): void {
  for (const [name, hex, fault] of rows) test.equal(faultOf(hex, read), fault, name);
}

t.test('CMP-022 refuses every length that is not the shortest definite one', async (t) => {
  const filled = (length: number) => '00'.repeat(length);
  table(
    t,
    [
      ['short form', '04 03 010203', undefined],
      ['127 octets, short form', `04 7f ${filled(127)}`, undefined],
      ['128 octets, one length octet', `04 81 80 ${filled(128)}`, undefined],
      ['256 octets, two length octets', `04 82 0100 ${filled(256)}`, undefined],
      ['non-minimal length: long form for 127', `04 81 7f ${filled(127)}`, 'bad-length'],
      ['non-minimal length: long form for 0', '04 81 00', 'bad-length'],
      ['non-minimal length: leading zero octet', `04 82 0080 ${filled(128)}`, 'bad-length'],
      ['non-minimal length: three octets for 256', `04 83 000100 ${filled(256)}`, 'bad-length'],
      ['indefinite length', '24 80 04 01 00 00 00', 'bad-length'],
      ['indefinite length, primitive', '04 80 00 00', 'bad-length'],
      ['2^32 - 1 length', '04 84 ffffffff', 'truncated'],
      ['2^31 length', '04 84 80000000', 'truncated'],
      ['five length octets', '04 85 0100000000', 'bad-length'],
      ['eight length octets', '04 88 ffffffffffffffff', 'bad-length'],
      ['reserved first length octet', '04 ff', 'bad-length'],
    ],
    (cursor) => cursor.element(),
  );
});

t.test('refuses what is cut off anywhere', async (t) => {
  const whole = bytes('30 0a 02 01 05 04 05 68656c6c6f');
  const read = (cursor: Cursor) => {
    const fields = cursor.sequence();
    fields.smallInteger();
    fields.octetString();
    fields.end();
  };
  t.equal(faultOf(whole.toString('hex'), read), undefined);
  for (let length = 0; length < whole.length; length += 1) t.equal(faultOf(whole.toString('hex', 0, length), read), 'truncated', `${length} octets`);
  table(t, [['an inner length that leaves its container', '30 05 04 04 010203 04', 'truncated']], (cursor) => cursor.sequence().octetString());
  table(
    t,
    [
      ['a length octet missing', '04 82 01', 'truncated'],
      ['the length missing', '04', 'truncated'],
    ],
    (cursor) => cursor.element(),
  );
});

t.test('refuses trailing bytes inside and outside', async (t) => {
  table(t, [['after the whole', '05 00 00', 'trailing']], (cursor) => cursor.null());
  const closed = (cursor: Cursor) => {
    const fields = cursor.sequence();
    fields.null();
    fields.end();
  };
  table(
    t,
    [
      ['inside a sequence', '30 04 05 00 05 00', 'trailing'],
      ['after a sequence', '30 02 05 00 05 00', 'trailing'],
    ],
    closed,
  );
});

t.test('refuses long tags and the reserved tag 0', async (t) => {
  table(
    t,
    [
      ['long tag', '1f 1f 00', 'bad-tag'],
      ['long context tag', 'bf 81 00 00', 'bad-tag'],
      ['long tag for a small number', '9f 01 00', 'bad-tag'],
      ['end of contents', '00 00', 'bad-tag'],
    ],
    (cursor) => cursor.element(),
  );
});

t.test('refuses another tag than the one expected', async (t) => {
  table(
    t,
    [
      ['universal for context', '30 00', 'bad-tag'],
      ['primitive for constructed', '80 00', 'bad-tag'],
      ['another number', 'a1 00', 'bad-tag'],
      ['application class', '60 00', 'bad-tag'],
      ['nothing', '', 'truncated'],
      ['the right one', 'a0 00', undefined],
    ],
    (cursor) => cursor.enter(contextConstructed(0)),
  );
  t.equal(contextPrimitive(3), 0x83);
  t.equal(new Cursor(bytes('30 00')).explicit(0), undefined, 'an absent optional is left alone');
});

t.test('reads INTEGER only when it is minimal', async (t) => {
  table(
    t,
    [
      ['empty INTEGER', '02 00', 'bad-value'],
      ['0', '02 01 00', undefined],
      ['-1', '02 01 ff', undefined],
      ['non-minimal 0', '02 02 0000', 'bad-value'],
      ['non-minimal 127', '02 02 007f', 'bad-value'],
      ['128', '02 02 0080', undefined],
      ['non-minimal -1', '02 02 ffff', 'bad-value'],
      ['non-minimal -128', '02 02 ff80', 'bad-value'],
      ['-129', '02 02 ff7f', undefined],
    ],
    (cursor) => cursor.integer(),
  );
  for (const [hex, value] of [
    ['02 01 7f', 127],
    ['02 01 80', -128],
    ['02 02 0080', 128],
    ['02 06 7fffffffffff', 0x7fffffffffff],
    ['02 06 800000000000', -0x800000000000],
  ] as const) {
    t.equal(new Cursor(bytes(hex)).smallInteger(), value);
  }
  table(t, [['CMP-212 an INTEGER too large for a small number', '02 07 01000000000000', 'bad-value']], (cursor) => cursor.smallInteger());
  t.equal(new Cursor(bytes('0a 01 02')).smallInteger(tag.enumerated), 2, 'ENUMERATED');
});

t.test('reads OBJECT IDENTIFIER only when every arc is minimal and ended', async (t) => {
  table(
    t,
    [
      ['empty', '06 00', 'bad-value'],
      ['leading 0x80 in the first arc', '06 02 8001', 'bad-value'],
      ['leading 0x80 in a later arc', '06 04 2a 80 86 48', 'bad-value'],
      ['unterminated', '06 03 2a 86 c8', 'bad-value'],
      ['longer than 64 octets', `06 41 ${'01'.repeat(65)}`, 'bad-value'],
      ['64 octets', `06 40 ${'01'.repeat(64)}`, undefined],
      ['one arc of 63 octets', `06 40 2a ${'ff'.repeat(62)}7f`, undefined],
    ],
    (cursor) => cursor.oid(),
  );
  for (const [hex, text] of [
    ['06 01 27', '0.39'],
    ['06 01 28', '1.0'],
    ['06 01 4f', '1.39'],
    ['06 01 50', '2.0'],
    ['06 02 8837', '2.999'],
    ['06 03 2a 03 04', '1.2.3.4'],
    ['06 09 2a864886f70d01010b', '1.2.840.113549.1.1.11'],
    ['06 0a 69 ffffffffffffffff7f', '2.25.9223372036854775807'],
    ['06 0a 69 ffffffffffffffffff', undefined],
  ] as const) {
    const read = guarded(() => new Cursor(bytes(hex)).oid());
    t.equal(read.ok ? read.value : undefined, text, hex);
  }
});

t.test('reads BIT STRING only with true padding', async (t) => {
  table(
    t,
    [
      ['no octet', '03 00', 'bad-value'],
      ['empty', '03 01 00', undefined],
      ['empty with unused bits', '03 01 01', 'bad-value'],
      ['eight unused bits', '03 02 08 00', 'bad-value'],
      ['one unused bit, zero', '03 02 01 fe', undefined],
      ['one unused bit, set', '03 02 01 ff', 'bad-value'],
      ['seven unused bits', '03 02 07 80', undefined],
    ],
    (cursor) => cursor.bitString(),
  );
  table(t, [['whole octets demanded', '03 02 01 fe', 'bad-value']], (cursor) => cursor.bitStringOctets());
});

t.test('reads BOOLEAN and NULL only in their one form', async (t) => {
  table(
    t,
    [
      ['FALSE', '01 01 00', undefined],
      ['TRUE', '01 01 ff', undefined],
      ['BER TRUE', '01 01 01', 'bad-value'],
      ['empty', '01 00', 'bad-value'],
      ['two octets', '01 02 ff ff', 'bad-value'],
    ],
    (cursor) => cursor.boolean(),
  );
  table(
    t,
    [
      ['NULL', '05 00', undefined],
      ['NULL with content', '05 01 00', 'bad-value'],
    ],
    (cursor) => cursor.null(),
  );
});

t.test('CMP-031 reads GeneralizedTime only as YYYYMMDDHHMMSSZ', async (t) => {
  const time = (text: string, type = '18') => `${type}${Buffer.of(text.length).toString('hex')}${Buffer.from(text, 'latin1').toString('hex')}`;
  const refused = [
    '20240101000000.5Z',
    '20240101000000.0Z',
    '20240101000000+0100',
    '20240101000000',
    '202401010000Z',
    '2024010100Z',
    '20240230000000Z',
    '20230229000000Z',
    '20241301000000Z',
    '20240100000000Z',
    '20240101240000Z',
    '20240101006000Z',
    '20240101000060Z',
    '2024010100000 Z',
    '-0240101000000Z',
    '20240101000000z',
  ];
  for (const text of refused)
    t.equal(
      faultOf(time(text), (cursor) => cursor.generalizedTime()),
      'bad-value',
      text,
    );
  t.equal(
    faultOf('1800', (cursor) => cursor.generalizedTime()),
    'bad-value',
    'empty',
  );
  const read = (text: string, type?: string) => new Cursor(bytes(time(text, type))).time().toISOString();
  t.equal(read('20240229235959Z'), '2024-02-29T23:59:59.000Z');
  t.equal(read('00010101000000Z'), '0001-01-01T00:00:00.000Z');
  t.equal(read('99991231235959Z'), '9999-12-31T23:59:59.000Z');
  t.equal(read('491231235959Z', '17'), '2049-12-31T23:59:59.000Z', 'UTCTime 49 is 2049');
  t.equal(read('500101000000Z', '17'), '1950-01-01T00:00:00.000Z', 'UTCTime 50 is 1950');
  for (const text of ['4912312359Z', '491231235959+0000', '20491231235959Z', '490231000000Z', '']) {
    t.equal(
      faultOf(time(text, '17'), (cursor) => cursor.time()),
      'bad-value',
      `UTCTime ${text}`,
    );
  }
});

t.test('AB-25 reads character strings as text, and none that is broken', async (t) => {
  const text = (hex: string) => new Cursor(bytes(hex)).text();
  t.equal(text('0c 03 e282ac'), '€');
  t.equal(text('0c 04 efbbbf41'), '\ufeffA', 'a byte order mark is a character like others');
  t.equal(text('1e 04 00410042'), 'AB');
  t.equal(text('1e 04 d83ddd11'), '🔑');
  t.equal(text('1c 04 0001f511'), '🔑');
  t.equal(text('14 01 e9'), 'é', 'T61 as Latin-1');
  t.equal(text('13 02 4142'), 'AB');
  table(
    t,
    [
      ['overlong UTF-8', '0c 02 c080', 'bad-value'],
      ['surrogate in UTF-8', '0c 03 eda080', 'bad-value'],
      ['cut UTF-8', '0c 01 e2', 'bad-value'],
      ['odd BMPString', '1e 03 004100', 'bad-value'],
      ['lone surrogate in BMPString', '1e 02 d83d', 'bad-value'],
      ['UniversalString of three octets', '1c 03 000041', 'bad-value'],
      ['UniversalString past Unicode', '1c 04 00110000', 'bad-value'],
      ['surrogate in UniversalString', '1c 04 0000d800', 'bad-value'],
      ['no character string', '04 01 41', 'bad-tag'],
      ['nothing', '', 'truncated'],
    ],
    (cursor) => cursor.text(),
  );
});

t.test('tells what was wrong and where', async (t) => {
  const result = guarded(() => {
    const fields = new Cursor(bytes('30 05 05 00 02 01 05')).sequence();
    fields.null();
    return fields.octetString();
  });
  const error = (result as { error: DerError }).error;
  t.equal(error.fault, 'bad-tag');
  t.equal(error.offset, 4);
  t.equal(error.message, 'An element has another tag than its place requires. Expected 0x4, found 0x2. (at byte 4)');
  t.throws(() => guarded(() => JSON.parse('{')), SyntaxError, 'a bug is no DerError and passes through');
});

t.test('gives back what it did not read', async (t) => {
  const cursor = new Cursor(bytes('05 00 02 01 05 04 00'));
  cursor.skip();
  t.same(cursor.elementOf(tag.integer), bytes('02 01 05'));
  t.equal(cursor.position, 5);
  t.same(cursor.rest(), bytes('04 00'));
  t.equal(cursor.isEmpty, true);
  t.equal(cursor.peekTag(), -1);
  t.same(
    new Cursor(bytes('30 06 02 01 01 02 01 02')).sequence().each((item) => item.smallInteger()),
    [1, 2],
  );
});
