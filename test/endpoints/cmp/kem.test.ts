import { generateKeyPairSync, randomBytes } from 'node:crypto';
import t from 'tap';
import { buildCertConf, buildMessage, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import {
  createMlDsaSigner,
  decapsulate,
  keyUsageExtension,
  parseCertificate,
  parsePublicKey,
  postQuantumPair,
  readAlgorithmIdentifier,
} from '../../../src/pkix/index.js';
import {
  certHash,
  encodePkiMessage,
  encodeSubsequentMessage,
  type KemMacParameters,
  kemMac,
  kemMacAlgorithm,
  kemMacKey,
  type PkiBody,
  type PkiHeader,
  readKemMacParameters,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, der, encode, oids } from '../../../src/protocol/der/index.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { ask, certReqMsg } from './asking.js';
import { asGeneralName, begin, certificateOf, gist, nonce, type ReadReply } from './requests.js';
import { certify, type Key, named, newDevice, newKey, openStage, type Stage } from './stage.js';

const { privateKey } = generateKeyPairSync('ed25519');

interface KemKey extends Key {
  readonly secretKey: Buffer;
}

function newKemKey(oid: string = oids.mlKem768): KemKey {
  const pair = postQuantumPair(oid, randomBytes(64));
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid)), der.bitString(pair.publicKey))));
  if (!key.ok) throw key.error;
  return { privateKey, signer: createMlDsaSigner(pair.secretKey, key.value), secretKey: pair.secretKey };
}

type Device = ReturnType<typeof newDevice> & { readonly key: KemKey };
const newKemDevice = (stage: Stage, key = newKemKey(), usage = keyUsageExtension(['keyEncipherment'])): Device => ({
  ...newDevice('device-77', stage.issuing, key, usage),
  key,
});

const open = (cmp: object = { kemBasedMac: true }): Stage =>
  openStage({ profile: { policy: policySchema.parse({ keys: { postQuantum: true }, cmp: { possession: { encryptedCertificate: true }, ...cmp } }) } });

/** The unprotected genm that asks for a cipher text. */
function question(device: { readonly certificate: Device['certificate'] }, transactionID: Buffer, items: PkiBody = kemItems()): Buffer {
  const sender = asGeneralName(device.certificate.subject);
  const header: PkiHeader = { pvno: 3, sender, recipient: asGeneralName(named('Stage RA')), transactionID, senderNonce: nonce() };
  return encodePkiMessage({ header, body: items, extraCerts: [device.certificate.der] });
}

const kemItems = (): PkiBody => ({ type: 'genm', items: [{ infoType: oids.kemCiphertextInfo }] });
const hmac: KemMacParameters = { len: 32, mac: 'sha256' };

function ciphertextIn({ body }: ReadReply): { readonly kem: string; readonly ct: Buffer } {
  const item = body.type === 'genp' ? body.items[0] : undefined;
  const fields = new Cursor(item?.infoValue ?? Buffer.alloc(0)).sequence();
  return { kem: readAlgorithmIdentifier(fields).oid, ct: fields.octetString() };
}

/** Asks for a cipher text and protects what follows by it. */
async function beginByKem(stage: Stage, device: Device, parameters = hmac, transactionID = randomBytes(16)): Promise<CmpTransaction> {
  const { kem, ct } = ciphertextIn(await ask(stage, question(device, transactionID)));
  return byKem(device, decapsulate(kem, device.key.secretKey, ct), transactionID, parameters);
}

async function byKem(device: Device, sharedSecret: Buffer, transactionID: Buffer, parameters = hmac): Promise<CmpTransaction> {
  const key = kemMacKey(sharedSecret, transactionID, parameters);
  const transaction = await begin(certificateOf(device), transactionID);
  const header = { protectionAlg: kemMacAlgorithm(parameters), senderKID: device.certificate.publicKey.keyIdentifier };
  return { ...transaction, protector: { header, protect: (part) => kemMac(key, parameters, part) } };
}

const renewalFor = (key: Key): PkiBody => {
  const popo = { kind: 'keyEncipherment', privKey: encode(encodeSubsequentMessage('encrCert')) } as const;
  return { type: 'kur', messages: [certReqMsg(key, { popo })] };
};
const ir = (): PkiBody => ({ type: 'ir', messages: [certReqMsg(newKey())] });

t.test('CMP-081 ssk = HKDF(ss, len, KemOtherInfo), for its transaction and context only', async (t) => {
  const [sharedSecret, transactionID] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
  // KemOtherInfo by hand: SEQUENCE { SEQUENCE { UTF8String "CMP-KEM" }, OCTET STRING, [0] OCTET STRING }
  const info = (context: string) => Buffer.from(`30${context === '' ? '1d' : '22'}30090c07434d502d4b454d0410${'02'.repeat(16)}${context}`, 'hex');
  const { hkdfSync } = await import('node:crypto');
  const expected = (context: string, len: number) => Buffer.from(hkdfSync('sha256', sharedSecret, Buffer.alloc(0), info(context), len));
  t.same(kemMacKey(sharedSecret, transactionID, hmac), expected('', 32));
  t.same(kemMacKey(sharedSecret, transactionID, { ...hmac, len: 48, kemContext: Buffer.of(7) }), expected('a003040107', 48));
  const written = kemMacAlgorithm({ kemContext: Buffer.of(7), len: 48, mac: 'sha384' });
  t.equal(written.oid, '1.2.840.113533.7.66.16');
  t.same(readKemMacParameters(written), { ok: true, value: { kemContext: Buffer.of(7), len: 48, mac: 'sha384' } });
  const raw = (kdf: string, len: number, mac: string) =>
    readKemMacParameters({
      oid: oids.kemBasedMac,
      parameters: encode(der.sequence(der.sequence(der.oid(kdf)), der.integer(len), der.sequence(der.oid(mac)))),
    });
  t.equal(raw(oids.hkdfWithSha256, 32, oids.hmacSha256).ok, true);
  t.match(raw(oids.pbkdf2, 32, oids.hmacSha256), { error: /^kdf / });
  t.match(raw(oids.hkdfWithSha256, 15, oids.hmacSha256), { error: 'len 15' });
  t.match(raw(oids.hkdfWithSha256, 2 ** 31, oids.hmacSha256), { error: /len|INTEGER|integer/ });
  t.match(raw(oids.hkdfWithSha256, 32, oids.hmacSha1), { error: /^mac / });
  t.equal(readKemMacParameters({ oid: oids.kemBasedMac }).ok, false);
});

t.test('CMP-057 CMP-081 a device whose only key decapsulates renews its certificate under KemBasedMac', async (t) => {
  for (const [oid, parameters] of [
    [oids.mlKem512, hmac],
    [oids.mlKem768, { len: 48, mac: 'sha384', kemContext: Buffer.from('context') }],
    [oids.mlKem1024, { len: 64, mac: 'sha512' }],
  ] as const) {
    const stage = open();
    const device = newKemDevice(stage, newKemKey(oid));
    const transaction = await beginByKem(stage, device, parameters);
    const next = newKemKey(oid);
    const reply = await ask(stage, buildMessage(transaction, { senderNonce: nonce() }, renewalFor(next), { pvno: 3 }));
    t.equal(gist(reply), 'kup accepted', oid);
    t.equal(reply.message.header.protectionAlg?.oid, oids.ecdsaWithSha256, 'who encapsulated is not known to the device: the answer is signed');
    t.same(stage.core.requests[0]?.evidence.signer?.certificate.der, device.certificate.der);
    const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
    const certificate = parseCertificate(stage.core.issuedLast());
    const hash = certificate.ok ? certHash(certificate.value) : undefined;
    if (!hash?.ok) throw new Error('no certificate');
    t.equal(gist(await ask(stage, buildCertConf(transaction, nonces, { certReqId: 0, certHash: hash.value }))), 'pkiconf');
  }
});

t.test('CMP-082 a cipher text is good for its transaction, its key and its holder only', async (t) => {
  const stage = open();
  const device = newKemDevice(stage);
  const [first, second] = [randomBytes(16), randomBytes(16)];
  const given = ciphertextIn(await ask(stage, question(device, first)));
  t.same(ciphertextIn(await ask(stage, question(device, first))), given, 'the same to a retransmission');
  t.notSame(ciphertextIn(await ask(stage, question(device, second))).ct, given.ct, 'fresh for another transaction');
  const sharedSecret = decapsulate(given.kem, device.key.secretKey, given.ct);
  const answerTo = async (transaction: CmpTransaction) => gist(await ask(stage, buildMessage(transaction, { senderNonce: nonce() }, ir(), { pvno: 3 })));
  t.equal(await answerTo(await byKem(device, sharedSecret, second)), 'error rejection badMessageCheck', 'in another transaction');
  t.equal(await answerTo(await byKem(newKemDevice(stage), sharedSecret, first)), 'error rejection badMessageCheck', 'by another key');
  const stolen = decapsulate(given.kem, newKemKey().secretKey, given.ct);
  t.equal(await answerTo(await byKem(device, stolen, first)), 'error rejection badMessageCheck', 'by who cannot decapsulate it');
  t.equal(await answerTo(await byKem(device, sharedSecret, first)), 'ip accepted');
  const self = newKemKey();
  const selfIssued = certify(named('Stage Issuing CA'), self.signer.publicKey, stage.issuing.key.signer, stage.issuing.certificate);
  t.equal(await answerTo(await byKem({ key: self, certificate: selfIssued }, sharedSecret, first)), 'error rejection badMessageCheck');
});

t.test('CMP-057 nothing else unprotected is answered; KemBasedMac is off by default', async (t) => {
  const stage = open();
  const device = newKemDevice(stage);
  const refused = 'error rejection badMessageCheck';
  const rows: readonly (readonly [row: string, bytes: Buffer])[] = [
    ['another question', question(device, randomBytes(16), { type: 'genm', items: [{ infoType: oids.caCerts }] })],
    ['two questions', question(device, randomBytes(16), { type: 'genm', items: [{ infoType: oids.kemCiphertextInfo }, { infoType: oids.caCerts }] })],
    ['no question', question(device, randomBytes(16), { type: 'genm', items: [] })],
    ['a request', question(device, randomBytes(16), ir())],
    ['a certificate that signs', question(newDevice('dev', stage.issuing), randomBytes(16))],
    ['a certificate for something else', question(newKemDevice(stage, newKemKey(), keyUsageExtension(['keyAgreement'])), randomBytes(16))],
  ];
  for (const [row, bytes] of rows) t.equal(gist(await ask(stage, bytes)), refused, row);
  const off = open({});
  t.equal(gist(await ask(off, question(newKemDevice(off), randomBytes(16)))), refused, 'off by default');
  const transaction = await byKem(device, randomBytes(32), randomBytes(16));
  t.equal(gist(await ask(off, buildMessage(transaction, { senderNonce: nonce() }, ir(), { pvno: 3 }))), 'error rejection badAlg', 'off by default');
  const signing = newDevice('dev', stage.issuing);
  const misused = { ...(await byKem(device, randomBytes(32), randomBytes(16))), credential: certificateOf(signing) };
  const kid = { ...misused.protector.header, senderKID: signing.certificate.publicKey.keyIdentifier };
  const bySigner = buildMessage({ ...misused, protector: { ...misused.protector, header: kid } }, { senderNonce: nonce() }, ir(), { pvno: 3 });
  t.equal(gist(await ask(stage, bySigner)), 'error rejection badAlg', 'CMP-209 with a certificate that signs');
});

t.test('CMP-173 the certificate that asks for a cipher text is one the profile knows; question and answer are unprotected', async (t) => {
  const stage = open();
  const device = newKemDevice(stage);
  const reply = await ask(stage, question(device, randomBytes(16)));
  t.match(reply.message, { protection: undefined, header: { protectionAlg: undefined } });
  t.same(reply.message.extraCerts, []);
  t.equal(ciphertextIn(reply).kem, oids.mlKem768);
  const asked: string[] = [];
  stage.core.recognise = async (...given: unknown[]) => {
    asked.push((given[1] as { signer: { certificate: Device['certificate'] } }).signer.certificate.der.toString('hex'));
    return { ok: false, error: { code: 'signer-revoked' } };
  };
  t.equal(gist(await ask(stage, question(device, randomBytes(16)))), 'error rejection certRevoked');
  t.same(asked, [device.certificate.der.toString('hex')]);
});
