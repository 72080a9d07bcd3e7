import { createPrivateKey, generateKeyPairSync, hash, randomBytes, verify } from 'node:crypto';
import t, { type Test } from 'tap';
import { buildCertConf, buildMessage } from '../../../src/device-client/cmp-messages.js';
import {
  createSigner,
  dnsName,
  emptyName,
  extendedKeyUsageExtension,
  keyUsageExtension,
  type Name,
  parseCertificate,
  publicKeyOf,
  subjectAltNameExtension,
} from '../../../src/pkix/index.js';
import {
  certHash,
  deriveMacKey,
  encodeMacPopoSigningKeyInput,
  encodePopoSigningKeyInput,
  encodeSubsequentMessage,
  encodeTemplateExtensions,
  implicitConfirmItem,
  macProtector,
  type PkiBody,
  type ProofOfPossession,
  pbmac1Parameters,
  type SubsequentMessage,
} from '../../../src/protocol/cmp/index.js';
import { Cursor, contextConstructed, contextPrimitive, der, encode, oids, tag } from '../../../src/protocol/der/index.js';
import type { Policy } from '../../../src/tenancy/policy.js';
import { ask, askBody, bytesOf, certReqMsg } from './asking.js';
import { openKey } from './opened-key.js';
import { asGeneralName, begin, certificateOf, gist, nonce, type ReadReply, readReply, secretOf } from './requests.js';
import { certify, type Key, named, newAuthority, newDevice, newKey, openStage, type Stage, secret } from './stage.js';

function pairOf({ body }: ReadReply) {
  const pair = 'content' in body && 'response' in body.content ? body.content.response[0]?.certifiedKeyPair : undefined;
  if (pair === undefined) throw new Error('no certifiedKeyPair');
  return pair;
}

function keyOf(type: 'ed448' | 'P-521' | 'RSA-3072'): Key {
  const pair =
    type === 'ed448'
      ? generateKeyPairSync('ed448')
      : type === 'P-521'
        ? generateKeyPairSync('ec', { namedCurve: type })
        : generateKeyPairSync('rsa', { modulusLength: 3072 });
  return { privateKey: pair.privateKey, signer: createSigner(pair.privateKey, publicKeyOf(pair.privateKey)) };
}

const indirect = (kind: 'keyEncipherment' | 'keyAgreement', message: SubsequentMessage = 'encrCert'): ProofOfPossession => ({
  kind,
  privKey: encode(encodeSubsequentMessage(message)),
});

const irFor = (key: Key, popo: ProofOfPossession | null): PkiBody => ({ type: 'ir', messages: [certReqMsg(key, { popo })] });
const version3 = { pvno: 3 };
const serving = { possession: { encryptedCertificate: true, challengeResponse: false, agreeMac: false } };

t.test('CMP-110 encrCert: who can decrypt the certificate has its key; confirming it proves that', async (t) => {
  const keys = [
    ['RSA', newKey('RSA'), 'keyEncipherment'],
    ['P-256', newKey('P-256'), 'keyAgreement'],
    ['P-521', keyOf('P-521'), 'keyAgreement'],
  ] as const;
  for (const [name, key, kind] of keys) {
    const stage = openStage({ policy: serving });
    const transaction = await begin(secretOf());
    const more = { ...version3, generalInfo: [implicitConfirmItem] };
    const request = buildMessage(transaction, { senderNonce: nonce() }, irFor(key, indirect(kind)), more);
    const reply = await ask(stage, request);
    t.equal(gist(reply), 'ip accepted', name);
    const pair = pairOf(reply);
    t.equal(pair.certificate, undefined, 'not in the clear');
    const opened = openKey(pair.encryptedCert, key);
    t.match(opened, { version: 2, kind: kind === 'keyEncipherment' ? 'ktri' : 'kari', contentType: oids.data });
    t.same(opened.recipient, key.signer.publicKey.keyIdentifier, 'CMP-192 named by its key');
    t.notOk(
      reply.message.header.generalInfo?.some((item) => item.infoType === oids.implicitConfirm),
      'never confirmed implicitly',
    );
    const certificate = parseCertificate(opened.content);
    if (!certificate.ok) throw certificate.error;
    t.same(certificate.value.publicKey.spki, key.signer.publicKey.spki);
    t.throws(() => openKey(pair.encryptedCert, kind === 'keyEncipherment' ? newKey('RSA') : newKey(name === 'P-521' ? 'P-384' : 'P-256')), 'with another key');
    const again = pairOf(await ask(stage, request));
    t.same(openKey(again.encryptedCert, key).content, opened.content, 'CMP-037 the same to a retransmission');
    const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
    const hash = certHash(certificate.value);
    if (!hash.ok) throw new Error(hash.error);
    const wrong = await ask(stage, buildCertConf(transaction, nonces, { certReqId: 0, certHash: randomBytes(32) }));
    t.equal(gist(wrong), 'error rejection badCertId', 'CMP-221 who cannot decrypt does not know the hash');
    t.same(stage.core.confirmations, []);
    t.equal(gist(await ask(stage, buildCertConf(transaction, { ...nonces, senderNonce: nonce() }, { certReqId: 0, certHash: hash.value }))), 'pkiconf');
    t.same(stage.core.confirmations, [true]);
  }
});

/** The tags on the way to the content of a certifiedKeyPair, read without the codec that wrote them. */
function tagsOf({ message }: ReadReply): readonly (readonly number[])[] {
  const content = new Cursor(message.bodyDer).enter(contextConstructed(1)).sequence();
  const pubs = content.at(contextConstructed(1)) ? [content.peekTag()] : [];
  if (pubs.length > 0) content.skip();
  const response = content.sequence().sequence();
  response.skip();
  response.skip();
  const alternatives = response.sequence().each((item) => {
    const outer = item.peekTag();
    return [outer, item.enter(outer).peekTag()];
  });
  return [pubs, ...alternatives];
}

t.test('CMP-121 certificate [0], encryptedCert [1] and privateKey [0] are EXPLICIT, EnvelopedData in them IMPLICIT [0]', async (t) => {
  const [zero, one] = [contextConstructed(0), contextConstructed(1)];
  const plain = await askBody(openStage({ policy: { caPubs: true } }), { type: 'ir', messages: [certReqMsg(newKey())] });
  t.same(tagsOf(plain), [[one], [zero, tag.sequence]]);
  const rsa = newKey('RSA');
  t.same(tagsOf(await askBody(openStage({ policy: serving }), irFor(rsa, indirect('keyEncipherment')), version3)), [[], [one, zero]]);
  t.same(tagsOf(await askBody(openGenerator(), withoutKey(), version3)), [[], [zero, tag.sequence], [zero, zero]]);
});

t.test('CMP-110 CMP-207 CMP-208 what does not prove possession is badPOP', async (t) => {
  const stage = openStage({ policy: serving });
  const [rsa, ec] = [newKey('RSA'), newKey()];
  const raw = (element: Buffer): ProofOfPossession => ({ kind: 'keyEncipherment', privKey: element });
  const bits = (n: number) => der.retagged(contextPrimitive(n), der.bitString(randomBytes(16)));
  const rows: readonly (readonly [row: string, key: Key, popo: ProofOfPossession | null, header: object, expected?: string])[] = [
    ['CMP-025 encrCert under pvno 2: EncryptedValue is not written', rsa, indirect('keyEncipherment'), {}, 'ip rejection badRequest'],
    ['challengeResp', rsa, indirect('keyEncipherment', 'challengeResp'), version3],
    ['thisMessage', rsa, raw(bits(0)), version3],
    ['dhMAC', rsa, raw(bits(2)), version3],
    ['an alternative that is none', rsa, raw(der.nullValue()), version3],
    ['key encipherment of an EC key', ec, indirect('keyEncipherment'), version3],
    ['key agreement of an RSA key', rsa, indirect('keyAgreement'), version3],
    ['key agreement of a signing key', newKey('Ed25519'), indirect('keyAgreement'), version3],
    ['no proof at all', ec, null, version3],
    ['CMP-108 raVerified of a device', ec, { kind: 'raVerified' }, version3, 'ip rejection notAuthorized'],
  ];
  for (const [row, key, popo, header, expected = 'ip rejection badPOP'] of rows) t.equal(gist(await askBody(stage, irFor(key, popo), header)), expected, row);
  const off = openStage();
  t.equal(gist(await askBody(off, irFor(rsa, indirect('keyEncipherment')), version3)), 'ip rejection badPOP', 'CMP-110 off by default');
  t.equal(stage.core.requests.length, 0, 'nothing reached the core');
});

t.test('CMP-106 publicKeyMAC: a template without a subject, its key vouched for by the shared secret', async (t) => {
  const key = newKey();
  const san = encodeTemplateExtensions([subjectAltNameExtension([dnsName('device.example')])]);
  const parameters = pbmac1Parameters({ salt: nonce(), iterationCount: 2_000, keyLength: 32, prf: 'sha256', mac: 'sha256' });
  const keyMac = async (value: Buffer, spki: Buffer) => {
    const protector = macProtector(parameters, await deriveMacKey(parameters, value), Buffer.alloc(0));
    return { algId: parameters.algorithm, value: protector.protect(spki) };
  };
  const { spki } = key.signer.publicKey;
  const proofWith = async (mac: { algId: { oid: string; parameters?: Buffer }; value: Buffer }, publicKey = spki): Promise<ProofOfPossession> => {
    const input = encode(encodeMacPopoSigningKeyInput(mac, publicKey));
    const poposkInput = { publicKeyMAC: mac, publicKey, der: input };
    return { kind: 'signature', signingKey: { poposkInput, algorithmIdentifier: key.signer.algorithm, signature: key.signer.sign(input) } };
  };
  const body = (popo: ProofOfPossession, subject: object = { subject: named('device-77') }): PkiBody => ({
    type: 'ir',
    messages: [certReqMsg(key, { template: { extensions: san, ...subject }, popo })],
  });
  const good = await keyMac(secret, spki);
  t.equal(gist(await askBody(openStage(), body(await proofWith(good)))), 'ip rejection badPOP', 'CMP-105 not beside subject and key in the template');
  const stage = openStage({ policy: { conduct: '3gpp' } });
  const without = { subject: undefined };
  const device = certificateOf(newDevice('dev', stage.issuing));
  const refused = 'ip rejection badPOP';
  const rows = [
    ['under the secret of the message', await proofWith(good), secretOf(), 'ip accepted'],
    ['under another secret', await proofWith(await keyMac(Buffer.from('other'), spki)), secretOf(), refused],
    ['over another key', await proofWith(await keyMac(secret, newKey().signer.publicKey.spki)), secretOf(), refused],
    ['for another key than that of the template', await proofWith(good, newKey().signer.publicKey.spki), secretOf(), refused],
    ['beside a signature, which has no secret', await proofWith(good), device, refused],
  ] as const;
  for (const [row, popo, credential, expected] of rows) t.equal(gist(await askBody(stage, body(popo, without), {}, credential)), expected, row);
});

t.test('CMP-227 CMP-228 CMP-229 CMP-234 base stations: no subject, no senderKID, the root among extraCerts', async (t) => {
  const [base, standard] = [openStage({ policy: { conduct: '3gpp', protection: ['signature'] } }), openStage()];
  const key = newKey();
  for (const stage of [base, standard]) {
    const isBase = stage === base;
    const vendor = newDevice('SN 4711', stage.issuing);
    const popo = senderProof(key, vendor.certificate.subject);
    const subjectless: PkiBody = { type: 'ir', messages: [certReqMsg(key, { template: { subject: undefined }, popo })] };
    const reply = await askBody(stage, subjectless, {}, certificateOf(vendor));
    t.equal(gist(reply), isBase ? 'ip accepted' : 'ip rejection badCertTemplate', 'CMP-227');
    const hasRoot = reply.message.extraCerts.some((item) => item.equals(stage.root.certificate.der));
    t.equal(hasRoot, isBase, 'CMP-229');
    const transaction = await begin(certificateOf(vendor));
    const { protectionAlg } = transaction.protector.header;
    const withoutKid = { ...transaction, protector: { ...transaction.protector, header: { ...(protectionAlg && { protectionAlg }) } } };
    const plain = buildMessage(withoutKid, { senderNonce: nonce() }, { type: 'ir', messages: [certReqMsg(key)] }, { recipient: asGeneralName(emptyName) });
    t.equal(gist(await ask(stage, plain)), isBase ? 'ip accepted' : 'error rejection badMessageCheck', 'CMP-234');
  }
  t.same(base.core.requests[0]?.wanted.subject.der, named('SN 4711').der, 'the name is that of the vendor certificate');
  const wrongName: PkiBody = { type: 'ir', messages: [certReqMsg(key, { template: { subject: undefined }, popo: senderProof(key, named('SN 1')) })] };
  t.equal(gist(await askBody(base, wrongName, {}, certificateOf(newDevice('SN 4711', base.issuing)))), 'ip rejection badPOP', 'CMP-228 the sender of another');
  t.equal(gist(await askBody(base, irFor(key, null))), 'error rejection wrongIntegrity', 'CMP-226 a profile for signatures');
});

function senderProof(key: Key, sender: Name): ProofOfPossession {
  const name = asGeneralName(sender);
  const { spki } = key.signer.publicKey;
  const input = encode(encodePopoSigningKeyInput(name, spki));
  const poposkInput = { sender: name, publicKey: spki, der: input };
  return { kind: 'signature', signingKey: { poposkInput, algorithmIdentifier: key.signer.algorithm, signature: key.signer.sign(input) } };
}

/** A stage whose RA may make keys. */
function openGenerator(policy: Partial<Policy['cmp']['centralKeys']> = {}, purposes = [oids.cmcRA, oids.cmKGA]): Stage {
  const stage = openStage({ policy: { centralKeys: { serve: true, withoutTls: true, keyTypes: ['P-256', 'RSA-2048', 'RSA-3072', 'Ed25519'], ...policy } } });
  const [raKey] = stage.endpoint.raKeys;
  if (raKey === undefined) throw new Error('no RA key');
  const more = [keyUsageExtension(['digitalSignature']), extendedKeyUsageExtension(purposes)];
  const { subject, publicKey } = raKey.certificate;
  const certificate = certify(subject, publicKey, stage.issuing.key.signer, stage.issuing.certificate, more);
  Object.assign(stage.endpoint, { raKeys: [{ ...raKey, certificate }] });
  return stage;
}

const withoutKey = (publicKey?: Buffer, controls?: { type: string; value: Buffer }[]): PkiBody => ({
  type: 'ir',
  messages: [certReqMsg(newKey(), { template: { publicKey }, popo: null, ...(controls && { controls }) })],
});
const emptySpki = (...algorithm: Buffer[]) => encode(der.sequence(der.sequence(...algorithm), der.bitString(Buffer.alloc(0))));

/** The private key in a reply, after its package has been checked as RFC 9483 section 4.1.6 says. */
function receive(t: Test, stage: Stage, reply: ReadReply, key: Key | Buffer) {
  const pair = pairOf(reply);
  const opened = openKey(pair.privateKey, key);
  t.equal(opened.contentType, oids.signedData, 'CMP-192 a SignedData inside');
  const signed = new Cursor(opened.content).sequence();
  t.equal(signed.smallInteger(), 3, 'CMP-193 version 3');
  signed.set();
  const content = signed.sequence();
  t.equal(content.oid(), oids.aKeyPackage);
  const keyPackage = content.enter(contextConstructed(0)).octetString();
  const first = signed.enter(contextConstructed(0)).element();
  t.same(first, stage.endpoint.raKeys[0]?.certificate.der, 'CMP-193 the signer first');
  const info = signed.set().sequence();
  t.equal(info.smallInteger(), 3);
  t.same(info.content(contextPrimitive(0)), stage.endpoint.raKeys[0]?.certificate.publicKey.keyIdentifier);
  info.skip();
  const attributes = der.retagged(tag.set, info.element());
  info.skip();
  const signer = stage.endpoint.raKeys[0]?.certificate.publicKey.keyObject();
  t.ok(signer?.ok && verify('sha256', attributes, signer.value, info.octetString()), 'CMP-193 signed');
  t.ok(attributes.includes(hash('sha256', keyPackage, 'buffer')));
  const one = new Cursor(keyPackage).sequence().sequence();
  one.skip();
  const pkcs8 = encode(der.sequence(der.integer(0), one.element(), one.element()));
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const certificate = parseCertificate(pair.certificate ?? Buffer.alloc(0));
  t.ok(certificate.ok && certificate.value.publicKey.spki.equals(publicKeyOf(privateKey).spki), 'the key of the certificate');
  return { opened, privateKey, certificate: certificate.ok ? certificate.value : undefined };
}

t.test('CMP-191 CMP-192 CMP-193 CMP-194 CMP-195 CMP-196 a key pair is made here and comes to who asked for it alone', async (t) => {
  const stage = openGenerator();
  const usage = (...usages: ('keyEncipherment' | 'keyAgreement' | 'digitalSignature')[]) => keyUsageExtension(['digitalSignature', ...usages]);
  const rsa = newDevice('dev', stage.issuing, newKey('RSA'), usage('keyEncipherment'));
  const ec = newDevice('dev', stage.issuing, newKey(), usage('keyAgreement'));
  const rows = [
    ['CMP-196 a shared secret', secretOf(), secret, 'pwri', 0],
    ['CMP-194 an RSA certificate', certificateOf(rsa), rsa.key, 'ktri', 2],
    ['CMP-195 an EC certificate', certificateOf(ec), ec.key, 'kari', 2],
  ] as const;
  for (const [row, credential, key, kind, version] of rows) {
    const reply = await askBody(stage, withoutKey(), version3, credential);
    t.equal(gist(reply), 'ip accepted', row);
    const { opened, privateKey } = receive(t, stage, reply, key);
    t.match(opened, { kind, version }, row);
    if (credential.kind === 'certificate') t.same(opened.recipient, credential.certificate.publicKey.keyIdentifier, 'named by senderKID');
    else t.notOk(reply.message.header.protectionAlg?.parameters?.includes(opened.salt ?? Buffer.alloc(1)), 'CMP-196 another salt than that of the MAC');
    t.equal(privateKey.asymmetricKeyDetails?.namedCurve, 'prime256v1', 'the first kind of the profile');
  }
  const kinds = [
    ['EC', emptySpki(der.oid(oids.ecPublicKey), der.oid(oids.p256)), undefined, 'ec'],
    ['RSA', emptySpki(der.oid(oids.rsaEncryption), der.nullValue()), undefined, 'rsa 2048'],
    ['RSA of a size', emptySpki(der.oid(oids.rsaEncryption), der.nullValue()), [{ type: oids.rsaKeyLenCtrl, value: der.integer(3072) }], 'rsa 3072'],
    ['Ed25519', emptySpki(der.oid(oids.ed25519)), undefined, 'ed25519'],
  ] as const;
  for (const [row, spki, controls, expected] of kinds) {
    const reply = await askBody(stage, withoutKey(spki, controls && [...controls]), version3);
    const { asymmetricKeyType, asymmetricKeyDetails } = receive(t, stage, reply, secret).privateKey;
    t.equal([asymmetricKeyType, asymmetricKeyDetails?.modulusLength].filter((part) => part !== undefined).join(' '), expected, `CMP-191 ${row}`);
  }
});

t.test('CMP-191 CMP-194 CMP-198 CMP-200 CMP-208 a key pair is not made for who may not have it', async (t) => {
  const stage = openGenerator();
  const noUsage = newDevice('dev', stage.issuing, newKey('RSA'));
  const badTemplate = 'ip rejection badCertTemplate';
  t.equal(gist(await askBody(openStage(), withoutKey(), version3)), badTemplate, 'CMP-191 off by default');
  t.equal(gist(await askBody(stage, withoutKey())), 'ip rejection badRequest', 'CMP-025 CMP-191 pvno 2');
  t.equal(gist(await askBody(stage, withoutKey(), version3, certificateOf(noUsage))), 'ip rejection notAuthorized', 'CMP-194 keyUsage');
  t.equal(gist(await askBody(stage, withoutKey(emptySpki(der.oid(oids.ecPublicKey), der.oid(oids.p384))), version3)), badTemplate, 'a curve not made here');
  t.equal(gist(await askBody(stage, withoutKey(emptySpki(der.oid('1.2.3.4'))), version3)), badTemplate, 'an unknown kind');
  const rsa4096 = [{ type: oids.rsaKeyLenCtrl, value: der.integer(4096) }];
  t.equal(gist(await askBody(stage, withoutKey(emptySpki(der.oid(oids.rsaEncryption)), rsa4096), version3)), badTemplate, 'a size not made here');
  t.equal(gist(await askBody(openGenerator({}, [oids.cmcRA]), withoutKey(), version3)), 'ip rejection systemUnavail', 'an RA without cmKGA');
  const kur: PkiBody = { ...withoutKey(), type: 'kur' } as PkiBody;
  t.equal(gist(await askBody(stage, kur, version3)), 'error rejection wrongIntegrity', 'CMP-198 kur under a MAC');
  const stranger = openGenerator();
  stranger.core.recognise = async () => ({ ok: false, error: { code: 'signer-not-trusted' } });
  const own = newDevice('dev', newAuthority('Own CA'), newKey('RSA'), keyUsageExtension(['digitalSignature', 'keyEncipherment']));
  t.equal(gist(await askBody(stranger, withoutKey(), version3, certificateOf(own))), 'ip rejection signerNotTrusted', 'CMP-203 nothing is made for strangers');
  const secure = openGenerator({ withoutTls: false });
  t.equal(gist(await askBody(secure, withoutKey(), version3)), 'ip rejection notAuthorized', 'CMP-200 plain HTTP');
  const request = buildMessage(await begin(), { senderNonce: nonce() }, withoutKey(), version3);
  t.equal(gist(readReply(bytesOf(await secure.handle(request, { isSecure: true })))), 'ip accepted', 'CMP-200 TLS');
  const emptySigned: PkiBody = { type: 'ir', messages: [certReqMsg(newKey(), { template: { publicKey: undefined } })] };
  t.equal(gist(await askBody(stage, emptySigned, version3)), badTemplate, 'CMP-191 no key, but a proof of one');
});

t.test('CMP-203 keys are made two at a time; one source that asks for many leaves places for the others', async (t) => {
  const stage = openGenerator({ keyTypes: ['Ed25519'] });
  const credential = secretOf();
  const make = async () => buildMessage(await begin(credential), { senderNonce: nonce() }, withoutKey(), version3);
  const messages = await Promise.all(Array.from({ length: 40 }, make));
  const answers = (await Promise.all(messages.map((bytes) => ask(stage, bytes)))).map(gist);
  const count = (expected: string): number => answers.filter((answer) => answer === expected).length;
  t.ok(count('ip accepted') >= 16, `${count('ip accepted')} were made`);
  t.ok(count('error rejection systemUnavail') >= 1, 'who finds no place is told to come again');
  t.equal(count('ip accepted') + count('error rejection systemUnavail'), 40);
  t.equal(gist(await askBody(stage, withoutKey(), version3)), 'ip accepted', 'places are free again');
});

t.test('CMP-199 a private key is made once, kept encrypted, and forgotten once its device has it', async (t) => {
  const stage = openGenerator();
  const transaction = await begin();
  const request = buildMessage(transaction, { senderNonce: nonce() }, withoutKey(), { ...version3, generalInfo: [implicitConfirmItem] });
  const reply = await ask(stage, request);
  const { privateKey, certificate } = receive(t, stage, reply, secret);
  t.notOk(
    reply.message.header.generalInfo?.some((item) => item.infoType === oids.implicitConfirm),
    'its confirmation is awaited',
  );
  t.ok(receive(t, stage, await ask(stage, request), secret).privateKey.equals(privateKey), 'CMP-201 the same key to a retransmission');
  const query = {
    protocol: 'cmp' as const,
    transactionId: transaction.transactionID.toString('hex'),
    requester: stage.core.requests[0]?.requester ?? Buffer.alloc(0),
  };
  const stored = async () => JSON.stringify((await stage.core.findTransaction(undefined, query))?.session);
  const scalar = Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url');
  t.ok((await stored()).includes('"keyPackage":"'));
  t.notOk((await stored()).includes(scalar.toString('hex')), 'not in the clear');
  if (certificate === undefined) throw new Error('no certificate');
  const hashed = certHash(certificate);
  if (!hashed.ok) throw new Error(hashed.error);
  const nonces = { senderNonce: nonce(), recipNonce: reply.message.header.senderNonce ?? nonce() };
  t.equal(gist(await ask(stage, buildCertConf(transaction, nonces, { certReqId: 0, certHash: hashed.value }))), 'pkiconf');
  t.notOk(/"keyPackage":"[^"]/.test(await stored()), 'forgotten');
});
