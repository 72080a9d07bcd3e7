import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { buildRequest } from '../../../src/device-client/certificate-wish.js';
import { buildMessage, type CmpCredential, type CmpTransaction } from '../../../src/device-client/cmp-messages.js';
import { type CmpContext, type CmpReply, handleCmpMessage } from '../../../src/endpoints/cmp/index.js';
import { failInfoOf } from '../../../src/endpoints/cmp/translate.js';
import { type RefusalCode, refusals } from '../../../src/enrolment/refusal.js';
import {
  dnsName,
  emptyName,
  keyUsageExtension,
  type Name,
  parseCertificate,
  parseCsr,
  readGeneralName,
  type Signer,
  signCsr,
  subjectAltNameExtension,
} from '../../../src/pkix/index.js';
import {
  type AttributeTypeAndValue,
  buildCertRequest,
  type CertReqMsg,
  type CertStatus,
  type CertTemplate,
  certHash,
  certProfileItem,
  confirmWaitTimeItem,
  createMacKeys,
  encodePkiMessage,
  encodeTemplateExtensions,
  implicitConfirmItem,
  oldCertIdControl,
  type PkiBody,
  type PkiHeader,
  pbmac1Parameters,
  pbmParameters,
  provePossession,
  readMacParameters,
  verifyMac,
  verifySigned,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, contextPrimitive, der, encode, oids } from '../../../src/protocol/der/index.js';
import { asGeneralName, begin, certificateOf, gist, nonce, type ReadReply, readReply, secretOf, wish } from './requests.js';
import { certify, directoryOf, named, newAuthority, newDevice, newKey, openStage, reference, type Stage, secret } from './stage.js';

function bytesOf(reply: CmpReply): Buffer {
  if (reply.status !== 200) throw new Error(`HTTP ${reply.status}`);
  return reply.bytes;
}

async function ask(stage: Stage, bytes: Buffer, context: Partial<CmpContext> = {}): Promise<ReadReply> {
  return readReply(bytesOf(await stage.handle(bytes, context)));
}

const key = newKey();

function certReqMsg(template: Partial<CertTemplate> = {}, more: { controls?: AttributeTypeAndValue[]; certReqId?: number; signer?: Signer } = {}): CertReqMsg {
  const { controls, certReqId = 0, signer = key.signer } = more;
  const certTemplate = { subject: named('device-77'), publicKey: signer.publicKey.spki, ...template };
  const certReq = buildCertRequest({ certReqId, certTemplate, ...(controls && { controls }) });
  return { certReq, popo: provePossession(certReq, signer) };
}

const ir = (...messages: CertReqMsg[]): PkiBody => ({ type: 'ir', messages: messages.length > 0 ? messages : [certReqMsg()] });

async function askBody(stage: Stage, body: PkiBody, header: Partial<PkiHeader> = {}, credential?: CmpCredential): Promise<ReadReply> {
  return ask(stage, buildMessage(await begin(credential), { senderNonce: nonce() }, body, header));
}

t.test('header', async (t) => {
  const stage = openStage();
  const rows: readonly (readonly [row: string, header: Partial<PkiHeader>, expected: string])[] = [
    ['CMP-023 pvno 1', { pvno: 1 }, 'error rejection unsupportedVersion'],
    ['CMP-023 pvno 4', { pvno: 4 }, 'error rejection unsupportedVersion'],
    ['CMP-023 pvno 99', { pvno: 99 }, 'error rejection unsupportedVersion'],
    ['CMP-023 pvno 3', { pvno: 3 }, 'ip accepted'],
    ['CMP-026 NULL-DN with senderKID, as OpenSSL sends it', { sender: asGeneralName(emptyName) }, 'ip accepted'],
    ['CMP-029 another recipient', { recipient: asGeneralName(named('other')) }, 'ip accepted'],
    ['CMP-030 messageTime a day ago', { messageTime: new Date(Date.now() - 86_400_000) }, 'error rejection badTime'],
    ['CMP-030 messageTime tomorrow', { messageTime: new Date(Date.now() + 86_400_000) }, 'error rejection badTime'],
    ['CMP-030 messageTime four minutes ago', { messageTime: new Date(Date.now() - 240_000) }, 'ip accepted'],
    ['CMP-034 a random recipKID', { recipKID: nonce() }, 'ip accepted'],
    ['CMP-035 no transactionID', { transactionID: undefined }, 'error rejection badDataFormat'],
    ['CMP-036 transactionID of 8 octets', { transactionID: Buffer.alloc(8) }, 'error rejection badDataFormat'],
    ['CMP-036 transactionID of 1 kB', { transactionID: Buffer.alloc(1024) }, 'error rejection badDataFormat'],
    ['CMP-036 transactionID of 64 octets', { transactionID: randomBytes(64) }, 'ip accepted'],
    ['CMP-039 no senderNonce', { senderNonce: undefined }, 'error rejection badSenderNonce'],
    ['CMP-039 senderNonce of 4 octets', { senderNonce: Buffer.alloc(4) }, 'error rejection badSenderNonce'],
    ['CMP-039 senderNonce of 32 octets', { senderNonce: randomBytes(32) }, 'ip accepted'],
    ['CMP-043 recipNonce in the first message', { recipNonce: nonce() }, 'error rejection badRecipientNonce'],
    ['CMP-046 unknown generalInfo', { generalInfo: [{ infoType: '1.2.3.4', infoValue: der.integer(5) }] }, 'ip accepted'],
    ['CMP-049 implicitConfirm with INTEGER', { generalInfo: [{ infoType: oids.implicitConfirm, infoValue: der.integer(1) }] }, 'error rejection badDataFormat'],
    ['CMP-050 implicitConfirm and confirmWaitTime', { generalInfo: [implicitConfirmItem, confirmWaitTimeItem(new Date())] }, 'error rejection badRequest'],
    ['CMP-051 this profile by certProfile', { generalInfo: [certProfileItem('demo')] }, 'ip accepted'],
    ['CMP-051 CMP-086 an unknown certProfile', { generalInfo: [certProfileItem('nosuch')] }, 'ip rejection badRequest'],
    ['CMP-055 freeText with control characters', { freeText: ['\r\n\u001b[31m'] }, 'ip accepted'],
  ];
  for (const [row, header, expected] of rows) {
    const reply = await askBody(stage, ir(), header);
    t.equal(gist(reply), expected, row);
    t.ok(await isByMac(reply), `${row}: protected by the MAC of the secret (CMP-060, CMP-061)`);
    const sent = { transactionID: reply.message.header.transactionID, recipNonce: reply.message.header.recipNonce };
    if ('transactionID' in header) t.same(sent.transactionID, header.transactionID, `${row}: transactionID (CMP-038)`);
    if ('senderNonce' in header) t.same(sent.recipNonce, header.senderNonce, `${row}: recipNonce (CMP-042)`);
  }
  for (const [pvno, answered] of [
    [1, 2],
    [2, 2],
    [3, 3],
    [4, 3],
    [99, 3],
  ] as const) {
    t.equal((await askBody(stage, ir(), { pvno })).message.header.pvno, answered, `CMP-024 pvno ${pvno} is answered with ${answered}`);
  }
  const nameless = await askBody(stage, ir(), { sender: readGeneralName(new Cursor(dnsName('d').der)) });
  t.equal(gist(nameless), 'error rejection badMessageCheck', 'CMP-028 MAC with a sender that is no directory name');
  const anonymous = await askBody(stage, ir(), { sender: asGeneralName(emptyName) }, secretOf(''));
  t.equal(gist(anonymous), 'error rejection badMessageCheck', 'CMP-026 neither sender nor senderKID');
  const { body, message } = await ask(stage, randomBytes(100));
  t.equal(gist({ body, message }), 'error rejection badDataFormat', 'CMP-005 random octets');
  t.equal(message.header.transactionID, undefined);
  t.equal(gist(await ask(stage, Buffer.alloc(0))), 'error rejection badDataFormat', 'CMP-005 nothing');
  t.equal(gist(await ask(stage, encode(der.sequence(der.integer(1))))), 'error rejection badDataFormat', 'DER, but no PKIMessage');
  const strict = openStage({ policy: { messageTimeWindowSeconds: 0 } });
  t.equal(gist(await askBody(strict, ir(), { messageTime: new Date(0) })), 'ip accepted', 'CMP-030 the window can be closed');
});

async function isByMac(reply: ReadReply, value = secret): Promise<boolean> {
  const { protectionAlg } = reply.message.header;
  const parameters = readMacParameters(protectionAlg ?? { oid: '' }, { hmacSha1: true, minIterations: 1, maxIterations: 1_000_000 });
  if (!parameters.ok) return false;
  return verifyMac(reply.message, parameters.value, await createMacKeys().keyFor(parameters.value, value));
}

/** Signed by the RA, whose certificate stands first in extraCerts. */
function isByRa(stage: Stage, reply: ReadReply): boolean {
  const [raKey] = stage.endpoint.raKeys;
  const isFirst = raKey !== undefined && reply.message.extraCerts[0]?.equals(raKey.certificate.der) === true;
  return isFirst && verifySigned(reply.message, raKey.certificate.publicKey).ok;
}

t.test('MAC protection', async (t) => {
  const stage = openStage();
  const unprotected = async (fields: Partial<PkiHeader>, protection?: Buffer) => {
    const transaction = await begin();
    const bytes = buildMessage(
      { ...transaction, protector: { header: fields, protect: () => protection ?? Buffer.alloc(20) } },
      { senderNonce: nonce() },
      ir(),
    );
    const read = readReply(bytes);
    return encodePkiMessage({ header: read.message.header, body: read.body }, protection && { header: fields, protect: () => protection });
  };
  const { algorithm } = pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 500, mac: 'sha256' });
  const rows: readonly (readonly [row: string, bytes: Buffer, expected: string])[] = [
    ['CMP-057 unprotected', await unprotected({}), 'error rejection badMessageCheck'],
    ['CMP-032 protectionAlg without protection', await unprotected({ protectionAlg: algorithm }), 'error rejection badMessageCheck'],
    ['CMP-032 protection without protectionAlg', await unprotected({}, Buffer.alloc(20)), 'error rejection badMessageCheck'],
    ['CMP-070 plain HMAC', await unprotected({ protectionAlg: { oid: oids.hmacSha256 } }, Buffer.alloc(32)), 'error rejection badAlg'],
    ['DHBasedMac', await unprotected({ protectionAlg: { oid: oids.dhBasedMac } }, Buffer.alloc(20)), 'error rejection badAlg'],
    ['KemBasedMac', await unprotected({ protectionAlg: { oid: oids.kemBasedMac } }, Buffer.alloc(20)), 'error rejection badAlg'],
    ['CMP-076 an unknown algorithm', await unprotected({ protectionAlg: { oid: '1.2.3.4' } }, Buffer.alloc(20)), 'error rejection badAlg'],
    ['PasswordBasedMac without parameters', await unprotected({ protectionAlg: { oid: oids.passwordBasedMac } }, Buffer.alloc(20)), 'error rejection badAlg'],
  ];
  for (const [row, bytes, expected] of rows) {
    const reply = await ask(stage, bytes);
    t.equal(gist(reply), expected, row);
    t.ok(isByRa(stage, reply), `${row}: the answer is signed by the RA`);
  }
  const wrong = await askBody(stage, ir(), {}, secretOf(reference, Buffer.from('wrong')));
  const unknown = await askBody(stage, ir(), {}, secretOf('nobody', secret));
  const nameless = await askBody(stage, ir(), { senderKID: Buffer.alloc(0) }, secretOf('nobody', secret));
  for (const reply of [wrong, unknown, nameless]) {
    t.equal(gist(reply), 'error rejection badMessageCheck', 'CMP-071 wrong secret and unknown reference');
    t.same(reply.body, wrong.body, 'in the same words');
    t.ok(isByRa(stage, reply), 'never under the secret, which could then be guessed at home');
  }
  const controlCharacters = await begin(secretOf('nul\u0000'));
  t.equal(gist(await ask(stage, buildRequest(controlCharacters, { senderNonce: nonce() }, wish()))), 'error rejection badMessageCheck', 'NUL in the reference');
  const byName = await begin();
  const { protectionAlg } = byName.protector.header;
  const withoutKid = { ...byName, protector: { ...byName.protector, header: { ...(protectionAlg && { protectionAlg }) } } };
  t.equal(
    gist(await ask(stage, buildRequest(withoutKid, { senderNonce: nonce() }, wish()))),
    'ip accepted',
    'CMP-028 the commonName of the sender, without senderKID',
  );
  for (const parameters of [
    pbmParameters({ salt: nonce(), owf: 'sha512', iterationCount: 10_000, mac: 'sha512' }),
    pbmac1Parameters({ salt: nonce(), iterationCount: 1_000, keyLength: 32, prf: 'sha256', mac: 'sha256' }),
  ]) {
    const reply = await askBody(stage, ir(), {}, { kind: 'secret', reference, secret, parameters });
    t.equal(gist(reply), 'ip accepted', `CMP-067 ${parameters.kind}`);
    t.same(reply.message.header.protectionAlg, parameters.algorithm, 'CMP-066 the parameters of the request, its salt included');
    t.ok(await isByMac(reply));
    t.ok(reply.message.header.senderKID?.equals(Buffer.from(reference)));
  }
  const few = pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 99, mac: 'sha256' });
  t.equal(gist(await askBody(stage, ir(), {}, { kind: 'secret', reference, secret, parameters: few })), 'error rejection badAlg', 'CMP-064');
  const sha1 = pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 500, mac: 'sha1' });
  const withSha1: CmpCredential = { kind: 'secret', reference, secret, parameters: sha1 };
  t.equal(gist(await askBody(stage, ir(), {}, withSha1)), 'ip accepted', 'CMP-063 HMAC-SHA1 by policy');
  t.equal(gist(await askBody(openStage({ policy: { hmacSha1: false } }), ir(), {}, withSha1)), 'error rejection badAlg', 'CMP-063 HMAC-SHA1 against policy');
  t.equal(
    gist(await askBody(openStage({ policy: { protection: ['signature'] } }), ir())),
    'error rejection wrongIntegrity',
    'CMP-209, CMP-226 a profile for signatures',
  );
  const bare = openStage({ withoutRaKey: true });
  const plain = await askBody(bare, ir(), {}, secretOf(reference, Buffer.from('wrong')));
  t.equal(plain.message.protection, undefined, 'without an RA key the answer to an unverified request is unprotected');
  t.equal(gist(await askBody(bare, ir())), 'ip accepted', 'but MAC clients work at once');
});

t.test('PBM of 2^31 iterations costs nothing (CMP-203)', async (t) => {
  const stage = openStage();
  const { parameters } = pbmParameters({ salt: nonce(), owf: 'sha256', iterationCount: 2 ** 31, mac: 'sha256' }).algorithm;
  const transaction = await begin();
  const protector = { header: { protectionAlg: { oid: oids.passwordBasedMac, parameters } }, protect: () => Buffer.alloc(32) };
  let derived = 0;
  const macKeys = {
    keyFor: async () => {
      derived += 1;
      return Buffer.alloc(32);
    },
  };
  const bytes = buildMessage({ ...transaction, protector } as CmpTransaction, { senderNonce: nonce() }, ir());
  const reply = await handleCmpMessage(stage.endpoint, bytes, { clientIp: '192.0.2.1' }, { ...stage.deps, macKeys });
  t.equal(gist(readReply(bytesOf(reply))), 'error rejection badAlg');
  t.equal(derived, 0, 'nothing was derived');
});

t.test('signature protection', async (t) => {
  const stage = openStage();
  const device = newDevice('dev', stage.issuing);
  const other = newDevice('other', stage.issuing);
  const good = await askBody(stage, ir(), {}, certificateOf(device));
  t.equal(gist(good), 'ip accepted');
  t.ok(isByRa(stage, good), 'CMP-060 signed, as the request was');
  t.same(good.message.header.sender.name?.der, stage.endpoint.raKeys[0]?.certificate.subject.der, 'CMP-056 sender is the subject of the RA');
  t.same(
    good.message.extraCerts.map((item) => item.toString('hex')),
    [stage.endpoint.raKeys[0]?.certificate, stage.issuing.certificate].map((item) => item?.der.toString('hex')),
    'CMP-078 the RA and the issuing CA, the root left out',
  );
  t.match(stage.core.requests[0]?.evidence.signer?.certificate.der, device.certificate.der);
  const sent = async (fields: { header?: Partial<PkiHeader>; extraCerts?: Buffer[]; credential?: CmpCredential }) => {
    const transaction = await begin(fields.credential ?? certificateOf(device));
    const read = readReply(buildMessage(transaction, { senderNonce: nonce() }, ir(), fields.header));
    const { body, message } = read;
    const { senderKID = message.header.senderKID } = fields.header ?? {};
    const protector = { ...transaction.protector, header: { ...transaction.protector.header, ...('senderKID' in (fields.header ?? {}) ? { senderKID } : {}) } };
    return ask(stage, encodePkiMessage({ header: message.header, body, extraCerts: fields.extraCerts ?? message.extraCerts }, protector));
  };
  const selfSignedKey = newKey();
  const selfSigned = { key: selfSignedKey, certificate: certify(named('self'), selfSignedKey.signer.publicKey, selfSignedKey.signer) };
  const cannotSign = newDevice('enc', stage.issuing, newKey(), keyUsageExtension(['keyEncipherment']));
  const sha1 = newDevice('sha1', stage.issuing, newKey('RSA'));
  const weak = { ...sha1.key.signer, algorithm: { oid: oids.sha1WithRsa, parameters: der.nullValue() } };
  const rows: readonly (readonly [row: string, reply: ReadReply, expected: string])[] = [
    ['CMP-027 another sender', await sent({ header: { sender: asGeneralName(named('other')) } }), 'error rejection badMessageCheck'],
    ['CMP-033 another senderKID', await sent({ header: { senderKID: nonce() } }), 'error rejection badMessageCheck'],
    ['CMP-033 empty senderKID', await sent({ header: { senderKID: Buffer.alloc(0) } }), 'error rejection badMessageCheck'],
    ['CMP-073 no extraCerts in the first message', await sent({ extraCerts: [] }), 'error rejection badMessageCheck'],
    ['CMP-210 the certificate of another', await sent({ extraCerts: [other.certificate.der] }), 'error rejection badMessageCheck'],
    ['CMP-072, CMP-225 any order', await sent({ extraCerts: [stage.issuing.certificate.der, other.certificate.der, device.certificate.der] }), 'ip accepted'],
    ['CMP-072 a self-signed signer', await sent({ credential: certificateOf(selfSigned) }), 'error rejection signerNotTrusted'],
    ['CMP-074 keyUsage without digitalSignature', await sent({ credential: certificateOf(cannotSign) }), 'error rejection signerNotTrusted'],
    ['CMP-224 SHA-1', await sent({ credential: { ...certificateOf(sha1), signer: weak } as CmpCredential }), 'error rejection badAlg'],
    [
      'CMP-076 an ECDSA algorithm with an RSA key',
      await sent({ credential: { ...certificateOf(sha1), signer: device.key.signer } as CmpCredential }),
      'error rejection badAlg',
    ],
    [
      'the signature of another key',
      await sent({ credential: { ...certificateOf(device), signer: other.key.signer } as CmpCredential }),
      'error rejection badMessageCheck',
    ],
    ['CMP-211 garbage beside the signer', await sent({ extraCerts: [device.certificate.der, Buffer.from('3000', 'hex')] }), 'ip accepted'],
  ];
  for (const [row, reply, expected] of rows) t.equal(gist(reply), expected, row);
  for (const type of ['RSA', 'P-384', 'Ed25519'] as const) {
    const signer = newDevice(type, stage.issuing, newKey(type));
    t.equal(gist(await askBody(stage, ir(), {}, certificateOf(signer))), 'ip accepted', `table 12: ${type}`);
  }
  const waiting = await openStage({ withoutRaKey: true }).handle(buildRequest(await begin(certificateOf(device)), { senderNonce: nonce() }, wish()));
  t.same(waiting, { status: 503, retryAfterSeconds: 5 }, 'a signed request waits for the RA certificate');
  const onlyMac = openStage({ policy: { protection: ['mac'] } });
  t.equal(gist(await askBody(onlyMac, ir(), {}, certificateOf(device))), 'error rejection wrongIntegrity', 'CMP-209 a profile for MACs');
});

t.test('requests', async (t) => {
  const stage = openStage();
  const device = newDevice('device-77', stage.issuing);
  const missing = certReqMsg();
  const broken: CertReqMsg = { ...missing, popo: provePossession({ ...missing.certReq, der: Buffer.from('3000', 'hex') }, key.signer) };
  const wrongAlgorithm = newKey('RSA').signer;
  const offCurve = Buffer.from(key.signer.publicKey.spki);
  offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] ?? 0) ^ 1;
  const rsaEmpty = encode(der.sequence(der.sequence(der.oid(oids.rsaEncryption), der.nullValue()), der.bitString(Buffer.alloc(0))));
  const controls = (type: string, value = der.nullValue()) => certReqMsg({}, { controls: [{ type, value }] });
  const rows: readonly (readonly [row: string, body: PkiBody, expected: string])[] = [
    ['ir', ir(), 'ip accepted'],
    ['cr', { type: 'cr', messages: [certReqMsg()] }, 'cp accepted'],
    ['CMP-087 two CertReqMsg', ir(certReqMsg(), certReqMsg()), 'ip rejection badRequest'],
    ['CMP-088 certReqId 1', ir(certReqMsg({}, { certReqId: 1 })), 'ip rejection badRequest'],
    ['CMP-088 certReqId -1', ir(certReqMsg({}, { certReqId: -1 })), 'ip rejection badRequest'],
    ['CMP-089 version 2', ir(certReqMsg({ version: 2 })), 'ip accepted'],
    ['CMP-089 version 0', ir(certReqMsg({ version: 0 })), 'ip rejection badCertTemplate'],
    ['CMP-090 no subject', ir(certReqMsg({ subject: undefined })), 'ip rejection badCertTemplate'],
    ['CMP-091 serialNumber', ir(certReqMsg({ serialNumber: Buffer.of(1) })), 'ip rejection badCertTemplate'],
    ['CMP-091 signingAlg', ir(certReqMsg({ signingAlg: { oid: oids.ecdsaWithSha256 } })), 'ip rejection badCertTemplate'],
    ['CMP-091 issuerUID', ir(certReqMsg({ issuerUID: { unusedBits: 0, bytes: Buffer.of(1) } })), 'ip rejection badCertTemplate'],
    ['CMP-091 subjectUID', ir(certReqMsg({ subjectUID: { unusedBits: 0, bytes: Buffer.of(1) } })), 'ip rejection badCertTemplate'],
    ['CMP-092 the issuer we are', ir(certReqMsg({ issuer: named('Stage Issuing CA') })), 'ip accepted'],
    ['CMP-092 another issuer', ir(certReqMsg({ issuer: named('Other') })), 'ip rejection wrongAuthority'],
    ['validity', ir(certReqMsg({ validity: { notAfter: new Date('2126-01-01T00:00:00Z') } })), 'ip accepted'],
    ['CMP-094 no key (CMP-191 central key generation)', ir(certReqMsg({ publicKey: undefined })), 'ip rejection badCertTemplate'],
    ['CMP-094 an empty key (CMP-191)', ir(certReqMsg({ publicKey: rsaEmpty })), 'ip rejection badCertTemplate'],
    ['CMP-094 a point off the curve', ir(certReqMsg({ publicKey: offCurve })), 'ip rejection badCertTemplate'],
    [
      'CMP-094 a key of an unknown type',
      ir(certReqMsg({ publicKey: encode(der.sequence(der.sequence(der.oid('1.2.3.4')), der.bitString(Buffer.of(1)))) })),
      'ip rejection badAlg',
    ],
    ['extensions that are none', ir(certReqMsg({ extensions: Buffer.from('30020500', 'hex') })), 'ip rejection badCertTemplate'],
    ['CMP-098 an unknown control', ir(controls('1.2.3.4')), 'ip accepted'],
    ['regToken is not what authorises here', ir(controls(oids.regToken, der.utf8String('x') as never)), 'ip accepted'],
    [
      'CMP-100 pleasePublish',
      ir(certReqMsg({}, { controls: [{ type: oids.pkiPublicationInfo, value: encode(der.sequence(der.integer(1))) }] })),
      'ip accepted',
    ],
    [
      'CMP-100 dontPublish with pubInfos',
      ir(certReqMsg({}, { controls: [{ type: oids.pkiPublicationInfo, value: encode(der.sequence(der.integer(0), der.sequence())) }] })),
      'ip rejection badRequest',
    ],
    ['CMP-101 pkiArchiveOptions', ir(controls(oids.pkiArchiveOptions)), 'ip rejection badRequest'],
    ['CMP-102 altCertTemplate', ir(controls(oids.altCertTemplate)), 'ip rejection badCertTemplate'],
    ['CMP-103 regInfo of a device is ignored', ir({ ...certReqMsg(), regInfo: [{ type: '1.3.6.1.5.5.7.5.2.2', value: der.nullValue() }] }), 'ip accepted'],
    ['CMP-104 no proof of possession', ir({ certReq: missing.certReq }), 'ip rejection badPOP'],
    ['CMP-104 a wrong proof of possession', ir(broken), 'ip rejection badPOP'],
    ['CMP-107 an algorithm that does not fit the key', ir({ ...missing, popo: provePossession(missing.certReq, wrongAlgorithm) }), 'ip rejection badPOP'],
    ['CMP-108 raVerified by a device', ir({ ...missing, popo: { kind: 'raVerified' } }), 'ip rejection notAuthorized'],
    ['CMP-110 keyEncipherment', ir({ ...missing, popo: { kind: 'keyEncipherment', privKey: der.integer(0, contextPrimitive(1)) } }), 'ip rejection badPOP'],
    ['CMP-110 keyAgreement', ir({ ...missing, popo: { kind: 'keyAgreement', privKey: der.integer(0, contextPrimitive(1)) } }), 'ip rejection badPOP'],
    ['CMP-114 kur under a MAC', { type: 'kur', messages: [certReqMsg()] }, 'error rejection wrongIntegrity'],
    ['krr', { type: 'krr', content: Buffer.from('3000', 'hex') }, 'error rejection badRequest'],
  ];
  for (const [row, body, expected] of rows) {
    const reply = await askBody(stage, body);
    t.equal(gist(reply), expected, row);
    t.ok(await isByMac(reply), `${row}: protected`);
    if ('content' in reply.body && 'response' in reply.body.content) {
      const [response] = reply.body.content.response;
      t.equal(response?.certReqId, 0, `${row}: certReqId`);
      t.equal(response?.certifiedKeyPair !== undefined, expected.endsWith('accepted'), `${row}: CMP-119 a certificate exactly when it was granted`);
    }
  }
  const before = stage.core.requests.length;
  const withNullDn = certReqMsg({ subject: emptyName, extensions: encodeTemplateExtensions([subjectAltNameExtension([dnsName('d.example')])]) });
  t.equal(gist(await askBody(stage, ir(withNullDn))), 'ip accepted', 'CMP-090 NULL-DN with subjectAltName');
  t.match(stage.core.requests[before], { intent: 'initial', wanted: { extensions: [{ oid: oids.subjectAltName }] } });

  const kur = (old?: { name: Name; serial: Buffer }): PkiBody => ({
    type: 'kur',
    messages: [certReqMsg({}, old && { controls: [oldCertIdControl({ issuer: asGeneralName(old.name), serialNumber: old.serial })] })],
  });
  const { issuer, serial } = device.certificate;
  const updates: readonly (readonly [row: string, body: PkiBody, expected: string])[] = [
    ['CMP-115 without oldCertID', kur(), 'kup accepted'],
    ['CMP-115 oldCertID of the signer', kur({ name: issuer, serial }), 'kup accepted'],
    ['CMP-115 another serial number', kur({ name: issuer, serial: Buffer.of(1) }), 'kup rejection badCertId'],
    ['CMP-115 another issuer', kur({ name: named('Other'), serial }), 'kup rejection badCertId'],
    ['CMP-109 raVerified', { type: 'kur', messages: [{ ...certReqMsg(), popo: { kind: 'raVerified' } }] }, 'kup rejection notAuthorized'],
  ];
  for (const [row, body, expected] of updates) t.equal(gist(await askBody(stage, body, {}, certificateOf(device))), expected, row);

  const csr = (bytes: Buffer) => {
    const parsed = parseCsr(bytes);
    if (!parsed.ok) throw parsed.error;
    return { type: 'p10cr' as const, csr: parsed.value };
  };
  const sound = signCsr({ subject: named('device-77') }, key.signer);
  const forged = Buffer.from(sound);
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
  const version1 = Buffer.from(sound);
  version1[version1.indexOf(Buffer.from('020100', 'hex')) + 2] = 1;
  const tens: readonly (readonly [row: string, body: PkiBody, expected: string])[] = [
    ['CMP-118 p10cr', csr(sound), 'cp accepted'],
    ['CMP-118 a wrong self-signature', csr(forged), 'cp rejection badPOP'],
    ['CMP-118 version 1', csr(version1), 'cp rejection badCertTemplate'],
  ];
  for (const [row, body, expected] of tens) {
    const reply = await askBody(stage, body, {}, certificateOf(device));
    t.equal(gist(reply), expected, row);
    t.match(reply.body, { content: { response: [{ certReqId: -1 }] } }, `${row}: CMP-088 certReqId -1`);
  }
});

t.test('bodies that are not served are refused by name', async (t) => {
  const stage = openStage();
  for (const type of ['popdecc', 'popdecr', 'krr', 'krp'] as const) {
    const reply = await askBody(stage, { type, content: Buffer.from('3000', 'hex') });
    t.equal(gist(reply), 'error rejection badRequest', type);
    t.ok(await isByMac(reply), `${type}: protected`);
  }
  for (const type of ['ckuann', 'cann', 'rann', 'crlann'] as const) {
    const announced = buildMessage(await begin(), { senderNonce: nonce() }, { type, content: Buffer.from('3000', 'hex') });
    t.same(await stage.handle(announced), { status: 400 }, `CMP-014 ${type} has no answer in CMP`);
  }
  for (const type of ['ip', 'cp', 'kup', 'ccp'] as const) {
    t.equal(gist(await askBody(stage, { type, content: { response: [] } })), 'error rejection badRequest', type);
  }
  t.equal(gist(await askBody(stage, { type: 'pkiconf' })), 'error rejection badRequest', 'CMP-134 pkiconf from a device');
  t.equal(gist(await askBody(stage, { type: 'pollRep', entries: [] })), 'error rejection badRequest', 'pollRep');
  const error: PkiBody = { type: 'error', content: { pKIStatusInfo: { status: 'rejection' } } };
  t.equal(gist(await askBody(stage, error)), 'pkiconf', 'CMP-190 an error is acknowledged');
  const { message } = readReply(buildMessage(await begin(), { senderNonce: nonce() }, error));
  t.equal(gist(await ask(stage, encodePkiMessage({ header: message.header, body: error }))), 'pkiconf', 'CMP-190 also an unprotected one');
});

t.test('operation labels', async (t) => {
  const stage = openStage();
  const send = async (label: CmpContext['label']) =>
    gist(await ask(stage, buildMessage(await begin(), { senderNonce: nonce() }, ir()), { ...(label && { label }) }));
  t.equal(await send('initialization'), 'ip accepted');
  t.equal(await send('keyupdate'), 'error rejection badRequest', 'CMP-011');
  t.equal(await send('nested'), 'error rejection badRequest', 'CMP-011');
  const running = await issued(stage);
  const nonces = { senderNonce: nonce(), recipNonce: running.recipNonce };
  const certConf = buildMessage(running.transaction, nonces, { type: 'certConf', statuses: [running.status] });
  t.equal(gist(await ask(stage, certConf, { label: 'initialization' })), 'pkiconf', 'CMP-009 certConf goes to the path of its request');
});

t.test('every reason of the core has its bit, its body and its words', async (t) => {
  const stage = openStage();
  const errors: readonly RefusalCode[] = [
    'credential-invalid',
    'signer-not-trusted',
    'signer-expired',
    'transaction-in-use',
    'transaction-unknown',
    'order-expired',
  ];
  for (const code of Object.keys(refusals) as RefusalCode[]) {
    stage.core.mode = code;
    const reply = await askBody(stage, ir());
    t.equal(gist(reply), `${errors.includes(code) ? 'error' : 'ip'} rejection ${failInfoOf[code]}`, `CMP-086 ${code}`);
    t.ok(JSON.stringify(reply.body).includes(refusals[code]), code);
  }
  t.match(failInfoOf, {
    'transaction-in-use': 'transactionIdInUse',
    'signer-revoked': 'certRevoked',
    'already-confirmed': 'certConfirmed',
    unavailable: 'systemUnavail',
  });
});

t.test('a broken machine is answered, protected, without a word about it (CMP-217)', async (t) => {
  const stage = openStage();
  const rows = [
    ['broken', 'systemFailure'],
    ['away', 'systemUnavail'],
  ] as const;
  for (const [mode, failInfo] of rows) {
    stage.core.mode = mode;
    const reply = await askBody(stage, ir());
    t.equal(gist(reply), `error rejection ${failInfo}`);
    t.ok(await isByMac(reply), failInfo);
    t.notMatch(JSON.stringify(reply.body), /database/, failInfo);
  }
});

/** A request that was issued, and what follows it. */
async function issued(
  stage: Stage,
  fields: { credential?: CmpCredential; implicitConfirm?: boolean; type?: 'ir' | 'cr' | 'p10cr'; header?: Partial<PkiHeader> } = {},
) {
  const transaction = await begin(fields.credential);
  const senderNonce = nonce();
  const { type = 'ir', implicitConfirm = false, header = {} } = fields;
  const request = buildRequest(transaction, { senderNonce }, wish({ type, implicitConfirm }, key.signer));
  const read = readReply(request);
  const bytes =
    Object.keys(header).length === 0
      ? request
      : encodePkiMessage({ ...read, header: { ...read.message.header, ...header }, extraCerts: read.message.extraCerts }, transaction.protector);
  const reply = await ask(stage, bytes);
  const pair = 'content' in reply.body && 'response' in reply.body.content ? reply.body.content.response[0]?.certifiedKeyPair : undefined;
  const certificate = parseCertificate(pair?.certificate ?? Buffer.alloc(0));
  if (!certificate.ok) throw new Error(gist(reply));
  const hash = certHash(certificate.value);
  if (!hash.ok) throw new Error(hash.error);
  const status: CertStatus = { certHash: hash.value, certReqId: type === 'p10cr' ? -1 : 0 };
  const recipNonce = reply.message.header.senderNonce ?? Buffer.alloc(0);
  const certConf = (statuses: readonly CertStatus[] = [status], more: Partial<PkiHeader> = {}, by: CmpTransaction = transaction) =>
    ask(stage, buildMessage(by, { senderNonce: nonce(), recipNonce }, { type: 'certConf', statuses }, { ...header, ...more }));
  return { transaction, senderNonce, bytes, reply, certificate: certificate.value, status, recipNonce, certConf };
}

t.test('ip', async (t) => {
  const stage = openStage({ policy: { caPubs: true } });
  const explicit = await issued(stage);
  const { header } = explicit.reply.message;
  t.match(header.generalInfo, [{ infoType: oids.confirmWaitTime }], 'CMP-050');
  t.ok(header.messageTime instanceof Date, 'CMP-050 messageTime beside confirmWaitTime');
  t.equal(header.senderNonce?.length, 16);
  t.ok(header.recipNonce?.equals(explicit.senderNonce), 'CMP-042');
  t.ok(header.recipient.der.equals(readReply(explicit.bytes).message.header.sender.der), 'CMP-042 recipient is the sender of the request');
  t.match(explicit.reply.body, { content: { caPubs: [stage.issuing.certificate.der, stage.root.certificate.der] } }, 'CMP-120 caPubs by policy');
  t.same(explicit.reply.message.extraCerts, [stage.issuing.certificate.der], 'the chain of the certificate, without the root');
  t.match(stage.core.requests[0], {
    protocol: 'cmp',
    transactionId: explicit.transaction.transactionID.toString('hex'),
    evidence: { secret: { id: `secret-${reference}`, reference } },
    facts: { clientIp: '192.0.2.1', keyType: 'EC-P-256', digest: 'hmac-sha256', cipher: '' },
  });
  const implicit = await issued(stage, { implicitConfirm: true });
  t.same(implicit.reply.message.header.generalInfo, [implicitConfirmItem], 'CMP-048 granted when asked for');
  t.equal(implicit.reply.message.header.messageTime, undefined);
  const strict = await issued(openStage({ policy: { implicitConfirm: false } }), { implicitConfirm: true });
  t.match(strict.reply.message.header.generalInfo, [{ infoType: oids.confirmWaitTime }], 'CMP-048 not granted against policy');
  t.notMatch(strict.reply.body, { content: { caPubs: [] } }, 'CMP-216 no caPubs by default');
  const cp = await issued(stage, { type: 'cr' });
  t.notMatch(cp.reply.body, { content: { caPubs: [] } }, 'CMP-120 no caPubs in cp');
  stage.core.isModified = true;
  t.equal(gist((await issued(stage)).reply), 'ip grantedWithMods', 'the CA changed the request');
  const nonces = await Promise.all(Array.from({ length: 50 }, async () => (await askBody(stage, ir())).message.header.senderNonce?.toString('hex')));
  t.equal(new Set(nonces).size, 50, 'CMP-040 a new senderNonce in every message');
});

t.test('certConf', async (t) => {
  const stage = openStage();
  const accepted = await issued(stage);
  const confirmed = await accepted.certConf();
  t.equal(gist(confirmed), 'pkiconf', 'CMP-122');
  t.ok(await isByMac(confirmed), 'CMP-060');
  t.same(stage.core.confirmations, [true]);
  t.equal(gist(await accepted.certConf()), 'pkiconf', 'CMP-132 again');
  stage.core.confirmed = 'already';
  t.equal(gist(await accepted.certConf()), 'pkiconf', 'CMP-132 within ten minutes');
  stage.core.confirmed = 'closed';
  t.equal(gist(await accepted.certConf()), 'error rejection certConfirmed', 'CMP-132 later');
  stage.core.confirmed = 'unexpected';
  t.equal(gist(await accepted.certConf()), 'error rejection badRequest', 'too late');
  stage.core.confirmed = undefined;

  const one = await issued(stage);
  const { status } = one;
  const rejected: CertStatus = { ...status, statusInfo: { status: 'rejection', failInfo: ['badCertTemplate'] } };
  const rows: readonly (readonly [row: string, statuses: readonly CertStatus[], expected: string])[] = [
    ['CMP-123 two CertStatus', [status, status], 'error rejection badRequest'],
    ['CMP-124 certReqId 1', [{ ...status, certReqId: 1 }], 'error rejection badRequest'],
    ['CMP-124 certReqId -1 for an ir', [{ ...status, certReqId: -1 }], 'error rejection badRequest'],
    ['CMP-125 a wrong hash', [{ ...status, certHash: Buffer.alloc(32) }], 'error rejection badCertId'],
    ['CMP-125 an empty hash', [{ ...status, certHash: Buffer.alloc(0) }], 'error rejection badCertId'],
    ['CMP-025 CMP-126 hashAlg with pvno 2', [{ ...status, hashAlg: { oid: oids.sha256 } }], 'error rejection badRequest'],
    ['CMP-127 accepted with failInfo', [{ ...status, statusInfo: { status: 'accepted', failInfo: ['badAlg'] } }], 'error rejection badRequest'],
    ['CMP-127 waiting', [{ ...status, statusInfo: { status: 'waiting' } }], 'error rejection badRequest'],
  ];
  const before = stage.core.confirmations.length;
  for (const [row, statuses, expected] of rows) t.equal(gist(await one.certConf(statuses)), expected, row);
  const headers: readonly (readonly [row: string, header: Partial<PkiHeader>, expected: string])[] = [
    ['CMP-044 a wrong recipNonce', { recipNonce: nonce() }, 'error rejection badRecipientNonce'],
    ['CMP-044 no recipNonce', { recipNonce: undefined }, 'error rejection badRecipientNonce'],
    ['CMP-041 the senderNonce of the request', { senderNonce: one.senderNonce }, 'error rejection badSenderNonce'],
    ['CMP-122 an unknown transactionID', { transactionID: nonce() }, 'error rejection badRequest'],
  ];
  for (const [row, header, expected] of headers) t.equal(gist(await one.certConf([status], header)), expected, row);
  t.equal(stage.core.confirmations.length, before, 'CMP-206 nothing of that confirmed or refused anything');
  t.equal(gist(await one.certConf([{ ...status, statusInfo: { status: 'accepted' } }])), 'pkiconf', 'CMP-127 accepted');
  t.equal(gist(await one.certConf([rejected])), 'pkiconf', 'CMP-127 a refusal is acknowledged');
  t.equal(gist(await one.certConf([])), 'pkiconf', 'CMP-128 the empty list refuses');
  t.same(stage.core.confirmations.slice(before), [true, false, false]);

  const three = await issued(stage, { header: { pvno: 3 } });
  const sha512 = certHash(three.certificate, { oid: oids.sha512 });
  const hashed: CertStatus = { certHash: sha512.ok ? sha512.value : Buffer.alloc(0), certReqId: 0, hashAlg: { oid: oids.sha512 } };
  t.equal(gist(await three.certConf([hashed])), 'pkiconf', 'CMP-126 hashAlg with pvno 3');
  t.equal(gist(await three.certConf([{ ...hashed, hashAlg: { oid: oids.md5 } }])), 'error rejection badCertId', 'CMP-126 an unknown hash');
  const ten = await issued(stage, { type: 'p10cr' });
  t.equal(gist(await ten.certConf()), 'pkiconf', 'CMP-124 p10cr with -1');
  t.equal(gist(await ten.certConf([{ ...ten.status, certReqId: 0 }])), 'pkiconf', 'CMP-124 p10cr with 0');
  const implicit = await issued(stage, { implicitConfirm: true });
  t.equal(gist(await implicit.certConf()), 'error rejection badRequest', 'CMP-133 after implicit confirmation');
  t.equal(gist(await askBody(stage, { type: 'certConf', statuses: [] })), 'error rejection badRequest', 'CMP-122 out of the blue');
  t.equal(gist(await one.certConf([status], {}, await begin(secretOf(), one.transaction.transactionID))), 'pkiconf', 'CMP-066 another salt, the same secret');
});

t.test('CMP-016 address, version of HTTP, TLS and client may change from message to message, and none of them stands in for the sender', async (t) => {
  const stage = openStage();
  stage.core.secrets.set('other', Buffer.from('another secret'));
  const { transaction, bytes, reply, status, recipNonce } = await issued(stage);
  const elsewhere: Partial<CmpContext> = { clientIp: '2001:db8::7', httpVersion: '1.0', userAgent: 'another', isSecure: true };
  const again = await ask(stage, bytes, elsewhere);
  t.same(again.body, reply.body, 'the request again from elsewhere: the same certificate');
  t.equal(stage.core.requests.length, 1);
  const confirm = (by: CmpTransaction) => buildMessage(by, { senderNonce: nonce(), recipNonce }, { type: 'certConf', statuses: [status] });
  const neighbour = await begin(secretOf('other', Buffer.from('another secret')), transaction.transactionID);
  t.equal(gist(await ask(stage, confirm(neighbour), {})), 'error rejection badMessageCheck', 'from the same place by another');
  t.equal(gist(await ask(stage, confirm(transaction), elsewhere)), 'pkiconf', 'from elsewhere by the same');
  t.same(stage.core.confirmations, [true]);
});

t.test('what follows a request needs the credential of the request (CMP-130, CMP-151, CMP-202, CMP-205)', async (t) => {
  const stage = openStage();
  stage.core.secrets.set('other', Buffer.from('another secret'));
  const victim = await issued(stage);
  const id = victim.transaction.transactionID;
  const withNewCertificate = certificateOf({ certificate: victim.certificate, key });
  const others = [
    { other: await begin(secretOf('other', Buffer.from('another secret')), id), expected: 'error rejection badMessageCheck' },
    { other: await begin(certificateOf(newDevice('dev', stage.issuing)), id), expected: 'error rejection wrongIntegrity' },
    { other: await begin(withNewCertificate, id), expected: 'error rejection wrongIntegrity' },
  ];
  for (const { other, expected } of others) {
    t.equal(gist(await victim.certConf([victim.status], {}, other)), expected, `CMP-059 certConf by ${other.credential.kind} after a MAC`);
    const poll = buildMessage(other, { senderNonce: nonce(), recipNonce: victim.recipNonce }, { type: 'pollReq', certReqIds: [0] });
    t.equal(gist(await ask(stage, poll)), expected, `CMP-059 pollReq by ${other.credential.kind} after a MAC`);
  }
  for (const { other } of others.slice(0, 2)) {
    const request = buildRequest(other, { senderNonce: nonce() }, wish());
    t.equal(gist(await ask(stage, request)), 'error rejection transactionIdInUse', 'CMP-202 the same transactionID by another');
  }
  t.same(stage.core.confirmations, [], 'nothing was confirmed or refused');
  t.equal(gist(await victim.certConf()), 'pkiconf', 'and the transaction goes on');
});

t.test('retransmission (CMP-037, CMP-201)', async (t) => {
  const stage = openStage();
  const first = await issued(stage);
  const again = await ask(stage, first.bytes);
  t.same(again.body, first.reply.body, 'the same certificate');
  t.equal(stage.core.requests.length, 1, 'and no second order');
  t.ok(again.message.header.recipNonce?.equals(first.senderNonce));
  t.ok(again.message.header.senderNonce?.equals(first.recipNonce), 'with the nonce that a certConf after either copy repeats');
  t.equal(gist(await first.certConf()), 'pkiconf');
  const other = buildRequest(first.transaction, { senderNonce: nonce() }, wish());
  t.equal(gist(await ask(stage, other)), 'error rejection transactionIdInUse', 'another request under the same transactionID');
  const { message, body } = readReply(first.bytes);
  const renewed = encodePkiMessage({ header: { ...message.header, senderNonce: nonce() }, body }, first.transaction.protector);
  t.equal(gist(await ask(stage, renewed)), 'error rejection transactionIdInUse', 'the same body under another nonce is not the same message');
});

t.test('polling', async (t) => {
  const stage = openStage();
  for (const type of ['ir', 'p10cr'] as const) {
    stage.core.mode = 'wait';
    const transaction = await begin();
    const senderNonce = nonce();
    const waiting = await ask(stage, buildRequest(transaction, { senderNonce }, wish({ type, implicitConfirm: true })));
    t.equal(gist(waiting), `${type === 'ir' ? 'ip' : 'cp'} waiting`, `CMP-147 ${type}`);
    t.notMatch(waiting.body, { content: { response: [{ status: { failInfo: [] } }] } });
    t.equal(waiting.message.header.generalInfo, undefined, 'CMP-153 nothing is granted yet');
    let last = waiting;
    const poll = (certReqIds: readonly number[], more: Partial<PkiHeader> = {}) => {
      const nonces = { senderNonce: nonce(), recipNonce: last.message.header.senderNonce ?? Buffer.alloc(0) };
      return buildMessage(transaction, nonces, { type: 'pollReq', certReqIds }, more);
    };
    t.equal(gist(await ask(stage, poll([5]))), 'error rejection badRequest', 'CMP-148 certReqId 5');
    t.equal(gist(await ask(stage, poll([0, 0]))), 'error rejection badRequest', 'CMP-148 two entries');
    t.equal(gist(await ask(stage, poll([]))), 'error rejection badRequest', 'CMP-148 no entry');
    const byMinusOne = await ask(stage, poll([-1]));
    t.equal(gist(byMinusOne), type === 'ir' ? 'error rejection badRequest' : 'pollRep', 'CMP-148 certReqId -1');
    if (type === 'p10cr') last = byMinusOne;
    t.equal(gist(await ask(stage, poll([0], { recipNonce: nonce() }))), 'error rejection badRecipientNonce', 'CMP-044');
    t.equal(gist(await ask(stage, poll([0], { senderNonce }))), 'error rejection badSenderNonce', 'CMP-041');
    t.equal(gist(await ask(stage, poll([0], { transactionID: nonce() }))), 'error rejection badRequest', 'CMP-152');
    const firstPoll = poll([0]);
    last = await ask(stage, firstPoll);
    t.match(last.body, { type: 'pollRep', entries: [{ certReqId: 0, checkAfter: 1 }] }, 'CMP-149');
    t.ok(last.message.header.recipNonce?.equals(readReply(firstPoll).message.header.senderNonce ?? Buffer.alloc(0)), 'CMP-045');
    const repeated = await ask(stage, firstPoll);
    t.ok(repeated.message.header.senderNonce?.equals(last.message.header.senderNonce ?? Buffer.alloc(0)), 'a repeated pollReq changes nothing');
    stage.core.issueWaiting();
    const finalPoll = poll([0]);
    const final = await ask(stage, finalPoll);
    t.equal(gist(final), `${type === 'ir' ? 'ip' : 'cp'} accepted`, 'CMP-150');
    t.same(final.message.header.generalInfo, [implicitConfirmItem], 'CMP-153 granted in the final answer');
    t.equal(gist(await ask(stage, finalPoll)), gist(final), 'and given again when it was lost');
  }
});

t.test('a polled order that ends badly says so in the body of its request; one that ran out of time is an error (CMP-155)', async (t) => {
  const stage = openStage();
  for (const [code, expected] of [
    ['order-rejected', 'ip rejection notAuthorized'],
    ['order-expired', 'error rejection systemUnavail'],
  ] as const) {
    stage.core.mode = 'wait';
    const transaction = await begin();
    const waiting = await ask(stage, buildRequest(transaction, { senderNonce: nonce() }, wish()));
    stage.core.mode = code;
    const recipNonce = waiting.message.header.senderNonce ?? Buffer.alloc(0);
    const poll = buildMessage(transaction, { senderNonce: nonce(), recipNonce }, { type: 'pollReq', certReqIds: [0] });
    t.equal(gist(await ask(stage, poll)), expected);
  }
});

t.test('CMP-154 everything is checked before a device is told to wait', async (t) => {
  const stage = openStage();
  stage.core.mode = 'wait';
  t.equal(gist(await askBody(stage, ir({ certReq: certReqMsg().certReq }))), 'ip rejection badPOP');
  t.equal(stage.core.requests.length, 0);
});

t.test('CMP-073 later messages may leave extraCerts out', async (t) => {
  const stage = openStage();
  const device = newDevice('dev', stage.issuing);
  const first = await issued(stage, { credential: certificateOf(device) });
  const { message, body } = readReply(
    buildMessage(first.transaction, { senderNonce: nonce(), recipNonce: first.recipNonce }, { type: 'certConf', statuses: [first.status] }),
  );
  const withoutCerts = encodePkiMessage({ header: message.header, body }, first.transaction.protector);
  t.equal(gist(await ask(stage, withoutCerts)), 'pkiconf');
});

t.test('CMP-051 certProfile chooses the profile where the path names none, and what follows finds it', async (t) => {
  const first = openStage();
  const second = openStage({ profile: { tenantId: first.endpoint.profile.tenantId, endpointPath: 'second' } });
  const foreign = openStage({ profile: { endpointPath: 'foreign' } });
  const directory = directoryOf([first.endpoint, second.endpoint, foreign.endpoint]);
  const context = { clientIp: '192.0.2.1', chooseProfile: (name: string) => directory.cmp(name) };
  const viaDefault = async (bytes: Buffer) => readReply(bytesOf(await handleCmpMessage(first.endpoint, bytes, context, { ...second.deps })));
  const transaction = await begin();
  const reply = await viaDefault(buildRequest(transaction, { senderNonce: nonce() }, wish({ certProfile: 'second' })));
  t.equal(gist(reply), 'ip accepted');
  const recipNonce = reply.message.header.senderNonce ?? Buffer.alloc(0);
  t.equal(recipNonce.subarray(16).toString(), 'second', 'the nonce carries the name of the profile');
  t.equal(
    gist(await viaDefault(buildRequest(await begin(), { senderNonce: nonce() }, wish({ certProfile: 'foreign' })))),
    'ip rejection badRequest',
    'another tenant',
  );
  t.equal(gist(await viaDefault(buildRequest(await begin(), { senderNonce: nonce() }, wish({ certProfile: 'nosuch' })))), 'ip rejection badRequest');
  const strange = { generalInfo: [certProfileItem('nosuch')] };
  const asked = async (body: PkiBody) => gist(await viaDefault(buildMessage(await begin(), { senderNonce: nonce() }, body, strange)));
  t.equal(await asked({ type: 'genm', items: [] }), 'error rejection badRequest', 'what asks for no certificate');
  const unverified = buildMessage(await begin(secretOf(reference, Buffer.from('guess'))), { senderNonce: nonce() }, { type: 'genm', items: [] }, strange);
  t.equal(gist(await viaDefault(unverified)), 'error rejection badMessageCheck', 'nobody learns the names of profiles without a credential');
  const sent = await handleCmpMessage(
    first.endpoint,
    buildMessage(transaction, { senderNonce: nonce(), recipNonce }, { type: 'certConf', statuses: [] }),
    context,
    second.deps,
  );
  t.equal(gist(readReply(bytesOf(sent))), 'pkiconf');
});

t.test('messages of OpenSSL are answered', async (t) => {
  const stage = openStage({ policy: { messageTimeWindowSeconds: 0 } });
  const folder = fileURLToPath(new URL('../../../fixtures/cmp/', import.meta.url));
  const expected = {
    'ir-pbm-default-ir': 'ip accepted',
    'ir-pbm-hmac-sha256-ir': 'ip accepted',
    'ir-pbm-sha512-ir': 'ip accepted',
    'ir-ed25519-ir': 'ip accepted',
    'ir-geninfo-ir': 'ip accepted',
    'ir-no-possession-ir': 'ip rejection badPOP',
    'ir-key-encipherment-ir': 'ip rejection badPOP',
    'ir-ra-verified-ir': 'ip rejection notAuthorized',
    'ir-sans-only-ir': 'ip rejection badCertTemplate',
    'ir-polling-pollreq1': 'error rejection badRequest',
    'genm-pbm-genm': 'genp',
    'rr-signed-rr': 'rp accepted',
    'cr-signed-cr': 'cp accepted',
    'p10cr-signed-p10cr': 'cp accepted',
    'kur-signed-kur': 'kup accepted',
    'ir-vendor-ir': 'ip accepted',
  };
  for (const [name, answer] of Object.entries(expected)) {
    t.equal(gist(await ask(stage, readFileSync(`${folder}${name}.der`))), answer, name);
  }
});

t.test('refusals before the core are noted for the operator, with the reason and never the secret', async (t) => {
  const stage = openStage();
  await askBody(stage, ir(), {}, secretOf(reference, Buffer.from('wrong')));
  await askBody(stage, ir({ certReq: certReqMsg().certReq }));
  await ask(stage, randomBytes(20), { httpVersion: '1.0' });
  const { tenantId, id: profileId } = stage.endpoint.profile;
  t.match(stage.core.refusals, [
    { reason: 'bad-mac', tenantId, profileId, source: '192.0.2.1', clientFamily: 'unknown', detail: /reference device-77/ },
    { reason: 'bad-proof-of-possession', detail: /missing/ },
    { reason: 'malformed', clientFamily: 'openssl-cmp' },
  ]);
  t.notMatch(JSON.stringify(stage.core.refusals), /wrong secret|correct horse/);
});

t.test('a vendor authority of the test is no authority of the stage', async (t) => {
  const stage = openStage();
  const vendor = newDevice('camera-1', newAuthority('Vendor CA'));
  const reply = await askBody(stage, ir(), {}, certificateOf(vendor));
  t.equal(gist(reply), 'ip accepted', 'whom to trust is for the core to say');
  t.ok(stage.core.requests[0]?.evidence.signer?.certificate.der.equals(vendor.certificate.der), 'which gets the certificate that signed');
});
