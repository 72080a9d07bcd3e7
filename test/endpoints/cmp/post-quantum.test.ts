import { generateKeyPairSync, randomBytes } from 'node:crypto';
import t from 'tap';
import { createEngine } from '../../../src/crypto-engine/index.js';
import { buildCertConf, buildMessage } from '../../../src/device-client/cmp-messages.js';
import { checkPolicy } from '../../../src/enrolment/policy.js';
import {
  basicConstraintsExtension,
  buildChainInTurns,
  type Certificate,
  createMlDsaSigner,
  decapsulate,
  keyUsageExtension,
  keyUsageOf,
  parseCertificate,
  parseCsr,
  parsePublicKey,
  postQuantumPair,
  readAlgorithmIdentifier,
  type Signer,
  signCsr,
  verifyMlDsa,
  verifyMlDsaAhead,
} from '../../../src/pkix/index.js';
import { knownVerdict } from '../../../src/pkix/ml-dsa-ahead.js';
import { nativePostQuantum } from '../../../src/pkix/post-quantum-native.js';
import { certHash, encodeSubsequentMessage, type PkiBody, type ProofOfPossession, provePossession } from '../../../src/protocol/cmp/index.js';
import { decryptContent, kemKey, readContentCipher, unwrapKeyAes } from '../../../src/protocol/cms/index.js';
import { Cursor, contextConstructed, contextPrimitive, der, encode, oids } from '../../../src/protocol/der/index.js';
import { systemClock } from '../../../src/runtime/clock.js';
import { policySchema } from '../../../src/tenancy/policy.js';
import { memoryEngineStore } from '../../support/memory-engine-store.js';
import { cmpProfile, scepProfile } from '../../support/profiles.js';
import { ask, askBody, certReqMsg } from './asking.js';
import { begin, certificateOf, gist, nonce } from './requests.js';
import { certify, type Key, named, newDevice, openStage } from './stage.js';

const { privateKey } = generateKeyPairSync('ed25519');

interface PostQuantumKey extends Key {
  readonly secretKey: Buffer;
}

function newPostQuantumKey(oid: string, parameters?: Buffer): PostQuantumKey {
  const pair = postQuantumPair(oid, randomBytes(oid.startsWith('2.16.840.1.101.3.4.3') ? 32 : 64));
  const key = parsePublicKey(encode(der.sequence(der.sequence(der.oid(oid), parameters), der.bitString(pair.publicKey))));
  if (!key.ok) throw key.error;
  // The signer is what tests use; node:crypto holds no such private key.
  return { privateKey, signer: createMlDsaSigner(pair.secretKey, key.value), secretKey: pair.secretKey };
}

const keys = { postQuantum: true };
const on = (cmp: Partial<ReturnType<typeof policySchema.parse>['cmp']> = {}) =>
  openStage({
    profile: { policy: policySchema.parse({ keys, cmp: { signatures: ['ecdsa', 'ml-dsa'], possession: { encryptedCertificate: true }, ...cmp } }) },
  });
const ir = (key: Key): PkiBody => ({ type: 'ir', messages: [certReqMsg(key)] });

t.test('CMP-076 ML-DSA keys are certified and protect messages, where the profile asks for the experiment', async (t) => {
  for (const oid of [oids.mlDsa44, oids.mlDsa65, oids.mlDsa87]) {
    const stage = on();
    const key = newPostQuantumKey(oid);
    t.equal(gist(await askBody(stage, ir(key))), 'ip accepted', `${key.signer.publicKey.name} in ir`);
    t.equal(stage.core.requests[0]?.facts.keyType, key.signer.publicKey.name);
    const device = newDevice('device-77', stage.issuing, key);
    t.equal(gist(await askBody(stage, { ...ir(key), type: 'kur' } as PkiBody, {}, certificateOf(device))), 'kup accepted', 'protected by it');
    const other = { ...device, key: newPostQuantumKey(oid) };
    t.equal(gist(await askBody(stage, ir(key), {}, certificateOf(other))), 'error rejection badMessageCheck', 'by another key');
    const csr = parseCsr(signCsr({ subject: named('device-77'), extensions: [] }, key.signer));
    if (!csr.ok) throw csr.error;
    t.equal(gist(await askBody(stage, { type: 'p10cr', csr: csr.value })), 'cp accepted', 'p10cr');
    const foreign: ProofOfPossession = provePossession(certReqMsg(key).certReq, newPostQuantumKey(oid).signer);
    t.equal(gist(await askBody(stage, { type: 'ir', messages: [certReqMsg(key, { popo: foreign })] })), 'ip rejection badPOP');
  }
  const off = openStage();
  const key = newPostQuantumKey(oids.mlDsa44);
  t.equal(gist(await askBody(off, ir(key))), 'ip rejection badAlg', 'off by default');
  const device = newDevice('device-77', off.issuing, key);
  t.equal(gist(await askBody(off, ir(key), {}, certificateOf(device))), 'error rejection badAlg', 'off by default');
  const withNull = newPostQuantumKey(oids.mlDsa44, der.nullValue());
  t.equal(gist(await askBody(on(), ir(withNull))), 'ip rejection badCertTemplate', 'NULL parameters');
  const signer: Signer = { ...key.signer, algorithm: { oid: oids.mlDsa44, parameters: der.nullValue() } };
  const nulled = { certificate: newDevice('device-77', off.issuing, key).certificate, key: { ...key, signer } };
  t.equal(gist(await askBody(on(), ir(key), {}, certificateOf(nulled))), 'error rejection badAlg', 'NULL parameters of the protection');
});

t.test('CMP-110 CMP-197 an ML-KEM key is certified by encrCert, its holder decapsulating', async (t) => {
  for (const oid of [oids.mlKem512, oids.mlKem768, oids.mlKem1024]) {
    const stage = on();
    const key = newPostQuantumKey(oid);
    const popo: ProofOfPossession = { kind: 'keyEncipherment', privKey: encode(encodeSubsequentMessage('encrCert')) };
    const transaction = await begin();
    const body: PkiBody = { type: 'ir', messages: [certReqMsg(key, { popo })] };
    const reply = await ask(stage, buildMessage(transaction, { senderNonce: nonce() }, body, { pvno: 3 }));
    t.equal(gist(reply), 'ip accepted', key.signer.publicKey.name);
    const content = 'content' in reply.body && 'response' in reply.body.content ? reply.body.content : undefined;
    const certificate = parseCertificate(open(content?.response[0]?.certifiedKeyPair?.encryptedCert, oid, key));
    if (!certificate.ok) throw certificate.error;
    t.same(certificate.value.publicKey.spki, key.signer.publicKey.spki);
    const hash = certHash(certificate.value);
    if (!hash.ok) throw new Error(hash.error);
    const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
    t.equal(gist(await ask(stage, buildCertConf(transaction, nonces, { certReqId: 0, certHash: hash.value }))), 'pkiconf');
  }
  const key = newPostQuantumKey(oids.mlKem768);
  const agreement: ProofOfPossession = { kind: 'keyAgreement', privKey: encode(encodeSubsequentMessage('encrCert')) };
  t.equal(gist(await askBody(on(), { type: 'ir', messages: [certReqMsg(key, { popo: agreement })] }, { pvno: 3 })), 'ip rejection badPOP');
  t.equal(gist(await askBody(on(), { type: 'ir', messages: [certReqMsg(key, { popo: null })] }, { pvno: 3 })), 'ip rejection badPOP', 'it cannot sign');
});

/** RFC 9629 section 3, as a device reads it. */
function open(encryptedKey: Buffer | undefined, oid: string, key: PostQuantumKey): Buffer {
  const fields = new Cursor(encryptedKey ?? Buffer.alloc(0)).enter(contextConstructed(0));
  if (fields.smallInteger() !== 3) throw new Error('RFC 5652 section 6.1: version 3 with ori');
  const other = fields.set().enter(contextConstructed(4));
  if (other.oid() !== oids.oriKem) throw new Error('not id-ori-kem');
  const info = other.sequence();
  info.smallInteger();
  if (!info.content(contextPrimitive(0)).equals(key.signer.publicKey.keyIdentifier)) throw new Error('for another key');
  if (readAlgorithmIdentifier(info).oid !== oid) throw new Error('another KEM');
  const sharedSecret = decapsulate(oid, key.secretKey, info.octetString());
  info.skip();
  info.skip();
  info.skip();
  const contentKey = unwrapKeyAes('aes256', kemKey(sharedSecret, 'aes256'), info.octetString());
  const encrypted = fields.sequence();
  encrypted.skip();
  const choice = readContentCipher(readAlgorithmIdentifier(encrypted));
  if (!choice.ok || contentKey === undefined) throw new Error('cannot be opened');
  return decryptContent(choice.value, contentKey, encrypted.content(contextPrimitive(0))).content;
}

t.test('the policy lets post-quantum keys in by name only, with the usages their RFCs allow; the embedded engine certifies them', async (t) => {
  const engine = createEngine({ store: memoryEngineStore(), clock: systemClock, publicBaseUrl: 'http://127.0.0.1:1' });
  await engine.ensureCas();
  const grant = { operation: 'enrolment', credential: 'test' } as const;
  const usages = keyUsageExtension(['digitalSignature']);
  const rows = [
    [oids.mlDsa65, ['digitalSignature']],
    [oids.mlKem768, ['keyEncipherment']],
  ] as const;
  for (const [oid, expected] of rows) {
    const { publicKey } = newPostQuantumKey(oid).signer;
    const wanted = { publicKey, subject: named('device-77'), extensions: [usages] };
    const refused = checkPolicy(wanted, grant, cmpProfile(), new Date());
    t.match(refused, { ok: false, error: { code: 'key-type' } }, 'off by default');
    const policy = policySchema.parse({ keys });
    t.match(checkPolicy(wanted, grant, scepProfile({ policy }), new Date()), { ok: false, error: { code: 'key-type' } }, 'not by SCEP');
    const checked = checkPolicy(wanted, grant, cmpProfile({ policy }), new Date());
    if (!checked.ok) throw new Error(checked.error.code);
    t.same(checked.value.request.keyUsage, expected);
    const signed = await engine.sign(checked.value.request);
    if (!signed.ok) throw new Error(signed.error);
    const certificate = parseCertificate(signed.value.certificate);
    if (!certificate.ok) throw certificate.error;
    t.same(certificate.value.publicKey.spki, publicKey.spki);
    t.same(keyUsageOf(certificate.value.extensions), { ok: true, value: expected });
  }
});

/** Nothing is verified ahead where the runtime verifies in a fraction of a millisecond. */
const skip = nativePostQuantum() !== undefined && 'the runtime has a quick ML-DSA';

t.test('CMP-203 ML-DSA signatures are verified on another thread, and once: the event loop goes on meanwhile', { skip }, async (t) => {
  const key = newPostQuantumKey(oids.mlDsa87);
  const data = randomBytes(64);
  const check = { oid: oids.mlDsa87, publicKey: key.signer.publicKey.bits, data, signature: key.signer.sign(data) };
  const asked = verifyMlDsaAhead(check);
  t.equal(knownVerdict(check), undefined, 'to ask is not to verify');
  t.equal(await asked, true);
  t.equal(knownVerdict(check), true, 'known from now on');
  t.equal(verifyMlDsa(check.oid, check.publicKey, data, check.signature), true);
  const wrong = { ...check, data: randomBytes(64) };
  t.equal(knownVerdict(wrong), undefined, 'a verdict is for exactly these octets');
  t.equal(await verifyMlDsaAhead(wrong), false);
  t.equal(verifyMlDsa(wrong.oid, wrong.publicKey, wrong.data, wrong.signature), false);
  t.equal(await verifyMlDsaAhead({ ...check, signature: check.signature.subarray(1) }), false, 'of another length');
  t.equal(await verifyMlDsaAhead({ ...check, oid: oids.mlDsa44 }), false, 'another set');
  t.equal(await verifyMlDsaAhead({ ...check, oid: oids.ed25519 }), false, 'no ML-DSA');
  const many = Array.from({ length: 80 }, () => verifyMlDsaAhead({ ...check, data: randomBytes(64) }).catch((error: Error) => error.name));
  const answers = await Promise.all(many);
  t.equal(answers.filter((item) => item === 'Busy').length, 16, 'and no more than 64 wait');
});

t.test(
  'CMP-074 CMP-203 everything ML-DSA of a message was verified before anybody asks: protection, proof, PKCS#10 and every link of the chain',
  { skip },
  async (t) => {
    const [rootKey, middleKey, deviceKey] = [newPostQuantumKey(oids.mlDsa65), newPostQuantumKey(oids.mlDsa87), newPostQuantumKey(oids.mlDsa44)];
    const ca = [basicConstraintsExtension({ ca: true }), keyUsageExtension(['keyCertSign'])];
    const root = certify(named('PQ Root'), rootKey.signer.publicKey, rootKey.signer, undefined, ca);
    const middle = certify(named('PQ CA'), middleKey.signer.publicKey, rootKey.signer, root, ca);
    const leaf = certify(named('device-77'), deviceKey.signer.publicKey, middleKey.signer, middle, [keyUsageExtension(['digitalSignature'])]);
    const policy = policySchema.parse({ keys, cmp: { signatures: ['ml-dsa'] } });
    const stage = openStage({ profile: { policy }, trustAnchors: [root] });
    const credential = certificateOf({ key: deviceKey, certificate: leaf }, [middle]);
    const request = certReqMsg(deviceKey);
    t.equal(gist(await askBody(stage, { type: 'ir', messages: [request] }, {}, credential)), 'ip accepted');
    const isKnown = (subject: Certificate, { signer }: Key) =>
      knownVerdict({ oid: subject.signatureAlgorithm.oid, publicKey: signer.publicKey.bits, data: subject.tbs, signature: subject.signature });
    t.equal(isKnown(leaf, middleKey), undefined, 'the chain is nobody’s business before the request is sound');
    t.equal((await buildChainInTurns({ leaf, intermediates: [middle], anchors: [root], at: new Date() })).ok, true);
    t.equal(isKnown(leaf, middleKey), true);
    t.equal(isKnown(middle, rootKey), true, 'and then verified there too');
    const { popo } = request;
    const signature = popo?.kind === 'signature' ? popo.signingKey.signature : Buffer.alloc(0);
    t.equal(knownVerdict({ oid: oids.mlDsa44, publicKey: deviceKey.signer.publicKey.bits, data: request.certReq.der, signature }), true);
    const csr = parseCsr(signCsr({ subject: named('device-77'), extensions: [] }, deviceKey.signer));
    if (!csr.ok) throw csr.error;
    t.equal(gist(await askBody(stage, { type: 'p10cr', csr: csr.value }, {}, credential)), 'cp accepted');
    const { info, signature: own } = csr.value;
    t.equal(knownVerdict({ oid: oids.mlDsa44, publicKey: deviceKey.signer.publicKey.bits, data: info, signature: own }), true);
    const strayed = certificateOf({ key: newPostQuantumKey(oids.mlDsa44), certificate: leaf }, [middle]);
    const unasked = certReqMsg(newPostQuantumKey(oids.mlDsa44));
    t.equal(gist(await askBody(stage, { type: 'ir', messages: [unasked] }, {}, strayed)), 'error rejection badMessageCheck');
    const unread = unasked.popo?.kind === 'signature' ? unasked.popo.signingKey.signature : Buffer.alloc(0);
    const publicKey = parsePublicKey(unasked.certReq.certTemplate.publicKey ?? Buffer.alloc(0));
    if (!publicKey.ok) throw publicKey.error;
    t.equal(
      knownVerdict({ oid: oids.mlDsa44, publicKey: publicKey.value.bits, data: unasked.certReq.der, signature: unread }),
      undefined,
      'a forged message costs one verification',
    );
  },
);
