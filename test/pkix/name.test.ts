import fc from 'fast-check';
import t from 'tap';
import {
  buildName,
  buildRdns,
  canonicalName,
  commonNameOf,
  directoryName,
  dnsName,
  emptyName,
  type GeneralName,
  ipName,
  isSameName,
  type Name,
  nameFromText,
  nameToText,
  parseName,
  readGeneralName,
  readGeneralNames,
  uriName,
} from '../../src/pkix/index.js';
import { Cursor, contextPrimitive, type DerError, der, type Element, encode, guarded, oids, tag } from '../../src/protocol/der/index.js';

function named(text: string): Name {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

/** A name with one commonName of these content octets under this string type. */
function withValue(value: Element): Name {
  return parsed(encode(der.sequence(der.set(der.sequence(der.oid(oids.commonName), value)))));
}

function parsed(bytes: Buffer): Name {
  const name = parseName(bytes);
  if (!name.ok) throw name.error;
  return name.value;
}

const bmp = (text: string) => der.primitive(tag.bmpString, Buffer.from(text, 'utf16le').swap16());

t.test('shows names as RFC 4514 does, the last relative name first', async (t) => {
  for (const [text, shown] of [
    ['/C=DE/O=Gatehouse/CN=device-1', 'CN=device-1,O=Gatehouse,C=DE'],
    ['/CN=a, b', 'CN=a\\, b'],
    ['CN=\\#1', 'CN=\\#1'],
    ['CN=\\ ', 'CN=\\ '],
    ['CN=\\  ', 'CN=\\ '],
    ['CN=\\ a\\ ', 'CN=\\ a\\ '],
    ['CN=\\\\\\ ', 'CN=\\\\\\ '],
    ['CN=a\\"\\+\\;\\<\\>\\=', 'CN=a\\"\\+\\;\\<\\>\\='],
    ['CN=a\\0ab', 'CN=a\\0ab'],
    ['1.2.3.4=x', '1.2.3.4=x'],
    ['CN=#0403616263', 'CN=#0403616263'],
    ['', ''],
  ] as const) {
    t.equal(nameToText(named(text)), shown, text);
  }
  t.equal(
    nameToText(
      buildRdns([
        [
          [oids.commonName, 'a'],
          [oids.serialNumber, '1'],
        ],
      ]),
    ),
    'CN=a+serialNumber=1',
    'several attributes in one relative name',
  );
});

t.test('AB-25 control, direction and other hidden characters never reach a page or log raw', async (t) => {
  for (const [character, shown] of [
    ['\u0000', '\\00'],
    ['\n', '\\0a'],
    ['\u001b', '\\1b'],
    ['\u0085', '\\c2\\85'],
    ['\u00ad', '\\c2\\ad'],
    ['\u061c', '\\d8\\9c'],
    ['\u200b', '\\e2\\80\\8b'],
    ['\u200f', '\\e2\\80\\8f'],
    ['\u2028', '\\e2\\80\\a8'],
    ['\u202e', '\\e2\\80\\ae'],
    ['\u2066', '\\e2\\81\\a6'],
    ['\ufeff', '\\ef\\bb\\bf'],
    ['\u{e0041}', '\\f3\\a0\\81\\81'],
  ] as const) {
    t.equal(nameToText(buildName([[oids.commonName, `a${character}b`]])), `CN=a${shown}b`);
  }
});

t.test('AB-25 names compare by their text: case, space and string type do not count', async (t) => {
  const same = (left: Name, right: Name) => isSameName(left, right) && isSameName(right, left);
  const printable = withValue(der.printableString('Device One'));
  for (const [what, other] of [
    ['UTF8String', withValue(der.utf8String('Device One'))],
    ['BMPString', withValue(bmp('Device One'))],
    ['T61String', withValue(der.primitive(tag.teletexString, Buffer.from('Device One')))],
    ['case', withValue(der.utf8String('dEVICE oNE'))],
    ['space', withValue(der.utf8String('  Device   One '))],
    ['other spaces', withValue(der.utf8String('Device\u00a0\u2003One'))],
    ['compatible forms', withValue(der.utf8String('\uff24evice One'))],
  ] as const) {
    t.equal(same(printable, other), true, what);
  }
  t.equal(same(withValue(der.utf8String('é')), withValue(der.utf8String('e\u0301'))), true, 'composed and decomposed');
  t.equal(same(emptyName, named('')), true);
});

t.test('AB-25 names that differ in anything else are different', async (t) => {
  const base = named('/O=x/CN=a');
  for (const [what, other] of [
    ['order', named('/CN=a/O=x')],
    ['one relative name or two', named('/O=x+CN=a')],
    ['type', named('/O=x/OU=a')],
    ['one more', named('/O=x/CN=a/CN=a')],
    ['one less', named('/CN=a')],
    ['hidden character', named('/O=x/CN=a\u200b')],
    ['byte order mark', named('/O=x/CN=\ufeffa')],
    ['dotless i', named('/O=x/CN=\u0131')],
    ['empty', emptyName],
  ] as const) {
    t.equal(isSameName(base, other), false, what);
  }
  const forged = buildName([[oids.organizationName, `x\u0001${oids.commonName}=a`]]);
  t.equal(isSameName(base, forged), false, 'control characters end no attribute');
  const quoted = buildName([[oids.organizationName, `x"]],[["${oids.commonName}","a`]]);
  t.equal(isSameName(base, quoted), false, 'nor do quotes');
  const octets = withValue(der.octetString(Buffer.from('a')));
  t.equal(isSameName(octets, withValue(der.utf8String('#040161'))), false, 'a text is no encoding');
  t.equal(isSameName(octets, withValue(der.octetString(Buffer.from('a')))), true);
  t.equal(isSameName(named('/O=x+CN=a'), named('/CN=a+O=x')), true, 'a set has no order');
});

t.test('values that are no text are shown in hexadecimal, unambiguously', async (t) => {
  t.equal(nameToText(withValue(der.octetString(Buffer.from('a')))), 'CN=#040161');
  t.equal(nameToText(withValue(der.utf8String('#040161'))), 'CN=\\#040161');
  t.equal(nameToText(withValue(der.primitive(tag.utf8String, Buffer.from('c080', 'hex')))), 'CN=#0c02c080', 'broken UTF-8');
  t.equal(nameToText(withValue(der.primitive(tag.bmpString, Buffer.from('d83d', 'hex')))), 'CN=#1e02d83d', 'lone surrogate');
  t.equal(commonNameOf(withValue(bmp('Zürich'))), 'Zürich');
  t.equal(commonNameOf(emptyName), undefined);
});

t.test('refuses names that are no names', async (t) => {
  const fault = (element: Element) => {
    const name = parseName(encode(element));
    return name.ok ? undefined : name.error.fault;
  };
  const attribute = der.sequence(der.oid(oids.commonName), der.utf8String('a'));
  t.equal(fault(der.sequence(der.set(attribute))), undefined);
  t.equal(fault(der.sequence(der.set())), 'bad-value', 'an empty relative name');
  t.equal(fault(der.set(attribute)), 'bad-tag');
  t.equal(fault(der.sequence(attribute)), 'bad-tag');
  t.equal(fault(der.sequence(der.set(der.sequence(der.oid(oids.commonName))))), 'truncated', 'no value');
  t.equal(fault(der.sequence(der.set(der.sequence(der.oid(oids.commonName), der.utf8String('a'), der.nullValue())))), 'trailing');
  for (const text of ['CN', '=a', 'CN=a,b', 'XX=a', '9.9=a', '1.2.=a', '/CN=a+b', 'CN=#04', 'CN=#0401616', 'CN=\\ff']) {
    const name = nameFromText(text);
    t.match(name.ok ? '' : name.error, /is not a name attribute like CN=device-1/, text);
  }
});

t.test('writes the string types of RFC 5280 appendix A.1', async (t) => {
  const typeOf = (oid: string, text: string) => buildName([[oid, text]]).rdns[0]?.[0]?.value[0];
  t.equal(typeOf(oids.countryName, 'DE'), tag.printableString);
  t.equal(typeOf(oids.serialNumber, '4711'), tag.printableString);
  t.equal(typeOf(oids.dnQualifier, 'x'), tag.printableString);
  t.equal(typeOf(oids.serialNumber, 'a_b'), tag.utf8String, 'where PrintableString is too small');
  t.equal(typeOf(oids.emailAddress, 'a@b.c'), tag.ia5String);
  t.equal(typeOf(oids.emailAddress, '\u0142@b.c'), tag.utf8String, 'never another character for want of room');
  t.equal(typeOf(oids.commonName, 'a'), tag.utf8String);
});

t.test('any name reads back from its text and from its bytes', async (t) => {
  const type = fc.constantFrom(oids.commonName, oids.organizationName, oids.emailAddress, oids.countryName, oids.serialNumber, '1.2.3.4');
  const text = fc.string({
    unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom(' ', '\\', ',', '+', '#', '=', '/', '"', '\u202e', '\u0000')),
    maxLength: 8,
  });
  const rdn = fc.array(fc.tuple(type, text), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(rdn, { maxLength: 4 }), (rdns) => {
      const name = buildRdns(rdns);
      const shown = nameToText(name);
      const again = named(shown);
      return again.der.equals(name.der) && parsed(name.der).der.equals(name.der) && nameToText(again) === shown && canonicalName(again) === canonicalName(name);
    }),
    { numRuns: 500 },
  );
  t.equal(nameToText(named('CN= a ,  O = b ')), 'CN=a,O=b', 'space around is no part of the value');
});

function general(bytes: Element): GeneralName | string {
  const read = guarded(() => {
    const cursor = new Cursor(encode(bytes));
    const name = readGeneralName(cursor);
    cursor.end();
    return name;
  });
  return read.ok ? read.value : (read.error as DerError).fault;
}

t.test('reads every kind of general name', async (t) => {
  const text = (bytes: Element) => {
    const name = general(bytes);
    return typeof name === 'string' ? name : `${name.type} ${name.text}`;
  };
  t.equal(text(dnsName('a.example').der), 'dns a.example');
  t.equal(text(uriName('https://a.example/x?y#z').der), 'uri https://a.example/x?y#z');
  t.equal(text(der.implicitPrimitive(1, Buffer.from('a@b.example'))), 'email a@b.example');
  t.equal(text(ipName('192.0.2.1').der), 'ip 192.0.2.1');
  t.equal(text(directoryName(named('/O=x/CN=a'))), 'directory CN=a,O=x');
  t.equal(text(der.implicitPrimitive(8, Buffer.of(0x2a, 3))), 'registeredId 2a03');
  t.equal(text(der.explicit(0, der.oid('1.2.3'), der.explicit(0, der.utf8String('u')))), 'other 06022a03a0030c0175');
  for (const [what, bytes, fault] of [
    ['IP of 5 octets', der.implicitPrimitive(7, Buffer.alloc(5)), 'bad-value'],
    ['IP and mask', der.implicitPrimitive(7, Buffer.alloc(8)), 'bad-value'],
    ['NUL in a host name', der.implicitPrimitive(2, Buffer.from('good.example\0.evil.example')), 'bad-value'],
    ['line break in a URI', der.implicitPrimitive(6, Buffer.from('http://a\r\nb')), 'bad-value'],
    ['Latin-1 in an e-mail address', der.implicitPrimitive(1, Buffer.of(0xe9)), 'bad-value'],
    ['[9]', der.implicitPrimitive(9, Buffer.alloc(1)), 'bad-tag'],
    ['constructed host name', der.explicit(2, der.ia5String('a')), 'bad-tag'],
    ['primitive directory name', der.implicitPrimitive(4, Buffer.alloc(0)), 'bad-tag'],
    ['two directory names', der.explicit(4, emptyName.der, emptyName.der), 'trailing'],
    ['universal type', der.ia5String('a'), 'bad-tag'],
    ['nothing', Buffer.alloc(0), 'bad-tag'],
  ] as const) {
    t.equal(general(bytes), fault, what);
  }
  const list = guarded(() => readGeneralNames(new Cursor(Buffer.from('3000', 'hex'))));
  t.equal(list.ok ? '' : list.error.fault, 'bad-value', 'GeneralNames is not empty');
  t.equal(contextPrimitive(7), 0x87);
});

t.test('addresses are written as they are read', async (t) => {
  for (const [text, read] of [
    ['::', '0:0:0:0:0:0:0:0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['2001:DB8::0007', '2001:db8:0:0:0:0:0:7'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.1', '0:0:0:0:0:ffff:c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['192.0.2.1', '192.0.2.1'],
  ] as const) {
    const name = ipName(text);
    t.equal(name.text, read, text);
    t.same(general(name.der), name);
  }
  for (const wrong of ['', '1.2.3', '1.2.3.256', 'fe80::1%eth0', 'a.example', ':::']) t.throws(() => ipName(wrong), RangeError);
  for (const wrong of ['b\u0142.example', 'a\nb', 'a\u0000']) t.throws(() => dnsName(wrong), RangeError);
  t.throws(() => uriName('http://\u202e'), RangeError);
});

t.test('SCEP-089 an otherName is an identifier and a value, or is refused: others could not read the certificate', async (t) => {
  const read = (hex: string) => guarded(() => readGeneralNames(new Cursor(Buffer.from(hex, 'hex'))));
  t.ok(read('3025a023060a2b060104018237140203a0150c1361646d696e40706c616e742e6578616d706c65').ok, 'the user principal name of Windows');
  t.notOk(read('3025a023060a2a060104018237140203a8150c1361646d696e40706c616e602e6578616d706c65').ok, 'its value under another tag');
  t.notOk(read('300ea00c060a2b060104018237140203').ok, 'no value');
  t.notOk(read('3014a012060a2b060104018237140203a00205000500').ok, 'something behind');
});
