import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type Capture,
  captureKinds,
  decodeCapture,
  decryptionKey,
  type Field,
  maxInputBytes,
  readInput,
  renderText,
  verdictOf,
} from '../../src/decode/index.js';
import { type AlgorithmIdentifier, buildName, createSigner, directoryName, extension, publicKeyOf, readGeneralName, signCsr } from '../../src/pkix/index.js';
import {
  algIdControl,
  algorithmsItem,
  buildCertRequest,
  caKeyUpdateInfoItem,
  certReqTemplateItem,
  crlReasonDetails,
  crlStatusItem,
  dhMacAlgorithm,
  encodeAgreeMac,
  encodePkiMessage,
  encodeSubsequentMessage,
  type InfoTypeAndValue,
  kemMacAlgorithm,
  listItem,
  type PkiBody,
  rootCaKeyUpdateItem,
  rsaKeyLenControl,
} from '../../src/protocol/cmp/index.js';
import { certificatesOnly, encodeEnvelopedData, encodePasswordEnvelopedData, encodeSignedData } from '../../src/protocol/cms/index.js';
import { Cursor, der, encode, oids } from '../../src/protocol/der/index.js';
import { messageTypes, requestAttributes } from '../../src/protocol/scep/index.js';
import { Secret } from '../../src/runtime/secret.js';
import { newAuthority } from '../endpoints/cmp/stage.js';
import { mutate, seedOf } from '../support/mutate.js';
import { seededRandom } from '../support/random.js';
import { type CaptureFixture, captures, fixtures, keyOf } from './captures.js';

const golden = join(import.meta.dirname, 'golden');
/** `UPDATE_GOLDEN=1 node --import tsx test/decode/decode.test.ts` writes them anew. */
const isUpdate = process.env.UPDATE_GOLDEN === '1';
if (isUpdate) mkdirSync(golden, { recursive: true });

const capture = (name: string): CaptureFixture => {
  const found = captures.find((item) => item.name === name);
  if (found === undefined) throw new Error(`There is no capture ${name}.`);
  return found;
};

const fieldsOf = ({ fields }: { readonly fields?: readonly Field[] }): Field[] => (fields ?? []).flatMap((item) => [item, ...fieldsOf(item)]);
const find = (from: Capture, name: string): Field | undefined => fieldsOf(from).find((item) => item.name === name);

/** What every output keeps to, whatever came in. */
function isSound(t: Test, decoded: Capture, what: string): void {
  const all = fieldsOf(decoded);
  const text = renderText(decoded, false);
  const isWrong =
    !captureKinds.includes(decoded.kind) ||
    all.length > 3_100 ||
    text.length > 700_000 ||
    all.some(({ name, value, note }) => [name, value, note ?? ''].some((part) => typeof part !== 'string' || part.length > 700)) ||
    /[\p{Cc}\p{Bidi_Control}]/u.test(text.replaceAll('\n', ''));
  if (isWrong) t.fail(`${what}: ${decoded.kind}, ${all.length} fields, ${text.length} characters`);
}

t.test('every capture reads as its golden file says', async (t) => {
  for (const { name, bytes, keys } of captures) {
    const decoded = await decodeCapture(bytes, keys);
    const text = renderText(decoded, false);
    isSound(t, decoded, name);
    const file = join(golden, `${name}.txt`);
    if (isUpdate) writeFileSync(file, text);
    t.equal(text, existsSync(file) ? readFileSync(file, 'utf8') : '', `${name} (UPDATE_GOLDEN=1 writes the golden files anew)`);
  }
  t.ok(captures.filter(({ name }) => name.startsWith('scep-')).length >= 6 && captures.filter(({ name }) => name.startsWith('cmp-')).length >= 25);
});

t.test('no challenge and no secret stands in any output, in no encoding', async (t) => {
  for (const { name, bytes, keys, secrets } of captures) {
    const output = JSON.stringify(await decodeCapture(bytes, keys));
    for (const secret of secrets) {
      for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').replace(/=+$/, '')]) {
        t.notOk(output.includes(form), `${name} shows a secret`);
      }
    }
  }
  t.ok(captures.some(({ secrets }) => secrets.length > 0));
});

t.test('verdicts follow the bytes', async (t) => {
  const request = capture('scep-strongswan-pkcsreq');
  const opened = await decodeCapture(request.bytes, request.keys);
  t.match(find(opened, 'signature'), { verdict: 'ok' });
  t.match(find(opened, 'proof of possession'), { verdict: 'ok' });
  t.match(find(opened, 'challengePassword'), { value: 'present, 13 characters' });
  t.not(verdictOf(opened), 'failed');

  await t.test('without a key the inner part stays closed', async (t) => {
    const closed = await decodeCapture(request.bytes);
    t.match(find(closed, 'messageData'), { value: 'encrypted', verdict: 'unknown' });
    t.equal(find(closed, 'challengePassword'), undefined);
    t.equal(verdictOf(closed), 'unknown');
  });

  await t.test('a key of somebody else says so, a wrong key behind the right name opens nothing', async (t) => {
    const stranger = await decodeCapture(request.bytes, { decryption: [keyOf('fuzz', 'ra')] });
    t.match(find(stranger, 'messageData'), { value: 'not encrypted for the certificate given', verdict: 'unknown' });
    const [ours] = request.keys.decryption ?? [];
    if (ours === undefined) throw new Error('there is a key');
    const mixed = { certificate: ours.certificate, unwrapper: keyOf('fuzz', 'ra').unwrapper };
    const wrong = find(await decodeCapture(request.bytes, { decryption: [mixed] }), 'messageData');
    t.match(wrong, { value: 'could not be decrypted, or is not what the messageType requires', verdict: 'failed' });
    t.equal(wrong?.fields, undefined, 'and not why: others may be asking');
  });

  await t.test('a changed byte breaks the signature of SCEP, the protection and the proof of CMP', async (t) => {
    const changed = Buffer.from(request.bytes);
    changed[changed.length - 9] = (changed[changed.length - 9] as number) ^ 1;
    const scep = await decodeCapture(changed);
    t.match(find(scep, 'signature'), { value: 'the signature is not valid', verdict: 'failed' });
    t.match(find(scep, 'as a request'), { verdict: 'failed', value: /badMessageCheck/ });

    const { bytes, keys } = capture('cmp-ir-pbm-default-ir');
    const at = bytes.indexOf('device-77', bytes.indexOf('device-77', bytes.indexOf('device-77') + 1) + 1);
    const other = Buffer.from(bytes);
    other[at] = 0x44;
    const cmp = await decodeCapture(other, keys);
    t.match(find(cmp, 'protection'), { verdict: 'failed', note: /badMessageCheck/ });
    t.match(find(cmp, 'popo'), { verdict: 'failed' });
  });

  await t.test('a MAC needs the secret, and a wrong one is wrong', async (t) => {
    const { bytes } = capture('cmp-ir-pbm-default-ir');
    t.match(find(await decodeCapture(bytes), 'protection'), { verdict: 'unknown', note: 'needs the secret' });
    t.match(find(await decodeCapture(bytes, { secret: new Secret('no') }), 'protection'), { verdict: 'failed' });
  });

  await t.test('a MAC beyond bounds is refused before it is computed', async (t) => {
    const { bytes, keys } = capture('cmp-ir-pbm-default-ir');
    const count = bytes.indexOf(Buffer.from('020201f4', 'hex'));
    const costly = Buffer.from(bytes);
    costly.writeUInt16BE(0x0005, count + 2);
    const minimal = Buffer.from(costly.subarray(count, count + 4));
    t.equal(minimal.toString('hex'), '02020005');
    t.match(find(await decodeCapture(costly, keys), 'protectionAlg'), { verdict: 'failed' }, 'not minimal: no parameters at all');
    costly.writeUInt16BE(0x0ff, count + 2);
    t.match(find(await decodeCapture(costly, keys), 'protectionAlg'), { verdict: 'ok' });
    costly.writeInt16BE(-500, count + 2);
    t.match(find(await decodeCapture(costly, keys), 'protectionAlg'), { verdict: 'failed', note: 'refused: iterationCount -500' });
    t.match(find(await decodeCapture(costly, keys), 'protection'), { verdict: 'failed', note: /badAlg before anything is computed/ });
  });
});

t.test('the signer of a CMP message is the certificate that senderKID names, wherever it stands in extraCerts', async (t) => {
  const decoded = await decodeCapture(readFileSync(join(fixtures, 'fuzz/kur-signer-second.bin')));
  t.match(find(decoded, 'protection'), { value: 'signature, verified with the key of extraCerts[1], EC-P-256', verdict: 'ok' });
  const told = fieldsOf(decoded).filter(({ value }) => value.includes('extraCerts[1]'));
  t.same(
    told.map(({ name, verdict }) => [name, verdict]),
    [
      ['protection', 'ok'],
      ['sender', 'ok'],
      ['senderKID', 'ok'],
    ],
  );
});

t.test('BER is named, and read like DER', async (t) => {
  const { bytes, keys } = capture('scep-strongswan-pkcsreq');
  const indefinite = Buffer.concat([Buffer.from([0x30, 0x80]), bytes.subarray(4), Buffer.alloc(2)]);
  const decoded = await decodeCapture(indefinite, keys);
  t.match(find(decoded, 'size'), { value: `${indefinite.length} bytes of BER` });
  t.match(find(decoded, 'signature'), { verdict: 'ok' });
});

t.test('malformed messages say where and why, and show what came before', async (t) => {
  const { bytes } = capture('cmp-kur-signed-kur');
  const cut = await decodeCapture(bytes.subarray(0, 900));
  t.equal(cut.kind, 'cmp');
  t.match(find(cut, 'cut off'), { value: 'after byte 900', note: '27 bytes are missing' });
  t.match(find(cut, 'sender'), { value: 'CN=dev-1' });
  t.match(find(cut, 'popo'), { verdict: 'ok' });
  const scep = capture('scep-strongswan-pkcsreq').bytes;
  const late = await decodeCapture(scep.subarray(0, scep.length - 100));
  t.equal(late.kind, 'scep');
  t.match(find(late, 'contentEncryptionAlgorithm'), { value: 'aes128-cbc' });
  t.match(find(late, 'certificates'), { value: 'those that could be read' });
  const spoiled = Buffer.from(bytes);
  spoiled[156] = 0x31;
  const odd = await decodeCapture(spoiled);
  t.match(find(odd, 'fault'), { verdict: 'failed', value: /^An element has another tag/, note: /of the body, which starts at byte 144/ });
  t.match(find(odd, 'protection'), { verdict: 'failed' }, 'what stands behind it is shown all the same');
  const noise = await decodeCapture(Buffer.from('hello, world'));
  t.equal(noise.kind, 'unknown');
  t.equal(verdictOf(noise), 'failed');
  const large = await decodeCapture(Buffer.alloc(maxInputBytes + 1, 0x30));
  t.match(find(large, 'size'), { verdict: 'failed' });
});

t.test('every truncation of a message is told as such', async (t) => {
  for (const name of ['scep-strongswan-certpoll', 'cmp-ir-pbm-default-ir', 'made-device.csr', 'made-list.crl']) {
    const { bytes, keys } = capture(name);
    let silent = 0;
    for (let length = 0; length < bytes.length; length += 1) {
      const decoded = await decodeCapture(bytes.subarray(0, length), keys);
      isSound(t, decoded, `${name} at ${length}`);
      if (verdictOf(decoded) !== 'failed') silent += 1;
    }
    t.equal(silent, 0, `${name}: none passes for whole`);
  }
});

t.test('mutants and noise never throw, and their output stays within bounds', async (t) => {
  const seeds = captures.map(({ name, bytes }) => seedOf(name, bytes));
  for (let index = 0; index < 1_000; index += 1) {
    const random = seededRandom(0x6765, index);
    const chosen = random.below(captures.length);
    const { keys } = captures[chosen] as CaptureFixture;
    const bytes = random.oneIn(10) ? random.bytes(random.below(600)) : mutate(seeds[chosen] as (typeof seeds)[number], random, seeds);
    isSound(t, await decodeCapture(bytes, keys), `mutant ${index}`);
  }
  const deep = Buffer.concat([Buffer.from('3080'.repeat(2_000), 'hex'), Buffer.alloc(4_000)]);
  const wide = Buffer.concat([Buffer.from([0x30, 0x83, 0x03, 0x0d, 0x40]), Buffer.alloc(200_000, Buffer.from([0x05, 0x00]))]);
  for (const bytes of [deep, wide, Buffer.alloc(maxInputBytes, 0x30), Buffer.alloc(maxInputBytes)]) isSound(t, await decodeCapture(bytes), 'large');
  t.ok(seeds.length > 40);
});

t.test('a challenge is hidden wherever a client or a mutation puts it', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = createSigner(privateKey, publicKeyOf(privateKey));
  const canary = 'cAnArY-0815';
  const subject = buildName([[oids.commonName, 'device']]);
  const amongExtensions = signCsr({ subject, extensions: [extension(oids.challengePassword, false, der.printableString(canary))] }, signer);
  const regular = signCsr({ subject, challengePassword: canary }, signer);
  const forms = [canary, Buffer.from(canary).toString('hex')];
  const hides = async (bytes: Buffer): Promise<boolean> => {
    const decoded = await decodeCapture(bytes);
    const output = JSON.stringify(decoded) + renderText(decoded, true);
    return forms.every((form) => !output.includes(form));
  };
  for (const bytes of [regular, amongExtensions]) {
    t.match(find(await decodeCapture(bytes), 'challengePassword'), { value: 'present, 11 characters' });
    t.ok(await hides(bytes));
    const donors = [seedOf('list', capture('made-list.crl').bytes)];
    let shown = 0;
    for (let index = 0; index < 800; index += 1) if (!(await hides(mutate(seedOf('csr', bytes), seededRandom(4711, index), donors)))) shown += 1;
    for (let length = 0; length < bytes.length; length += 1) if (!(await hides(bytes.subarray(0, length)))) shown += 1;
    t.equal(shown, 0);
  }
});

t.test('what came as text is read in every usual form', async (t) => {
  const { bytes } = capture('cmp-ir-pbm-default-ir');
  const base64 = bytes.toString('base64');
  const pem = `some text\n-----BEGIN CMP MESSAGE-----\n${base64.replace(/(.{64})/g, '$1\n')}\n-----END CMP MESSAGE-----\n`;
  const forms: Readonly<Record<string, string>> = {
    base64,
    base64url: bytes.toString('base64url'),
    'base64 in lines': base64.replace(/(.{76})/g, '$1\r\n'),
    PEM: pem,
    hexadecimal: bytes.toString('hex'),
    'hexadecimal with colons': (bytes.toString('hex').toUpperCase().match(/../g) ?? []).join(':'),
    'a query': `operation=PKIOperation&message=${encodeURIComponent(base64)}`,
    'a log line': `10.0.0.1 - - "GET /scep/x?operation=PKIOperation&message=${encodeURIComponent(base64)} HTTP/1.1" 200`,
    'a query encoded twice': `?message=${encodeURIComponent(encodeURIComponent(base64))}&operation=PKIOperation`,
  };
  for (const [name, text] of Object.entries(forms)) {
    const input = readInput(Buffer.from(text));
    t.ok(input.ok && input.value.bytes.equals(bytes), name);
  }
  t.ok(readInput(bytes).ok);
  const key = '-----BEGIN EC PRIVATE KEY-----\nMAAA\n-----END EC PRIVATE KEY-----';
  t.match(readInput(Buffer.from(key)), { ok: false, error: /private key/ });
  for (const text of ['', '  \n', 'not base64!', 'message=%zz', '-----BEGIN X-----', `${'='.repeat(500_000)}a`, 'a'.repeat(maxInputBytes + 1)]) {
    t.equal(readInput(Buffer.from(text)).ok, false, text.slice(0, 20));
  }
});

t.test('keys that cannot decrypt are refused in words', async (t) => {
  const [rsa] = capture('scep-strongswan-pkcsreq').keys.decryption ?? [];
  if (rsa === undefined) throw new Error('there is a key');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  t.match(decryptionKey(privateKey, rsa.certificate), { ok: false, error: /do not belong together/ });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  t.match(decryptionKey(ec.privateKey, rsa.certificate), { ok: false, error: /Only RSA/ });
});

t.test('the text has colours only where asked for, and control characters never', async (t) => {
  const hostile: Capture = { kind: 'cmp', fields: [{ name: 'freeText', value: 'a\u001b[31mb\u202ec\nd\u0000', verdict: 'ok', note: '\u009b' }] };
  t.equal(renderText(hostile, false), 'CMP PKIMessage (RFC 9810)\n  freeText: a\\u{1b}[31mb\\u{202e}c\\u{a}d\\u{0} [ok] - \\u{9b}\n');
  t.ok(renderText(hostile, true).includes('\u001b[32m[ok]\u001b[0m'));
});

t.test('envelopes of other kinds: for a challenge, with GCM as Go writes it, with a CRL inside', async (t) => {
  const [ra] = capture('scep-strongswan-pkcsreq').keys.decryption ?? [];
  const privateKey = createPrivateKey(readFileSync(join(fixtures, 'scep/ra.key.pem')));
  if (ra === undefined) throw new Error('there is a key');
  const { certificate } = ra;
  const publicKey = createPublicKey(privateKey);
  const sign = (content: Buffer, messageType: number): Buffer =>
    encodeSignedData({
      content,
      digest: 'sha256',
      signer: { certificate, privateKey },
      attributes: requestAttributes({ messageType, transactionId: 'T', senderNonce: Buffer.alloc(16, 1) }),
      certificates: [certificate.der],
    });

  const password = 'pAsSwOrD-0815';
  const forPassword = sign(
    encodePasswordEnvelopedData({ content: Buffer.from('x'), cipher: 'aes128-cbc', password: Buffer.from(password) }),
    messageTypes.CertRep,
  );
  const secret = await decodeCapture(forPassword);
  t.match(find(secret, 'PasswordRecipientInfo [0]'), { value: 'for who knows the challenge', fields: [{ value: 'pbkdf2' }] });
  t.notOk(JSON.stringify(secret).includes(password));

  const issuerAndSerial = encode(der.sequence(certificate.issuer.der, der.integerContent(certificate.serial)));
  const byTheBook = encodeEnvelopedData({ content: issuerAndSerial, cipher: 'aes128-gcm', recipient: certificate, publicKey });
  const asGo = Buffer.from(byTheBook);
  const parameters = asGo.indexOf(encode(der.oid(oids.aes128Gcm))) + encode(der.oid(oids.aes128Gcm)).length;
  t.equal(asGo[parameters], 0x30);
  asGo[parameters] = 0x10;
  for (const [envelope, isMended] of [
    [byTheBook, false],
    [asGo, true],
  ] as const) {
    const decoded = await decodeCapture(sign(envelope, messageTypes.GetCert), { decryption: [ra] });
    t.match(find(decoded, 'contentEncryptionAlgorithm'), { value: 'aes128-gcm' });
    t.match(find(decoded, 'messageData'), { value: 'IssuerAndSerialNumber' });
    t.equal(find(decoded, 'encoding') !== undefined, isMended);
  }

  const list = certificatesOnly([], [capture('made-list.crl').bytes]);
  const answer = sign(encodeEnvelopedData({ content: list, cipher: 'aes128-cbc', recipient: certificate, publicKey }), messageTypes.CertRep);
  const opened = await decodeCapture(answer, { decryption: [ra] });
  t.match(find(opened, 'crls'), { value: '1', fields: [{ value: 'CN=CA,O=Fuzz' }] });
  t.match(find(opened, 'pkiStatus'), { value: 'absent', verdict: 'failed' });
  t.match(find(opened, '01'), { value: /keyCompromise/ });
});

t.test('revocations and general messages of CMP are told field by field', async (t) => {
  const issuer = buildName([[oids.commonName, 'CA']]);
  const sender = readGeneralName(new Cursor(encode(directoryName(issuer))));
  const header = { pvno: 2, sender, recipient: sender, transactionID: Buffer.alloc(16, 1), senderNonce: Buffer.alloc(16, 2) };
  const told = async (body: PkiBody) => renderText(await decodeCapture(encodePkiMessage({ header, body })), false);
  const certDetails = { serialNumber: Buffer.of(0x12, 0x34), issuer };
  t.match(
    await told({ type: 'rr', details: [{ certDetails, crlEntryDetails: crlReasonDetails(6) }, { certDetails }] }),
    /RevDetails: certificateHold[\s\S]*1234[\s\S]*RevDetails: no reason given/,
  );
  t.match(
    await told({ type: 'rr', details: [{ certDetails, crlEntryDetails: encode(der.sequence(der.integer(1))) }] }),
    /crlEntryDetails: 5 bytes \[FAILED\] - badDataFormat/,
  );
  const refusedStatus = { status: 'rejection', failInfo: ['certRevoked'], statusString: ['Twice.'] } as const;
  const answer = await told({
    type: 'rp',
    content: { status: [{ status: 'accepted' }, refusedStatus], revCerts: [{ issuer: sender, serialNumber: Buffer.of(5) }] },
  });
  t.match(answer, /status: accepted[\s\S]*status: rejection[\s\S]*statusString: Twice\.[\s\S]*failInfo: certRevoked[\s\S]*serialNumber 05/);
  const certificate = newAuthority('Made CA').certificate.der;
  const crl = capture('made-list.crl').bytes;
  const items: readonly (readonly [InfoTypeAndValue, RegExp])[] = [
    [{ infoType: oids.caCerts }, /caCerts: without a value/],
    [listItem(oids.caCerts, [certificate]), /caCerts: 1[\s\S]*subject: CN=/],
    [{ infoType: oids.currentCRL, infoValue: crl }, /crls: 1[\s\S]*revokedCertificates/],
    [listItem(oids.crls, [crl]), /crls: 1/],
    [
      algorithmsItem(oids.signKeyPairTypes, [{ oid: oids.ecPublicKey, parameters: der.oid(oids.p256) }, { oid: oids.ed25519 }]),
      /signKeyPairTypes: ecPublicKey \(p256\), [Ee]d25519/,
    ],
    [{ infoType: oids.preferredSymmAlg, infoValue: encode(der.sequence(der.oid(oids.aes256Cbc))) }, /preferredSymmAlg: aes256Cbc/],
    [{ infoType: oids.keyPairParamReq, infoValue: der.oid(oids.rsaEncryption) }, /keyPairParamReq: rsaEncryption/],
    [listItem(oids.unsupportedOIDs, [der.oid('1.2.3.4')]), /unsupportedOIDs: 1\.2\.3\.4/],
    [listItem(oids.suppLangTags, [der.utf8String('en'), der.utf8String('de')]), /suppLangTags: en, de/],
    [{ infoType: oids.rootCaCert, infoValue: certificate }, /rootCaCert: CN=/],
    [rootCaKeyUpdateItem({ newWithNew: certificate, newWithOld: certificate }), /rootCaKeyUpdate:[\s\S]*newWithNew: CN=[\s\S]*newWithOld: CN=/],
    [caKeyUpdateInfoItem({ newWithNew: certificate, newWithOld: certificate, oldWithNew: certificate }), /caKeyUpdateInfo:[\s\S]*oldWithNew: CN=/],
    [
      certReqTemplateItem({ certTemplate: { subject: issuer }, keySpec: [rsaKeyLenControl(3072), algIdControl({ oid: oids.ed25519 })] }),
      /certTemplate: CN=CA[\s\S]*rsaKeyLen: 3072[\s\S]*algId: [Ee]d25519/,
    ],
    [
      crlStatusItem({ source: 'issuer', names: [sender], thisUpdate: new Date('2026-01-02T03:04:05Z') }),
      /CRLStatus: issuer[\s\S]*thisUpdate: 2026-01-02T03:04:05Z/,
    ],
    [{ infoType: oids.caCerts, infoValue: Buffer.from('0403010203', 'hex') }, /caCerts: 5 bytes \[FAILED\] - malformed/],
    [{ infoType: '1.2.3.4', infoValue: der.utf8String('perhaps a secret') }, /1\.2\.3\.4: 18 bytes, not shown/],
  ];
  for (const [item, expected] of items) {
    for (const type of ['genm', 'genp'] as const) t.match(await told({ type, items: [item] }), expected, `${type} ${item.infoType}`);
  }
});

t.test('CMP-080 CMP-081 CMP-110 MACs by agreed keys, and proofs that come later, are told as what they are', async (t) => {
  const sender = readGeneralName(new Cursor(encode(directoryName(buildName([[oids.commonName, 'device']])))));
  const { spki } = publicKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const certReq = buildCertRequest({ certReqId: 0, certTemplate: { subject: buildName([[oids.commonName, 'device']]), publicKey: spki } });
  const dh = dhMacAlgorithm({ owf: 'sha384', mac: 'sha256' });
  const agreed = encode(encodeAgreeMac({ algId: dh, value: Buffer.alloc(32) }));
  const told = async (privKey: Buffer, protectionAlg: AlgorithmIdentifier) => {
    const body: PkiBody = { type: 'ir', messages: [{ certReq, popo: { kind: 'keyAgreement', privKey } }] };
    const header = { pvno: 3, sender, recipient: sender, transactionID: Buffer.alloc(16), senderNonce: Buffer.alloc(16), protectionAlg };
    return renderText(await decodeCapture(encodePkiMessage({ header, body }, { header: { protectionAlg }, protect: () => Buffer.alloc(32) })), false);
  };
  const byDh = await told(agreed, dh);
  t.match(byDh, /protectionAlg: dhBasedMac[\s\S]*owf: SHA-384[\s\S]*mac: HMAC-SHA-256/);
  t.match(byDh, /popo: keyAgreement[^\n]*agreeMAC/);
  t.match(byDh, /protection: MAC of 32 bytes[^\n]*private key/);
  const byKem = await told(encode(encodeSubsequentMessage('challengeResp')), kemMacAlgorithm({ len: 32, mac: 'sha512', kemContext: Buffer.of(1) }));
  t.match(byKem, /protectionAlg: kemBasedMac[\s\S]*kdf: HKDF-SHA256[\s\S]*len: 32[\s\S]*mac: HMAC-SHA-512[\s\S]*kemContext: 1 byte/);
  t.match(byKem, /popo: keyAgreement[^\n]*challengeResp/);
  t.match(await told(agreed, { oid: oids.dhBasedMac }), /protectionAlg: dhBasedMac \[FAILED\] - refused/);
  t.match(await told(encode(der.octetString(Buffer.of(1))), dh), /popo: keyAgreement \[FAILED\] - a kind that is not served/);
});
